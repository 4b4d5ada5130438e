package server

// The listener: TLS, deadlines, a bound on connections, and an end that lets
// requests finish.

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// The deadlines of one connection. A client that sends nothing, or one byte now
// and then, loses it.
const (
	headerTimeout = 5 * time.Second // TLS's handshake, and then each header
	readTimeout   = 15 * time.Second
	writeTimeout  = 45 * time.Second // above what the directory may take
	idleTimeout   = 90 * time.Second
	maxHeader     = 32 << 10 // bytes
)

// ServeOptions say how a listener is served.
type ServeOptions struct {
	// Certificate returns the pair for a new connection, so that it may change.
	Certificate func() (*tls.Certificate, error)
	// InsecurePlainHTTP serves without TLS, on loopback alone.
	InsecurePlainHTTP bool
	// Handler answers instead of Server.Handler, so that a Server may follow
	// another while the listener stays; nil is Server.Handler.
	Handler     http.Handler
	Connections int           // at one time; 4096
	DrainDelay  time.Duration // readiness says no for this long before the listener closes
	Drain       time.Duration // then requests may go on for this long; 15 seconds
}

// Serve answers on l until ctx ends, lets what is under way finish, and closes
// l. Its error is nil after an orderly end.
func (s *Server) Serve(ctx context.Context, l net.Listener, o ServeOptions) error {
	if o.Handler == nil {
		o.Handler = s.Handler()
	}
	set(&o.Connections, 4096)
	set(&o.Drain, 15*time.Second)
	server := s.httpServer(o)
	switch {
	case o.InsecurePlainHTTP && !loopback(l):
		l.Close()
		return errors.New("without TLS the service listens on loopback only")
	case o.InsecurePlainHTTP:
	case o.Certificate == nil:
		l.Close()
		return errors.New("the service needs a certificate")
	default:
		l = tls.NewListener(l, server.TLSConfig)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	return s.drain(server, o)
}

// drain says "not ready" first, so that who balances load sends nobody new.
func (s *Server) drain(server *http.Server, o ServeOptions) error {
	s.draining.Store(true)
	sleep(context.Background(), o.DrainDelay)
	ctx, cancel := context.WithTimeout(context.Background(), o.Drain)
	defer cancel()
	err := server.Shutdown(ctx)
	if err != nil {
		server.Close()
		s.o.Log.Warn("requests were cut off at the end")
	}
	return err
}

func (s *Server) httpServer(o ServeOptions) *http.Server {
	all := newCrowd(o.Connections, s.metrics)
	return &http.Server{
		Handler:           o.Handler,
		TLSConfig:         tlsConfig(o.Certificate),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       all.seated,
		ConnState:         all.state,
		ErrorLog:          log.New(lines{s.o.Log}, "", 0),
	}
}

// tlsConfig asks for a certificate of the client and leaves it to the route to
// verify it: each cluster has authorities of its own. The pair changes by
// GetCertificate and the rest never does: dex, which replaced the whole
// configuration at a reload, lost its minimum version (CVE-2024-23656).
func tlsConfig(certificate func() (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		ClientAuth: tls.RequestClientCert,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return certificate()
		},
	}
}

func loopback(l net.Listener) bool {
	at, ok := l.Addr().(*net.TCPAddr)
	return ok && at.IP.IsLoopback()
}

// lines is net/http's log, which tells of handshakes that failed and the like.
type lines struct{ log *slog.Logger }

func (l lines) Write(p []byte) (int, error) {
	l.log.Debug("connection", "error", printable(strings.TrimSpace(string(p))))
	return len(p), nil
}
