package server

// What the server needs of others. The main joins them; their errors are made
// these at the seam, so that nothing here depends on how they are built.

import (
	"context"
	"errors"
	"net/netip"
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

	// ErrBusy is that others sign in with the same name, and go on for too long.
	ErrBusy = errors.New("too many sign-ins with this name are under way")

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
	AccountRestricted      AccountReason = "restricted"
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
	Name     string // as clusters know it
	Client   string
	Audience string // of its ID tokens
	Scope    []string
	Created  time.Time
	Expiry   time.Time // the end, however often it is refreshed
}

// Sessions keeps sessions. Errors other than ErrNoSession and ErrReused mean
// "not now".
type Sessions interface {
	// Create keeps a new session, with an ID and an end of the store's choice,
	// and returns it with its first refresh token.
	Create(context.Context, Session) (Session, secret.Text, error)
	// Find returns the session of a refresh token, spent or not. Beside
	// ErrNoSession it may return one that was revoked: to be named, and no more.
	Find(ctx context.Context, refresh secret.Text) (Session, error)
	// Rotate spends a refresh token of a client's for the next one.
	Rotate(ctx context.Context, refresh secret.Text, client string) (secret.Text, error)
	// Get returns a session by its ID.
	Get(ctx context.Context, id string) (Session, error)
	// End ends a session and revokes its tokens. One that is not there is no
	// error.
	End(ctx context.Context, id string) error
}

// Revocations knows which tokens are good no more.
type Revocations interface {
	// RevokeToken revokes one token; it may be forgotten after expiry.
	RevokeToken(ctx context.Context, jti string, expiry time.Time) error
	// Revoked reports whether a token is revoked by its ID, its session, its
	// subject, or the time before which none is taken.
	Revoked(context.Context, Claims) (bool, error)
}

// Limits counts failures, of a user and of an address.
type Limits interface {
	// Begin asks whether the directory may be asked, and waits where too many
	// ask for the same user at once, until the context ends. Its errors are
	// *LimitedError, ErrCredentials for a password that is known to be wrong,
	// ErrBusy after such a wait, or anything else for "not now". User is what was typed: that many spellings are one name
	// is the Limits' to know.
	Begin(ctx context.Context, user string, address netip.Addr, password secret.Text) (Attempt, error)
}

// Attempt is one password on its way to the directory.
type Attempt interface {
	Refused(context.Context) error // counts a failure; the password may be remembered as wrong
	Barred(context.Context) error  // counts one that is the account's: the password may be right
	Passed(context.Context) error  // forgets the user's failures, as directories do
	Done()                         // is called at the end, whatever it was
}

// LimitedError is too many failures.
type LimitedError struct{ After time.Duration } // when to try again

func (e *LimitedError) Error() string { return "too many failed sign-ins" }
