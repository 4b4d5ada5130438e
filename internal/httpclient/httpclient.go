// Package httpclient makes the one HTTP client through which the program
// speaks with providers and exchanges, and holds what every request obeys:
// HTTP/1.1 over TLS (plain on loopback only), a deadline, a bound on the
// answer's size, no redirect that would carry credentials, proxies from the
// environment, and a log that shows neither queries nor bodies.
package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// MaxBody bounds every answer, in bytes. Discovery documents, key sets
	// and token answers are a few KB; a token with hundreds of groups, 64 KB.
	MaxBody = 1 << 20
	// Timeout bounds one exchange with a server, its body included.
	Timeout = 30 * time.Second

	// idleTimeout is how long an unused connection is kept. A person takes
	// longer than that to sign in, and servers close theirs after a while (Node
	// after five seconds): a POST that meets the close is lost, and a code or
	// a refresh token is not sent twice.
	idleTimeout = 2 * time.Second

	dialTimeout  = 10 * time.Second
	maxRedirects = 5
)

// Options says whom to trust and what to send. The zero value trusts the
// system's roots.
type Options struct {
	CAPEM          []byte                   // trusted instead of the system's roots when not empty
	AddSystemRoots bool                     // trust the system's roots besides CAPEM
	Renegotiation  tls.RenegotiationSupport // for servers that still need it
	Header         map[string]string        // sent to HeaderHost alone
	HeaderHost     string                   // host[:port] that Header is for
	Proxy          string                   // "" is the environment's, "none" is no proxy, else its URL
	UserAgent      string
	ServerName     string       // that the server's certificate must have; "" is the address's
	Log            *slog.Logger // where requests are told of; nil is nowhere

	// Certificate answers a server that asks for the client's certificate; nil
	// is none.
	Certificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error)

	// InsecureSkipTLSVerify turns the check of the server's certificate off.
	// It MUST NOT be set but by a person's own choice.
	InsecureSkipTLSVerify bool
}

// New returns a client that obeys the rules of this package. Its error is
// about CAPEM or Proxy.
func New(o Options) (*http.Client, error) {
	roots, err := pool(o)
	if err != nil {
		return nil, err
	}
	via, err := proxy(o.Proxy)
	if err != nil {
		return nil, err
	}
	base := &http.Transport{
		Proxy:                  via,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		Protocols:              http1(),
		TLSHandshakeTimeout:    dialTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            roots,
			ServerName:         o.ServerName,
			Renegotiation:      o.Renegotiation,
			InsecureSkipVerify: o.InsecureSkipTLSVerify, //nolint:gosec // the name says it

			GetClientCertificate: o.Certificate,
		},
	}
	return &http.Client{
		Transport:     &transport{base: base, options: o},
		CheckRedirect: checkRedirect,
		Timeout:       Timeout,
	}, nil
}

// http1 leaves HTTP/2 out, which has no use for one request at a time. A
// release is built without its code (the tag nethttpomithttp2), and another
// build must not behave otherwise.
func http1() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	return &p
}

func pool(o Options) (*x509.CertPool, error) {
	if len(o.CAPEM) == 0 {
		return nil, nil
	}
	roots := x509.NewCertPool()
	if o.AddSystemRoots {
		system, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("cannot read the system's certificate authorities: %w", err)
		}
		roots = system
	}
	if !roots.AppendCertsFromPEM(o.CAPEM) {
		return nil, errors.New("the certificate authority holds no PEM certificate")
	}
	return roots, nil
}

func proxy(setting string) (func(*http.Request) (*url.URL, error), error) {
	switch setting {
	case "":
		return http.ProxyFromEnvironment, nil
	case "none":
		return nil, nil
	}
	u, err := url.Parse(setting)
	if err != nil || u.Host == "" {
		return nil, errors.New("the proxy is not a URL") // it may hold a password
	}
	return http.ProxyURL(u), nil
}

// ProxyHost is the host[:port] of the proxy that a client with this setting of
// Options.Proxy sends req through; "" is none.
func ProxyHost(setting string, req *http.Request) string {
	via, err := proxy(setting)
	if err != nil || via == nil {
		return ""
	}
	u, err := via(req)
	if err != nil || u == nil {
		return ""
	}
	return u.Host
}

// RedirectError is a redirect that was refused.
type RedirectError struct{ Reason string }

func (e *RedirectError) Error() string { return "refused a redirect: " + e.Reason }

// checkRedirect lets a GET without credentials move within https. Go turns a
// POST into a GET on 301 to 303 and repeats it on 307 and 308; the token
// endpoint has no reason for either (RFC 9700, section 4.12).
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case len(via) >= maxRedirects:
		return &RedirectError{"too many"}
	case first.Method != http.MethodGet && first.Method != http.MethodHead:
		return &RedirectError{"a " + first.Method + " request may not be sent elsewhere"}
	case first.Header.Get("Authorization") != "":
		return &RedirectError{"the request carries credentials"}
	case check(req.URL) != nil:
		return &RedirectError{check(req.URL).Error()}
	case first.URL.Scheme == "https" && req.URL.Scheme != "https":
		return &RedirectError{"from https to http"}
	}
	return nil
}

// transport adds headers, bounds the body and tells the log.
type transport struct {
	base    http.RoundTripper
	options Options
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := check(req.URL); err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	if t.options.UserAgent != "" {
		req.Header.Set("User-Agent", t.options.UserAgent)
	}
	if req.URL.Host == t.options.HeaderHost {
		for name, value := range t.options.Header {
			req.Header.Set(name, value)
		}
	}
	start := time.Now()
	resp, err := t.base.RoundTrip(req)
	t.tell(req, resp, err, time.Since(start))
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{body: resp.Body, left: MaxBody}
	return resp, nil
}

func (t *transport) tell(req *http.Request, resp *http.Response, err error, took time.Duration) {
	if t.options.Log == nil {
		return
	}
	attrs := []any{"method", req.Method, "host", req.URL.Host, "path", req.URL.Path, "ms", took.Milliseconds()}
	if err != nil {
		t.options.Log.Info("request failed", append(attrs, "error", err)...)
		return
	}
	t.options.Log.Info("request", append(attrs, "status", resp.StatusCode)...)
}

// ErrBodyTooLarge is an answer of more than MaxBody bytes. Its text is written
// out: a Sprintf here would be paid for at each start of the program.
var ErrBodyTooLarge = errors.New("the server's answer is larger than 1048576 bytes")

type boundedBody struct {
	body io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, b.end()
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	return n, err
}

// end tells a body that is exactly as long as the bound from a longer one.
func (b *boundedBody) end() error {
	var one [1]byte
	if n, err := b.body.Read(one[:]); n == 0 {
		return err
	}
	return ErrBodyTooLarge
}

func (b *boundedBody) Close() error { return b.body.Close() }

// IsNetwork reports whether err means that the server could not be reached or
// did not answer in time, so that trying again later may help. A certificate
// that is not trusted, a refused redirect and an answer that is too large are
// none: the server was reached. Nor is a person's own cancellation.
func IsNetwork(err error) bool {
	var (
		cert     *tls.CertificateVerificationError
		redirect *RedirectError
		refused  *URLError
		request  *url.Error
		socket   *net.OpError
		name     *net.DNSError
	)
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, ErrBodyTooLarge):
		return false
	case errors.As(err, &cert), errors.As(err, &redirect), errors.As(err, &refused):
		return false
	}
	// Not net.Error: a bare syscall.Errno and a deadline of our own are that
	// too, and a file that is missing is no trouble of the network's.
	return errors.As(err, &request) || errors.As(err, &socket) || errors.As(err, &name) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}
