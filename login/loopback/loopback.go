// Package loopback receives the answer of an authorization request on this
// machine's loopback interface (RFC 8252, section 7.3) and shows the person a
// page that tells how the login ended.
//
// The rules of this package:
//   - It listens on loopback and nowhere else.
//   - An answer that does not belong to this login gets a 4xx, and the wait
//     goes on; only the context ends it.
//   - The page says "signed in" only after the caller has verified the token
//     and said so with Callback.Succeed.
//   - The code leaves the address bar at once: the answer is redirected to a
//     result page that carries nothing.
//
// The guarantee ends at the machine: whoever runs as this person, or can read
// the browser's arguments, can learn the state and forge an answer. PKCE and
// the nonce, which the caller checks, make such a forgery useless.
//
// The package knows no OIDC library.
package loopback

import (
	"context"
	"log/slog"
	"net/url"

	"github.com/kubecred/kubecred/internal/secret"
)

// Expected is what an answer must carry to belong to this login.
type Expected struct {
	// State is the "state" that was sent; it is compared in constant time. An
	// empty State matches nothing.
	State string
	// Issuer is the provider's identifier. An "iss" in the answer must equal
	// it (RFC 9207, section 2.4).
	Issuer string
	// IssRequired is true when the provider advertises
	// authorization_response_iss_parameter_supported.
	IssRequired bool
}

// Options configures Listen.
type Options struct {
	Expected

	// Addresses are tried in order, each a "host:port" where host is
	// localhost or a loopback address. Port 0 lets the system choose.
	Addresses []string
	// RedirectURL is the redirect URI registered at the provider, where it is
	// not the default, "http://localhost:PORT" without a path. It is sent as
	// it is; when it names no port and port 0 is listened on, the chosen port
	// is put in.
	RedirectURL string
	// CertFile and KeyFile are PEM files; both or neither. With them the
	// listener speaks TLS and the default redirect URL begins with https.
	CertFile, KeyFile string
	// FormPost accepts the answer as a form post (response_mode=form_post)
	// too. A GET is always accepted.
	FormPost bool
	// OpenURLAfter is where the browser is sent after a success instead of the
	// page; http or https.
	OpenURLAfter string
	// Log is told of strays, without their contents. Nil is nowhere.
	Log *slog.Logger
}

// Listener waits for one answer.
type Listener struct{}

// Listen binds the first of the addresses that is free and begins to serve.
//
// While the redirect URL names localhost, 127.0.0.1 and ::1 are bound on the
// same port, since browsers differ in which of the two they try.
//
// Its errors: *NotLoopbackError, *AddressError, *BusyError when no address is
// free, and others about the certificate or the URLs in o.
func Listen(ctx context.Context, o Options) (*Listener, error) { return nil, nil }

// RedirectURL is the redirect_uri to send to the provider.
func (l *Listener) RedirectURL() string { return "" }

// Wait returns the code that the provider sent. It is called once.
//
// Its errors: *DeniedError when the provider answered with an error,
// *IssuerError when the answer has this login's state but another issuer, and
// the context's.
func (l *Listener) Wait(ctx context.Context) (*Callback, error) { return nil, nil }

// Close frees the port. When an answer has come, it first waits, for a second
// at most, until the browser has its page. A second call does nothing.
func (l *Listener) Close() error { return nil }

// Callback is an answer that belongs to this login. The browser waits for
// Succeed or Fail; whichever is called first counts. Neither blocks: the page
// is delivered before Close returns.
type Callback struct {
	// Code is the authorization code.
	Code secret.Text
}

// Succeed shows that the person is signed in. It MUST be called only after the
// token was verified. account is who signed in, and may be empty.
func (c *Callback) Succeed(account string) {}

// Fail shows that the login failed. reason is a sentence without secrets; it
// may come from the provider.
func (c *Callback) Fail(reason string) {}

// ParseCallback reads the parameters of an authorization response (RFC 6749,
// section 4.1.2) and returns its code.
//
// Its errors: *StrayError when it does not belong to this login, *IssuerError,
// *DeniedError.
func ParseCallback(query url.Values, want Expected) (secret.Text, error) {
	return secret.Text{}, nil
}

// ParsePasted reads what a person pasted: the bare code, or the whole address
// of the page that the browser ended on, whose state and issuer are checked as
// in ParseCallback. Its errors are ParseCallback's, and *PasteError for text
// that can be neither.
func ParsePasted(text string, want Expected) (secret.Text, error) {
	return secret.Text{}, nil
}
