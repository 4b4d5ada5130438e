package server

// What the server needs of others. The main joins them; their errors are made
// these at the seam, so that nothing here depends on how they are built.

import (
	"context"
	"errors"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

var (
	// ErrCredentials is an unknown user or a wrong password: the same.
	ErrCredentials = errors.New("the user name or the password is wrong")
	// ErrGone is somebody the directory no longer has.
	ErrGone = errors.New("the account is no longer there")
	// ErrUnavailable is a directory or a store that cannot answer now.
	ErrUnavailable = errors.New("not available at the moment")

	// ErrNoSession is a refresh token that is unknown, expired or revoked.
	ErrNoSession = errors.New("there is no such session")
	// ErrReused is a refresh token that was spent before: somebody has a copy
	// (RFC 9700, section 4.14.2).
	ErrReused = errors.New("the refresh token was used before")

	// ErrTooLarge is a token that the Signer does not make for its size.
	ErrTooLarge = errors.New("the token would be too large")
	// ErrCSR is a certificate signing request that is no good. The text of an
	// error that wraps it is shown to whoever sent the request.
	ErrCSR = errors.New("the certificate signing request was refused")
)

// AccountError is an account that may not sign in, whatever its password.
type AccountError struct{ Reason AccountReason }

func (e *AccountError) Error() string { return "the account is " + string(e.Reason) }

// AccountReason says why an account may not sign in.
type AccountReason string

// The reasons. Another counts as AccountDisabled.
const (
	AccountDisabled        AccountReason = "disabled"
	AccountLocked          AccountReason = "locked"
	AccountExpired         AccountReason = "expired"
	AccountPasswordExpired AccountReason = "password expired"
	AccountMustChange      AccountReason = "password must change"
)

// Identity is who somebody is, from the directory and never from what was
// typed.
type Identity struct {
	ID     string   // stable in the directory
	Name   string   // without the exchange's prefix
	Email  string   // may be empty
	Groups []string // names
}

// Directory knows who may sign in. Its errors are ErrCredentials, ErrGone,
// *AccountError, or anything else for "not now".
type Directory interface {
	Authenticate(ctx context.Context, name string, password secret.Text) (Identity, error)
	// Lookup asks again for somebody who signed in before, by Identity.ID.
	Lookup(ctx context.Context, id string) (Identity, error)
}

// Kind is a token's type, which its header's typ says.
type Kind int

// The kinds of tokens. An ID token is for clusters, an access token (RFC 9068)
// for the exchange alone.
const (
	IDToken Kind = iota
	AccessToken
)

// Claims are what a token says.
type Claims struct {
	Kind    Kind
	Subject string   // Identity.ID
	Name    string   // preferred_username, as clusters know it
	Email   string   // may be empty
	Groups  []string // as clusters know them
	// Audience is the one that the token is for. An ID token's aud names the
	// client besides, which counts for nothing here.
	Audience string
	Client   string // azp, in an access token client_id
	Session  string // sid
	ID       string // jti
	IssuedAt time.Time
	Expiry   time.Time
}

// Signer makes tokens and knows them again.
type Signer interface {
	Sign(Claims) (string, error)
	// Verify checks the signature, the issuer, the type and the times. Whom the
	// token is for is compared here.
	Verify(token string) (Claims, error)
	JWKS() []byte         // the public keys, as RFC 7517 has them
	Algorithms() []string // that tokens may be signed with, such as RS256
}

// Subject is whom a certificate is for.
type Subject struct {
	Name   string
	UID    string
	Groups []string
}

// CertificateAuthority issues client certificates for one cluster.
type CertificateAuthority interface {
	// Issue checks a PEM certificate signing request and answers with the
	// chain, leaf first, of a certificate that lives for at most lifetime. What
	// is wrong with the request is an error that wraps ErrCSR.
	Issue(csr []byte, subject Subject, lifetime time.Duration) (chainPEM []byte, notAfter time.Time, serial string, err error)
}

// Session is one sign-in, which refresh tokens continue.
type Session struct {
	ID       string
	User     string // Identity.ID
	Client   string
	Audience string // of its ID tokens
	Scope    []string
	Created  time.Time
	Expiry   time.Time // the end, however often it is refreshed
}

// Sessions keeps sessions. Errors other than ErrNoSession and ErrReused mean
// "not now".
type Sessions interface {
	// Create keeps a new session and returns its first refresh token.
	Create(context.Context, Session) (secret.Text, error)
	// Find returns the session of a refresh token and spends nothing. With
	// ErrReused it returns the session as well.
	Find(ctx context.Context, refresh secret.Text) (Session, error)
	// Rotate spends a refresh token for the next one, once: of two at the same
	// time, one gets ErrReused.
	Rotate(ctx context.Context, refresh secret.Text) (secret.Text, error)
	// Get returns a session by its ID.
	Get(ctx context.Context, id string) (Session, error)
	// End ends a session. One that is not there is no error.
	End(ctx context.Context, id string) error
}

// Revocations knows which tokens are good no more.
type Revocations interface {
	// RevokeToken revokes one token; it may be forgotten after expiry.
	RevokeToken(ctx context.Context, jti string, expiry time.Time) error
	// RevokeSession revokes all tokens of a session.
	RevokeSession(ctx context.Context, id string) error
	// Revoked reports whether a token is revoked by its ID, its session, its
	// subject, or the time before which none is taken.
	Revoked(context.Context, Claims) (bool, error)
}

// Limits counts failures. User is a folded name, address an IP address or an
// IPv6 network.
type Limits interface {
	// Wait returns how long neither may try; zero is now.
	Wait(ctx context.Context, user, address string) (time.Duration, error)
	Fail(ctx context.Context, user, address string) error
	// Forget forgets the failures of a user who has signed in, as directories do.
	Forget(ctx context.Context, user string) error
}
