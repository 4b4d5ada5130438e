// Package intake tells what kinds of credential a kubeconfig's user holds in
// plain text, until when they live, and which exec block takes their place.
//
// What it reads may come from someone else. It is bounded, nothing is fetched
// and no path is followed. Tokens are read without verifying them: the issuer's
// keys are not here, and the server that gets the token verifies it.
package intake

import (
	"errors"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// maxCredential bounds a token, a certificate and its chain, or a key, in bytes.
// API servers refuse larger headers, and certificates are a few KB.
const maxCredential = 64 << 10

// Kind is what a credential is called to a person.
type Kind string

// The kinds that are sealed as they are: nothing renews them.
const (
	StaticToken         Kind = "static token"
	BootstrapToken      Kind = "bootstrap token"
	ServiceAccountToken Kind = "service account token"
	SignedToken         Kind = "signed token" // any other JWT
	ClientCertificate   Kind = "client certificate"
)

// Credential is a token, or a certificate and its key, or both.
type Credential struct {
	Kind        Kind
	Token       secret.Text
	Certificate string // PEM, leaf first
	Key         secret.Text
	Expiry      time.Time // zero: it says none
	// Who is what the credential says of its owner, unverified and as hostile
	// as the rest. It may be empty.
	Who string
}

// Empty reports whether there is none.
func (c Credential) Empty() bool { return c.Token.Empty() && c.Certificate == "" }

// with is c and other together: client-go sends both.
func (c Credential) with(other Credential) Credential {
	switch {
	case c.Empty():
		return other
	case other.Empty():
		return c
	}
	c.Kind += " and " + other.Kind
	c.Certificate, c.Key = other.Certificate, other.Key
	if c.Expiry.IsZero() || !other.Expiry.IsZero() && other.Expiry.Before(c.Expiry) {
		c.Expiry = other.Expiry
	}
	if c.Who == "" {
		c.Who = other.Who
	}
	return c
}

// Errors of what cannot be taken in. None repeats any part of it.
var (
	ErrTooLong      = errors.New("it is larger than 64 KB") // maxCredential
	ErrToken        = errors.New("its token cannot be sent in an HTTP header")
	ErrHalfPair     = errors.New("it holds a certificate without its key, or a key without its certificate")
	ErrCertificate  = errors.New("its client-certificate-data is no PEM certificate")
	ErrKey          = errors.New("its client-key-data is no PEM private key")
	ErrEncryptedKey = errors.New("its key is encrypted, which no Kubernetes client can use")
	ErrMismatch     = errors.New("its certificate and its key do not belong together")
	ErrNoIssuer     = errors.New("its auth-provider names no issuer or no client")
)
