package issuer

// Tokens are JWS in compact form (RFC 7515, section 7.1). Both ways are written
// here rather than left to go-jose, which the tests hold them against: a
// TokenReview verifies one each time, and a token of ours has a header of
// ours. There is one for each key and kind; the first part of a token is
// looked up among them, byte for byte, so neither algorithm nor key is ever
// taken from what was sent, and no JSON is read before its signature is right.

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind of a token.
type Kind int

// The kinds. An ID token goes to clusters. An access token is for the exchange
// alone (RFC 9068). A caller MUST compare the kind: one is not the other.
const (
	IDToken Kind = iota
	AccessToken
)

func (k Kind) typ() string {
	if k == AccessToken {
		return "at+jwt"
	}
	return "JWT"
}

// Claims of a token.
type Claims struct {
	Kind                 Kind
	Subject, Name, Email string // Email may be empty
	Groups               []string
	// Audience is the one whom the token is for. A token's aud also names
	// AuthorizedParty where they differ (OpenID Connect Core 1.0, section 2),
	// but whoever asks whether a token is for a cluster compares Audience.
	Audience        string
	AuthorizedParty string // the client: azp of an ID token, client_id of an access token
	Session         string
	ID              string // jti
	IssuedAt        time.Time
	Expiry          time.Time
}

// wire is Claims as JSON.
type wire struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  []string `json:"aud"`
	Expiry    int64    `json:"exp"`
	NotBefore int64    `json:"nbf"`
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
	Party     string   `json:"azp,omitempty"`
	Client    string   `json:"client_id,omitempty"`
	Name      string   `json:"preferred_username"`
	Email     string   `json:"email,omitempty"`
	Groups    []string `json:"groups,omitempty"`
	Session   string   `json:"sid,omitempty"`
}

// Sign returns the token. Times are cut to the second. Errors: *TooLargeError,
// *NameError, and those that only a mistake of the caller's makes.
func (k *Keys) Sign(c Claims) (string, error) {
	if err := k.signable(c); err != nil {
		return "", err
	}
	w := wire{
		Issuer: k.o.Issuer, Subject: c.Subject, Audience: []string{c.Audience}, ID: c.ID,
		Expiry: c.Expiry.Unix(), NotBefore: c.IssuedAt.Unix(), IssuedAt: c.IssuedAt.Unix(),
		Name: c.Name, Email: c.Email, Groups: c.Groups, Session: c.Session,
	}
	if c.Kind == AccessToken {
		w.Client = c.AuthorizedParty
	} else if w.Party = c.AuthorizedParty; c.AuthorizedParty != "" && c.AuthorizedParty != c.Audience {
		w.Audience = append(w.Audience, c.AuthorizedParty)
	}
	payload, err := json.Marshal(w)
	if err != nil {
		return "", err
	}
	key := k.set.Load().signing(k.o.Now())
	signed := key.headers[c.Kind] + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := key.sign(c.Kind, signed)
	if err != nil {
		return "", err
	}
	token := signed + "." + base64.RawURLEncoding.EncodeToString(signature)
	if len(token) > MaxToken {
		return "", &TooLargeError{len(token), MaxToken, len(c.Groups)}
	}
	return token, nil
}

func (k *Keys) signable(c Claims) error {
	switch life := c.Expiry.Sub(c.IssuedAt); {
	case c.Kind != IDToken && c.Kind != AccessToken:
		return errors.New("a token of no kind")
	case c.Audience == "" || c.ID == "":
		return errors.New("a token without an audience or an ID")
	case c.IssuedAt.IsZero() || life <= 0 || life > k.o.TokenLife:
		return fmt.Errorf("a token may live for %s, not %s", k.o.TokenLife, life)
	}
	return checkNames(c.Name, c.Subject, c.Groups, k.o.AllowSystemNames)
}

// Verify returns the claims of a token that we signed and that is good now by
// our clock. Whom it is for, of which kind it is, and whether it was revoked
// is for the caller to ask. The caller MUST NOT change Groups. Errors:
// *TokenError.
func (k *Keys) Verify(token string) (Claims, error) {
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, found := strings.Cut(rest, ".")
	if len(token) > MaxToken || !found || !base64URL(header) || !base64URL(payload) || !base64URL(signature) {
		return Claims{}, &TokenError{Malformed}
	}
	ours, known := k.find(header)
	if !known {
		return Claims{}, &TokenError{UnknownKey}
	}
	w, reason := ours.read(token, payload, signature)
	if reason == "" {
		reason = k.untimely(w)
	}
	if reason != "" {
		return Claims{}, &TokenError{reason}
	}
	return w.claims(ours.kind), nil
}

// read returns what a token of the key says.
func (h headed) read(token, payload, signature string) (*wire, Reason) {
	digest := sha256.Sum256([]byte(token))
	if w := h.key.seen.get(digest); w != nil {
		return w, ""
	}
	if !h.key.verify(h.kind, token[:len(token)-len(signature)-1], signature) {
		return nil, Signature
	}
	w := new(wire)
	data, err := base64.RawURLEncoding.Strict().DecodeString(payload)
	if err != nil || json.Unmarshal(data, w) != nil || len(w.Audience) == 0 {
		return nil, Malformed
	}
	h.key.seen.add(digest, len(token), w)
	return w, ""
}

// base64URL looks before the decoder does, which passes over line breaks.
func base64URL(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return text != ""
}

// find looks a header up. An unknown one may be of a key that another process
// has just made: the folder is read again, every few seconds at most, however
// many such tokens come.
func (k *Keys) find(header string) (headed, bool) {
	if ours, known := k.set.Load().headers[header]; known {
		return ours, true
	}
	now, last := k.o.Now().Unix(), k.lastMiss.Load()
	if since := now - last; 0 <= since && since < 5 || !k.lastMiss.CompareAndSwap(last, now) {
		return headed{}, false
	}
	if k.mu.TryLock() { // a rotation may be waiting for other processes
		_ = k.reload() // an error is Tend's to tell; the keys are as they were
		k.mu.Unlock()
	}
	ours, known := k.set.Load().headers[header]
	return ours, known
}

// untimely looks at what is signed but may be another's or not of now.
func (k *Keys) untimely(w *wire) Reason {
	now := k.o.Now()
	switch {
	case w.Issuer != k.o.Issuer:
		return Foreign
	case !now.Before(time.Unix(w.Expiry, 0).Add(Leeway)):
		return Expired
	case now.Add(Leeway).Before(time.Unix(max(w.NotBefore, w.IssuedAt), 0)):
		return Early
	}
	return ""
}

func (w *wire) claims(kind Kind) Claims {
	c := Claims{
		Kind: kind, Subject: w.Subject, Name: w.Name, Email: w.Email, Groups: w.Groups,
		Audience: w.Audience[0], AuthorizedParty: w.Party, Session: w.Session, ID: w.ID,
		IssuedAt: time.Unix(w.IssuedAt, 0), Expiry: time.Unix(w.Expiry, 0),
	}
	if kind == AccessToken {
		c.AuthorizedParty = w.Client
	}
	return c
}
