package loopback

// Reading an authorization response. The order is: is it well formed, is it
// ours (state), is it the right provider's (iss), and only then what it says.

import (
	"crypto/subtle"
	"net/url"
	"strings"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/term"
)

const (
	maxCode        = 16 << 10 // bytes; real codes have up to about 2 KB
	maxErrorCode   = 64       // runes; the registered ones have at most 26
	maxDescription = 300      // runes
	maxIssuer      = 300      // runes, of an issuer that is to be shown
)

// ParseCallback reads the parameters of an authorization response (RFC 6749,
// section 4.1.2) and returns its code.
//
// Its errors: *StrayError when it does not belong to this login, *IssuerError,
// *DeniedError.
func ParseCallback(query url.Values, want Expected) (secret.Text, error) {
	if repeated(query) {
		return secret.Text{}, &StrayError{"the answer repeats a parameter"}
	}
	if err := checkState(query.Get("state"), want.State); err != nil {
		return secret.Text{}, err
	}
	code, failure := query.Get("code"), query.Get("error")
	if (code == "") == (failure == "") {
		return secret.Text{}, &StrayError{"the answer must carry either a code or an error"}
	}
	if err := checkIssuer(query, want); err != nil {
		return secret.Text{}, err
	}
	if failure != "" {
		return secret.Text{}, denied(failure, query.Get("error_description"))
	}
	if !isCode(code) {
		return secret.Text{}, &StrayError{"the code in the answer is malformed"}
	}
	return secret.New(code), nil
}

// repeated holds RFC 6749, section 3.1: no parameter is given twice. Unknown
// ones are none of our business (section 4.1.2).
func repeated(query url.Values) bool {
	for _, name := range []string{"state", "code", "error", "error_description", "error_uri", "iss"} {
		if len(query[name]) > 1 {
			return true
		}
	}
	return false
}

func checkState(got, want string) error {
	if got == "" {
		return &StrayError{"the answer carries no state"}
	}
	if subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		return &StrayError{"the answer belongs to another sign-in"}
	}
	return nil
}

// checkIssuer holds RFC 9207, section 2.4, for errors too. The comparison is
// exact. Without it one provider's code could be sent to another's token
// endpoint (the mix-up attack, RFC 9700, section 4.4).
func checkIssuer(query url.Values, want Expected) error {
	if !query.Has("iss") {
		if want.IssRequired {
			return &IssuerError{Want: want.Issuer}
		}
		return nil
	}
	if got := query.Get("iss"); got != want.Issuer {
		return &IssuerError{Want: want.Issuer, Got: term.Clean(got, maxIssuer)}
	}
	return nil
}

func denied(code, description string) *DeniedError {
	code = term.Clean(code, maxErrorCode)
	if code == "" {
		code = "an unreadable error"
	}
	return &DeniedError{Code: code, Description: term.Clean(description, maxDescription)}
}

// isCode reports whether s is made of RFC 6749's VSCHAR and bounded.
func isCode(s string) bool {
	return s != "" && len(s) <= maxCode && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
