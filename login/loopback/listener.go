package loopback

// The life of a listener: bind, serve, one answer, the page, close.

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// limits are what a peer may use up. They are fields so that tests can shorten
// them.
type limits struct {
	header      time.Duration // from a connection's first byte to the end of its headers
	read        time.Duration // the same, to the end of the body
	idle        time.Duration // between two requests
	write       time.Duration // of one page
	patience    time.Duration // for the verdict, before the page asks again
	delivery    time.Duration // for the browser to take its page, once there is a verdict
	abandoned   time.Duration // the same, when Close comes without one
	connections int
}

func defaultLimits() limits {
	return limits{
		header: 5 * time.Second, read: 10 * time.Second, idle: 10 * time.Second, write: 5 * time.Second,
		patience: 20 * time.Second, delivery: time.Second, abandoned: 250 * time.Millisecond,
		connections: 128,
	}
}

const (
	// maxHeader is large because cookies know no ports: whatever other
	// programs on localhost have set is sent here too.
	maxHeader = 128 << 10 // bytes
	maxBody   = 64 << 10  // bytes, of a form post
)

// Listener waits for one answer.
type Listener struct {
	options  Options
	limits   limits
	redirect *url.URL
	result   *result
	sockets  []net.Listener
	server   *http.Server
	crowd    *crowd
	answers  chan answer // has room for the one that counts
	closing  sync.Once

	mu    sync.Mutex
	taken *[32]byte // which answer counts; nil until one came
}

type answer struct {
	callback *Callback
	err      error
}

// Listen binds the first of the addresses that is free and begins to serve.
//
// While the redirect URL names localhost, 127.0.0.1 and ::1 are bound on the
// same port, since browsers differ in which of the two they try. Where the
// redirect URL names one of the ports, only that one is tried.
//
// Its errors: *NotLoopbackError, *AddressError, *BusyError when no address is
// free, and others about the certificate or the URLs in o.
func Listen(ctx context.Context, o Options) (*Listener, error) {
	return listen(ctx, o, defaultLimits())
}

func listen(ctx context.Context, o Options, lim limits) (*Listener, error) {
	addresses, registered, err := o.check()
	if err != nil {
		return nil, err
	}
	tlsConfig, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	var reasons []error
	ipv6 := hasIPv6()
	for _, a := range reachable(addresses, registered) {
		sockets, err := bind(ctx, a.hosts(registered, ipv6), a.port)
		if err != nil {
			reasons = append(reasons, err)
			continue
		}
		redirect := a.redirectURL(registered, int(portOf(sockets[0])), tlsConfig != nil)
		return serve(o, lim, redirect, sockets, tlsConfig), nil
	}
	return nil, &BusyError{Addresses: o.Addresses, Err: errors.Join(reasons...)}
}

func serve(o Options, lim limits, redirect *url.URL, sockets []net.Listener, tlsConfig *tls.Config) *Listener {
	l := &Listener{
		options: o, limits: lim, redirect: redirect, sockets: sockets,
		result:  newResult(),
		crowd:   &crowd{limit: lim.connections},
		answers: make(chan answer, 1),
	}
	l.server = &http.Server{
		Handler:           http.HandlerFunc(l.handle),
		ReadHeaderTimeout: lim.header,
		ReadTimeout:       lim.read,
		IdleTimeout:       lim.idle,
		WriteTimeout:      lim.read + lim.patience + lim.write,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0), // it would write to stderr
		ConnContext:       l.crowd.enter,
		ConnState:         l.crowd.leave,

		DisableGeneralOptionsHandler: true, // it would answer "OPTIONS *" with 200
	}
	for _, socket := range sockets {
		if tlsConfig != nil {
			socket = tls.NewListener(socket, tlsConfig)
		}
		go func() { _ = l.server.Serve(socket) }() // ends with Close
	}
	return l
}

// RedirectURL is the redirect_uri to send to the provider.
func (l *Listener) RedirectURL() string { return l.redirect.String() }

// Wait returns the code that the provider sent. It is called once.
//
// Its errors: *DeniedError when the provider answered with an error,
// *IssuerError when the answer has this login's state but another issuer, and
// the context's.
func (l *Listener) Wait(ctx context.Context) (*Callback, error) {
	select {
	case a := <-l.answers:
		return a.callback, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close frees the port. When an answer has come, it first waits, for a second
// at most, until the browser has its page. A second call does nothing.
func (l *Listener) Close() error {
	var err error
	l.closing.Do(func() {
		l.deliver()
		// The server closes the sockets that it knows of; one that it has not
		// begun to serve yet is closed here.
		err = errors.Join(l.server.Close(), closeAll(l.sockets))
	})
	return err
}

// deliver gives a browser that waits its page, but does not wait for one that
// has gone away.
func (l *Listener) deliver() {
	if !l.wasAnswered() {
		return
	}
	grace := l.limits.delivery
	if l.result.settle(verdict{page: failurePage("The sign-in was stopped before it was complete.")}) {
		grace = l.limits.abandoned
	}
	select {
	case <-l.result.shown:
	case <-time.After(grace):
	}
}

func (l *Listener) wasAnswered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken != nil
}
