package main

// A service: what a process holds on to, and on it one configuration after the
// other. A new configuration is made whole beside the old one and takes its
// place at once, or not at all; what the old one has begun it ends.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/control"
	"github.com/kubecred/kubecred/ldapexchange/server"
	"github.com/kubecred/kubecred/ldapexchange/state"
)

// tendEvery is how often keys are looked at: is a rotation due?
const tendEvery = time.Minute

// service is an http.Handler, and a control.Operator for its operators.
type service struct {
	log      *slog.Logger
	stdout   io.Writer // of the audit
	store    *state.Bolt
	attempts *state.Attempts // whose memory a reload does not empty: it would give guesses back
	gauges   *gauges

	changing sync.Mutex // one reload at a time
	mu       sync.RWMutex
	current  *generation
}

// newService opens the state and makes the first generation.
func newService(ctx context.Context, c *config.Config, log *slog.Logger, stdout io.Writer) (*service, error) {
	store, err := openStore(c, log)
	if err != nil {
		return nil, err
	}
	s := &service{log: log, stdout: stdout, store: store}
	if err := s.begin(ctx, c); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return s, nil
}

func (s *service) begin(ctx context.Context, c *config.Config) (err error) {
	if s.attempts, err = state.NewAttempts(ctx, s.store, limitsOf(c.Limits), nil); err != nil {
		return err
	}
	if s.current, err = s.generation(ctx, c, nil); err != nil {
		return err
	}
	s.gauges = newGauges(s.current.server.Registry(), s)
	return nil
}

// acquire returns the generation that answers now, and what lets it go.
func (s *service) acquire() (*generation, func()) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	g := s.current
	g.using.Add(1)
	return g, g.using.Done
}

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g, release := s.acquire()
	defer release()
	g.handler.ServeHTTP(w, r)
}

// metrics is what the metrics listener answers: the figures, and how the
// service is.
func (s *service) metrics() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) {
		g, release := s.acquire()
		defer release()
		g.server.Metrics().ServeHTTP(w, r)
	})
	mux.Handle("/livez", s)
	mux.Handle("/readyz", s)
	return mux
}

// certificate is the one for the next connection.
func (s *service) certificate() (*tls.Certificate, error) {
	g, release := s.acquire()
	defer release()
	return g.pair.Certificate()
}

// reload reads the configuration again, with all that it names. What is wrong
// with it is logged and counted, and the old one stays.
func (s *service) reload(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	err := s.replace(ctx)
	s.gauges.reloaded(err)
	if err != nil {
		s.log.Error("the configuration cannot be used; the old one stays", "error", cli.OneLine(err.Error()))
		return err
	}
	s.log.Info("the configuration was read again")
	return nil
}

func (s *service) replace(ctx context.Context) error {
	old := s.current // only reload changes it
	c, err := config.Load(old.config.Path)
	if err != nil {
		return err
	}
	if err := unchangeable(old.config, c); err != nil {
		return err
	}
	next, err := s.generation(ctx, c, old.server)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.current = next
	s.mu.Unlock()
	go old.retire()
	return nil
}

// unchangeable finds what only a new process can change.
func unchangeable(old, next *config.Config) error {
	metrics := func(c *config.Config) string {
		if c.Metrics == nil {
			return ""
		}
		return c.Metrics.Address
	}
	for _, setting := range []struct {
		key  string
		same bool
	}{
		{"issuer", old.Issuer == next.Issuer},
		{"listen.address", old.Listen.Address == next.Listen.Address},
		{"listen.insecurePlainHTTP", old.Listen.InsecurePlainHTTP == next.Listen.InsecurePlainHTTP},
		{"listen.connections", old.Listen.Connections == next.Listen.Connections},
		{"metrics.address", metrics(old) == metrics(next)},
		{"state", old.State == next.State},
	} {
		if !setting.same {
			return &config.Error{File: next.Path, Key: setting.key, Problem: "changes with a restart alone"}
		}
	}
	return nil
}

// files are those to be watched.
func (s *service) files() []string {
	g, release := s.acquire()
	defer release()
	return g.config.Files
}

// run answers on the listeners until ctx ends, and drains. It calls ready,
// which may be nil, when operators are heard too.
func (s *service) run(ctx context.Context, main, metrics net.Listener, ready func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first, release := s.acquire()
	release() // a reload may come; what run takes of it no reload changes
	c := first.config
	operators, err := control.Serve(c.State.ControlFolder, s)
	if err != nil {
		return errors.Join(err, main.Close())
	}
	defer operators.Close()
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel() // before it is waited for
	beside.Go(func() { s.tend(ctx) })
	beside.Go(func() { s.follow(ctx) })
	if metrics != nil {
		stop := serveMetrics(metrics, s.metrics(), s.log)
		defer stop()
	}
	if ready != nil {
		ready()
	}
	s.log.Info("serving", "issuer", c.Issuer, "address", main.Addr().String())
	return first.server.Serve(ctx, main, server.ServeOptions{
		Certificate: s.certificate, InsecurePlainHTTP: c.Listen.InsecurePlainHTTP, Handler: s,
		Connections: c.Listen.Connections, Drain: c.Listen.Drain,
	})
}

// follow reloads when a file changes.
func (s *service) follow(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	watch(ctx, tick.C, s.files, func() { s.reload(ctx) }) // which tells of its error
}

// tend looks at the keys until ctx ends.
func (s *service) tend(ctx context.Context) {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g, release := s.acquire()
			err := g.keys.Tend()
			release()
			s.gauges.tended(err)
			if err != nil {
				s.log.Error("the signing keys could not be tended", "error", err)
			}
		}
	}
}

// close ends what the service holds.
func (s *service) close() error {
	s.current.retire()
	return s.store.Close()
}

// serveMetrics answers in plain HTTP until it is stopped.
func serveMetrics(l net.Listener, h http.Handler, log *slog.Logger) (stop func()) {
	const patience = 10 * time.Second
	m := &http.Server{
		Handler: h, ReadTimeout: patience, WriteTimeout: 3 * patience, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.Serve(l) // ends with Close
	}()
	return func() { m.Close(); <-ended }
}

// Rotate implements control.Operator.
func (s *service) Rotate(ctx context.Context, replace bool) (r control.Rotation, err error) {
	err = s.operate("rotate", "", func(o *operator) (err error) { r, err = o.Rotate(ctx, replace); return err })
	return r, err
}

// Revoke implements control.Operator.
func (s *service) Revoke(ctx context.Context, t control.Target) (n int, err error) {
	err = s.operate(fmt.Sprintf("revoke %s", t.Kind), t.Name, func(o *operator) (err error) { n, err = o.Revoke(ctx, t); return err })
	return n, err
}

// Sessions implements control.Operator.
func (s *service) Sessions(ctx context.Context) (all []control.Session, err error) {
	err = s.operate("sessions", "", func(o *operator) (err error) { all, err = o.Sessions(ctx); return err })
	return all, err
}

// Backup implements control.Operator.
func (s *service) Backup(ctx context.Context, w io.Writer) error {
	return s.operate("backup", "", func(o *operator) error { return o.Backup(ctx, w) })
}

// operate tells of what operators do: it is for the audit too.
func (s *service) operate(what, target string, do func(*operator) error) error {
	g, release := s.acquire()
	defer release()
	err := do(&operator{g.config.State.File, s.store, g.memory, g.keys})
	outcome := "done"
	if err != nil {
		outcome = "failed"
	}
	g.server.Audit().Info("operator", "operation", what, "target", target, "decision", outcome)
	return err
}
