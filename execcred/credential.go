package execcred

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"time"
)

// Credential is what a client sends to the API server: a token, or a
// certificate with its key, or both.
type Credential struct {
	// Token goes into the Authorization header after "Bearer ".
	Token string
	// ClientCertificate is PEM: the leaf first, then its intermediates.
	ClientCertificate string
	// ClientKey is the PEM private key of the leaf.
	ClientKey string
	// Expiry is when the server stops accepting it. Zero means never.
	Expiry time.Time
}

// String keeps a Credential out of logs and errors.
func (Credential) String() string { return "ExecCredential [REDACTED]" }

// GoString is String for %#v.
func (c Credential) GoString() string { return c.String() }

// Errors of Encode. None repeats any part of the credential.
var (
	ErrEmpty       = errors.New("the credential holds neither a token nor a certificate")
	ErrHalfPair    = errors.New("the credential holds a certificate without its key, or a key without its certificate")
	ErrToken       = errors.New("the token cannot be sent in an HTTP header")
	ErrCertificate = errors.New("the client certificate is not PEM")
	ErrKey         = errors.New("the client key is not one PEM private key")
	ErrExpired     = errors.New("the credential has expired")
)

// Fields are left out when empty: null, "" and the year 0001 mean something
// else to some client (Python sends "Bearer None" for a null token).
type (
	object struct {
		Kind       string     `json:"kind"`
		APIVersion APIVersion `json:"apiVersion"`
		Status     status     `json:"status"`
	}
	status struct {
		Expiry      string `json:"expirationTimestamp,omitempty"`
		Token       string `json:"token,omitempty"`
		Certificate string `json:"clientCertificateData,omitempty"`
		Key         string `json:"clientKeyData,omitempty"`
	}
)

// Encode returns the ExecCredential for c as one JSON object and a newline,
// to be written to stdout in one piece. It refuses what a client would refuse
// or send wrongly; see the errors of this package.
func Encode(v APIVersion, c Credential, now time.Time) ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	expiry, err := timestamp(c.Expiry, now)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err = enc.Encode(object{"ExecCredential", v, status{expiry, c.Token, c.ClientCertificate, c.ClientKey}})
	return out.Bytes(), err
}

func (c Credential) check() error {
	switch {
	case (c.ClientCertificate == "") != (c.ClientKey == ""):
		return ErrHalfPair
	case c.Token == "" && c.ClientCertificate == "":
		return ErrEmpty
	case c.Token != "" && !sendable(c.Token):
		return ErrToken
	case c.ClientCertificate != "" && !isCertificates(c.ClientCertificate):
		return ErrCertificate
	case c.ClientKey != "" && !isKey(c.ClientKey):
		return ErrKey
	}
	return nil
}

// sendable reports whether every byte may stand in a header's token. A token
// that says "Bearer " itself would be sent doubled; its space is refused.
func sendable(token string) bool {
	return !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func isCertificates(text string) bool {
	rest := []byte(text)
	for n := 0; ; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return n > 0 && len(bytes.TrimSpace(rest)) == 0
		}
		if block.Type != "CERTIFICATE" {
			return false
		}
	}
}

func isKey(text string) bool {
	block, rest := pem.Decode([]byte(text))
	return block != nil && strings.HasSuffix(block.Type, "PRIVATE KEY") && len(bytes.TrimSpace(rest)) == 0
}

// earlier is how much before its end a credential is declared dead: client-go
// compares without leeway, and a request needs time to arrive.
const earlier = 10 * time.Second

// timestamp formats an expiry as clients parse it (RFC 3339 in UTC, whole
// seconds): up to ten seconds early, and never past, since a past one makes
// clients run the plugin for every request.
func timestamp(expiry, now time.Time) (string, error) {
	if expiry.IsZero() {
		return "", nil
	}
	margin := min(earlier, expiry.Sub(now)/10)
	at := expiry.Add(-margin).UTC().Truncate(time.Second)
	if !at.After(now) {
		return "", ErrExpired
	}
	return at.Format(time.RFC3339), nil
}
