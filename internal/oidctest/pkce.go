package oidctest

// Proof Key for Code Exchange, RFC 7636, with S256 only.

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
)

// challengeOf reads and checks a request's code challenge; "" where there is
// none and none is needed.
func challengeOf(form url.Values, required bool) (string, *oauthError) {
	challenge, method := form.Get("code_challenge"), form.Get("code_challenge_method")
	switch {
	case challenge == "" && method == "" && !required:
		return "", nil
	case challenge == "":
		return "", refuse("invalid_request", "a code_challenge is required")
	case method != "S256":
		return "", refuse("invalid_request", "the code_challenge_method must be S256")
	}
	if sum, err := base64.RawURLEncoding.DecodeString(challenge); err != nil || len(sum) != sha256.Size {
		return "", refuse("invalid_request", "the code_challenge is not a SHA-256 sum in base64url")
	}
	return challenge, nil
}

// verifyChallenge compares a verifier with its challenge. A verifier without a
// challenge is refused too: someone may have taken the challenge away (RFC
// 9700 section 4.8.2).
func verifyChallenge(challenge, verifier string) *oauthError {
	switch {
	case challenge == "" && verifier == "":
		return nil
	case challenge == "":
		return refuse("invalid_grant", "there is a code_verifier but there was no code_challenge")
	case !validVerifier(verifier):
		return refuse("invalid_grant", "the code_verifier is missing or malformed")
	}
	sum := sha256.Sum256([]byte(verifier))
	if base64.RawURLEncoding.EncodeToString(sum[:]) != challenge {
		return refuse("invalid_grant", "the code_verifier does not match")
	}
	return nil
}

// validVerifier holds RFC 7636 section 4.1: 43 to 128 unreserved characters.
func validVerifier(v string) bool {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	return len(v) >= 43 && len(v) <= 128 && strings.Trim(v, unreserved) == ""
}
