package oidctest

// A provider's life: it listens from New to Close and can be changed while it
// runs.

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// TB is what Start needs of a *testing.T. The package does not import testing,
// so that the demonstration does not carry its flags.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Provider is a running OpenID Provider.
type Provider struct {
	// URL is its scheme and address, without a slash at the end.
	URL string
	// Issuer is URL and the configured path.
	Issuer string

	listener  net.Listener
	server    *http.Server
	authority *authority // nil without TLS
	keys      *keys
	state     *state
	journal   *journal

	applying sync.Mutex
	config   atomic.Pointer[Config]
}

// Start runs a provider until the test ends.
func Start(t TB, opts ...Option) *Provider {
	t.Helper()
	p, err := New(opts...)
	if err != nil {
		t.Fatalf("oidctest: %v", err)
		return nil
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// New runs a provider until Close. It fails when the address is not a loopback
// one or is taken.
func New(opts ...Option) (*Provider, error) {
	cfg := defaults()
	for _, o := range opts {
		o(cfg)
	}
	keys, err := newKeys(cfg.Alg)
	if err != nil {
		return nil, err
	}
	p := &Provider{keys: keys, state: newState(), journal: newJournal()}
	p.config.Store(cfg)
	if err := p.listen(cfg); err != nil {
		return nil, err
	}
	return p, nil
}

// Apply changes the provider for the requests that arrive from now on.
func (p *Provider) Apply(opts ...Option) {
	p.applying.Lock()
	defer p.applying.Unlock()
	cfg := p.config.Load().clone()
	for _, o := range opts {
		o(cfg)
	}
	p.config.Store(cfg)
}

// Close stops listening and cuts every connection, also those of answers that
// hang.
func (p *Provider) Close() error {
	// The server knows its listener only once its goroutine runs.
	p.listener.Close()
	return p.server.Close()
}

// CAPEM is the certificate authority that a client must trust, nil without
// TLS.
func (p *Provider) CAPEM() []byte {
	if p.authority == nil {
		return nil
	}
	return p.authority.pem
}

// Client is an HTTP client that trusts the provider, passes every proxy by and
// does not follow redirects.
func (p *Provider) Client() *http.Client {
	return &http.Client{
		Transport:     transport(p.CAPEM()),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// listen opens the socket and serves it.
func (p *Provider) listen(cfg *Config) error {
	host, _, err := net.SplitHostPort(cfg.Address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%q is not a loopback address", cfg.Address)
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", cfg.Address)
	if err != nil {
		return err
	}
	p.server = &http.Server{
		ReadHeaderTimeout: 30 * time.Second,
		// The faults break connections on purpose; nobody wants to read of it.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	scheme, serve := "http", p.server.Serve
	if cfg.TLS {
		if p.authority, err = newAuthority(); err != nil {
			listener.Close()
			return err
		}
		p.server.TLSConfig = p.authority.server
		scheme, serve = "https", func(l net.Listener) error { return p.server.ServeTLS(l, "", "") }
	}
	p.listener = listener
	p.URL = scheme + "://" + listener.Addr().String()
	p.Issuer = p.URL + cfg.Path
	p.server.Handler = p.routes(strings.TrimSuffix(cfg.Path, "/"))
	go serve(listener)
	return nil
}

// endpoint is the URL of a path below the issuer.
func (p *Provider) endpoint(path string) string {
	return strings.TrimSuffix(p.Issuer, "/") + path
}
