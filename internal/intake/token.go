package intake

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// Token takes in a bearer token. Errors: ErrTooLong, ErrToken.
func Token(text string) (Credential, error) {
	switch {
	case text == "":
		return Credential{}, nil
	case len(text) > maxCredential:
		return Credential{}, ErrTooLong
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return Credential{}, ErrToken
	}
	c := Credential{Kind: StaticToken, Token: secret.New(text)}
	if said, ok := readClaims(text); ok {
		c.Kind, c.Expiry, c.Who = SignedToken, said.expiry, said.who()
		if strings.HasPrefix(said.subject, "system:serviceaccount:") {
			c.Kind, c.Who = ServiceAccountToken, said.subject
		}
	} else if id, ok := bootstrapID(text); ok {
		c.Kind, c.Who = BootstrapToken, "system:bootstrap:"+id
	}
	return c, nil
}

// bootstrapID returns the public half of a bootstrap token,
// [a-z0-9]{6}\.[a-z0-9]{16}.
func bootstrapID(text string) (id string, ok bool) {
	id, rest, _ := strings.Cut(text, ".")
	plain := func(s string) bool { return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == "" }
	return id, len(id) == 6 && len(rest) == 16 && plain(id) && plain(rest)
}

// claims are what a JWT says of itself, unverified.
type claims struct {
	subject, email string
	expiry         time.Time
}

func (c claims) who() string {
	if c.email != "" {
		return c.email
	}
	return c.subject
}

// readClaims reports whether text is a JWT (RFC 7519), and what it says. A claim
// of another shape counts as none: the server judges it.
func readClaims(text string) (c claims, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || len(text) > maxCredential {
		return claims{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var said struct {
		Subject json.RawMessage `json:"sub"`
		Email   json.RawMessage `json:"email"`
		Expiry  json.RawMessage `json:"exp"`
	}
	if err != nil || json.Unmarshal(payload, &said) != nil {
		return claims{}, false
	}
	var seconds float64
	json.Unmarshal(said.Subject, &c.subject)
	json.Unmarshal(said.Email, &c.email)
	if json.Unmarshal(said.Expiry, &seconds) == nil && seconds > 0 && seconds <= latest {
		c.expiry = time.Unix(int64(math.Floor(seconds)), 0).UTC()
	}
	return c, true
}

// latest is the end of the year 9999, the last that RFC 3339 can write.
const latest = 253402300799
