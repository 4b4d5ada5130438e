package login

// Claims as they came, by exact name, and as the rest of the program sees
// them once they are verified.

import (
	"math"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/term"
)

// maxName bounds a person's name in an error, in runes.
const maxName = 100

// Claims are what a verified token says of a person. Subject is exact and
// meant for comparing; the texts beside it are cleaned and fit to be shown.
type Claims struct {
	Subject           string
	Email             string
	PreferredUsername string
	Name              string
	Groups            int // how many; what they are is in Raw
	IssuedAt          time.Time

	// Raw is all of them, as encoding/json decodes them; its texts are the
	// provider's own and MUST be cleaned before they are shown. It lacks
	// _claim_sources, which can hold access tokens (OpenID Connect Core 1.0,
	// section 5.6.2).
	Raw map[string]any
}

// Account is the name by which a person is best called, or "".
func (c Claims) Account() string {
	for _, name := range []string{c.Email, c.PreferredUsername, c.Name} {
		if name != "" {
			return name
		}
	}
	return term.Clean(c.Subject, maxName)
}

// rawClaims is a token's payload. Keys are compared exactly, unlike in
// encoding/json's structs.
type rawClaims map[string]any

func (r rawClaims) text(name string) string {
	s, _ := r[name].(string)
	return s
}

// time reads a NumericDate (RFC 7519, section 2). Fractions are dropped. A
// number that leads past the year 6000 does not count: RFC 3339 could not
// write it.
func (r rawClaims) time(name string) (time.Time, bool) {
	n, ok := r[name].(float64)
	if !ok || math.Abs(n) > 1<<37 {
		return time.Time{}, false
	}
	return time.Unix(int64(n), 0), true
}

// list reads one string or an array of them. What else is in the array counts
// as an element, since it makes several.
func (r rawClaims) list(name string) []string {
	switch value := r[name].(type) {
	case string:
		return []string{value}
	case []any:
		list := make([]string, len(value))
		for i := range value {
			list[i], _ = value[i].(string)
		}
		return list
	}
	return nil
}

// isFor reports whether account names this person: the subject exactly, or a
// user name or e-mail address without regard to case. An address that the
// provider calls unverified is only a claim about someone else's mailbox.
func (r rawClaims) isFor(account string) bool {
	if r.text("sub") == account {
		return true
	}
	for _, name := range []string{"preferred_username", "upn", "unique_name", "email"} {
		if name == "email" && (r["email_verified"] == false || r["email_verified"] == "false") {
			continue
		}
		if value := r.text(name); value != "" && strings.EqualFold(value, account) {
			return true
		}
	}
	return false
}

// name is how to call this person in an error, cleaned.
func (r rawClaims) name() string {
	for _, claim := range []string{"email", "preferred_username", "upn", "unique_name", "sub"} {
		if value := term.Clean(r.text(claim), maxName); value != "" {
			return value
		}
	}
	return ""
}

func (r rawClaims) exported() Claims {
	delete(r, "_claim_sources")
	issued, _ := r.time("iat")
	return Claims{
		Subject:           r.text("sub"),
		Email:             term.Clean(r.text("email"), maxName),
		PreferredUsername: term.Clean(r.text("preferred_username"), maxName),
		Name:              term.Clean(r.text("name"), maxName),
		Groups:            len(r.list("groups")),
		IssuedAt:          issued,
		Raw:               r,
	}
}
