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
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
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

// check reads what o says before a socket is opened.
func (o Options) check() ([]address, *url.URL, error) {
	if len(o.Addresses) == 0 {
		return nil, nil, &AddressError{"", "there is none"}
	}
	addresses := make([]address, len(o.Addresses))
	for i, text := range o.Addresses {
		a, err := parseListenAddress(text)
		if err != nil {
			return nil, nil, err
		}
		addresses[i] = a
	}
	if o.OpenURLAfter != "" {
		if _, err := parseWebURL(o.OpenURLAfter); err != nil {
			return nil, nil, fmt.Errorf("the URL to open after the sign-in: %w", err)
		}
	}
	if o.RedirectURL == "" {
		return addresses, nil, nil
	}
	registered, err := parseWebURL(o.RedirectURL)
	if err != nil {
		return nil, nil, fmt.Errorf("the redirect URL: %w", err)
	}
	return addresses, registered, nil
}

func (o Options) tlsConfig() (*tls.Config, error) {
	switch {
	case o.CertFile == "" && o.KeyFile == "":
		return nil, nil
	case o.CertFile == "" || o.KeyFile == "":
		return nil, errors.New("the local server needs a certificate and its key")
	}
	pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if err != nil {
		return nil, &CertificateError{err}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// parseWebURL reads a URL that a browser is sent to. Unlike
// httpclient.ParseURL it lets plain http to any host pass: no secret goes
// there that the person did not register there.
func parseWebURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }):
		return nil, errors.New("it cannot be parsed") // url.Error would repeat it
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("it must begin with http:// or https://")
	case u.Hostname() == "" || u.User != nil:
		return nil, errors.New("it must name a host and no user")
	}
	return u, nil
}
