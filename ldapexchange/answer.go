package ldapexchange

// What an exchange gave, from its body to what may be used.

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// unknownLife is how long a token is served that does not say when it ends.
const unknownLife = 10 * time.Minute

// readToken reads the three forms of the basic profile's answer: an
// ExecCredential, {"token": "…"}, and the bare token, which must be a JWT: a
// sign-in page of a network is text as well.
func readToken(body []byte, now time.Time) (Token, error) {
	text, end, err := findToken(bytes.TrimSpace(body))
	if err != nil {
		return Token{}, err
	}
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Token{}, &AnswerError{Reason: "it holds no token"}
	}
	if inside, ok := jwtEnd(text); ok && (end.IsZero() || inside.Before(end)) {
		end = inside
	}
	if end.IsZero() {
		end = now.Add(unknownLife)
	}
	if !now.Before(end) {
		return Token{}, &AnswerError{Reason: "its token has ended already; is this machine's clock right?"}
	}
	return Token{secret.New(text), end}, nil
}

func findToken(body []byte) (text string, end time.Time, err error) {
	if !bytes.HasPrefix(body, []byte("{")) {
		if text = string(body); !isJWT(text) {
			return "", time.Time{}, &AnswerError{Reason: "it holds neither a token nor JSON"}
		}
		return text, time.Time{}, nil
	}
	var form struct {
		Kind  string `json:"kind"`
		Token string `json:"token"`
	}
	if json.Unmarshal(body, &form) != nil {
		return "", time.Time{}, &AnswerError{Reason: "it is neither a token nor JSON that holds one"}
	}
	if form.Kind == "" {
		return form.Token, time.Time{}, nil
	}
	status, end, err := parseExec(body)
	if err != nil {
		return "", time.Time{}, &AnswerError{Reason: err.Error()}
	}
	return status.Token, end, nil
}

// readCertificate reads the native profile's answer.
func readCertificate(body []byte, key Key, now time.Time) (Certificate, error) {
	status, end, err := parseExec(body)
	if err != nil {
		return Certificate{}, &AnswerError{Reason: err.Error()}
	}
	certificate, err := key.read(status.Certificate, now)
	if err != nil {
		return Certificate{}, &AnswerError{Reason: err.Error()}
	}
	if !end.IsZero() && end.Before(certificate.Expiry) {
		certificate.Expiry = end
	}
	if !now.Before(certificate.Expiry) {
		return Certificate{}, &AnswerError{Reason: "it has ended already; is this machine's clock right?"}
	}
	return certificate, nil
}

func isJWT(text string) bool {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return false
	}
	for _, part := range parts {
		if _, err := base64.RawURLEncoding.DecodeString(part); err != nil || part == "" {
			return false
		}
	}
	return true
}

// jwtEnd is the exp of a token that is a JWT, unverified.
func jwtEnd(text string) (end time.Time, ok bool) {
	if !isJWT(text) {
		return time.Time{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	var claims struct {
		Expiry float64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Expiry < 1 || claims.Expiry > 1<<37 {
		return time.Time{}, false
	}
	return time.Unix(int64(claims.Expiry), 0), true
}
