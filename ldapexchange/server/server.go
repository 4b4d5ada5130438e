package server

// The way of a request: route, answer, and one place that tells what came of it.

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// Server answers for one exchange. Its methods may be called at the same time.
type Server struct {
	o        Options
	clients  map[string]Client
	clusters map[string]*cluster
	metrics  *metrics
	auditor  *auditor
	nameKey  *nameKey
	headers  http.Header // of every answer; never changed
	ready    *readiness
	draining *atomic.Bool
}

type cluster struct {
	Cluster
	token [sha256.Size]byte // of CallerToken
}

// New returns a Server. Its errors are about Options.
func New(o Options) (*Server, error) {
	o.fill()
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Server{o: o, clients: map[string]Client{}, clusters: map[string]*cluster{}, headers: headers()}
	s.follow(o.Replaces)
	for _, c := range o.Clients {
		s.clients[c.ID] = c
	}
	for _, c := range o.Clusters {
		s.clusters[c.Name] = &cluster{c, callerDigest(c.CallerToken)}
	}
	s.ready = newReadiness(s.o)
	return s, nil
}

// follow goes on with what a server before has begun.
func (s *Server) follow(last *Server) {
	s.o.Replaces = nil // which may go
	if last != nil {
		s.metrics, s.nameKey, s.draining = last.metrics, last.nameKey, last.draining
		s.audit(last.auditor.missing)
		return
	}
	s.metrics, s.nameKey, s.draining = newMetrics(), newNameKey(), new(atomic.Bool)
	s.audit(new(atomic.Int64))
}

// audit puts the auditor before the audit's own handler.
func (s *Server) audit(missing *atomic.Int64) {
	s.auditor = &auditor{s.o.Audit.Handler(), s.o.Log, s.metrics.unaudited, missing}
	s.o.Audit = slog.New(s.auditor)
	s.o.Checks = append(slices.Clip(s.o.Checks), Check{"audit", s.auditor.check})
}

// Handler answers every route. Those of the protocol lie below the issuer's
// path, those of operation at the root.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	issuer, _ := url.Parse(s.o.Issuer) // checked in New
	at := func(path, event, method string, h func(*call) *refusal) {
		mux.Handle(path, s.route(event, method, h))
	}
	at(issuer.Path+"/.well-known/openid-configuration", "discovery", http.MethodGet, s.discovery)
	at(issuer.Path+"/keys", "keys", http.MethodGet, s.keys)
	at(issuer.Path+"/token", "token", http.MethodPost, s.token)
	at(issuer.Path+"/revoke", "revoke", http.MethodPost, s.revoke)
	at(issuer.Path+"/v1/credentials", "certificate", http.MethodPost, s.credentials)
	at(issuer.Path+"/v1/clusters/{name}/tokenreview", "review", http.MethodPost, s.review)
	at("/livez", "livez", http.MethodGet, s.livez)
	at("/readyz", "readyz", http.MethodGet, s.readyz)
	if !s.o.SeparateMetrics {
		mux.Handle("/metrics", s.Metrics())
	}
	at("/", "other", "", func(*call) *refusal {
		return &refusal{status: http.StatusNotFound, code: "not_found", reason: "no such path"}
	})
	return mux
}

// call is one request on its way.
type call struct {
	s       *Server
	w       *recorder
	r       *http.Request
	event   string     // the route, as metrics and audit call it
	id      string     // of the request
	address netip.Addr // of the client; may be invalid
	start   time.Time

	rested  func()      // its connection may be closed for others
	audited bool        // something was decided
	reason  string      // of a refusal that is no *refusal
	about   []slog.Attr // for the audit
	secrets []secret.Text
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// route wraps a handler with what every request gets.
func (s *Server) route(event, method string, h func(*call) *refusal) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{s: s, w: &recorder{ResponseWriter: w}, r: r, event: event, id: rand.Text(), start: s.o.now(), rested: func() {}}
		c.address = clientAddress(r, s.o.TrustedProxies)
		began := time.Now()
		defer func() { s.metrics.request(event, c.w.status, time.Since(began)) }()
		defer c.recover()
		defer func() { c.rested() }()
		if r.ContentLength == 0 {
			c.works()
		}
		c.headers()
		r.Body = http.MaxBytesReader(w, r.Body, s.o.MaxBody) // net/http's own w, so that it closes the connection
		c.end(c.run(method, h))
	})
}

// works says that the request has been read, so that its connection stays until
// it is answered.
func (c *call) works() {
	if at, ok := c.r.Context().Value(seatKey{}).(*seat); ok {
		c.rested = at.work()
	}
}

func (c *call) run(method string, h func(*call) *refusal) *refusal {
	if method != "" && c.r.Method != method && (method != http.MethodGet || c.r.Method != http.MethodHead) {
		c.w.Header().Set("Allow", method)
		return &refusal{status: http.StatusMethodNotAllowed, code: "invalid_request", description: "the method must be " + method, reason: "method"}
	}
	return h(c)
}

// headers are for every answer. Nothing here is a page.
func headers() http.Header {
	return http.Header{
		"Cache-Control":           {"no-store"},
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
		"Referrer-Policy":         {"no-referrer"},
		"X-Content-Type-Options":  {"nosniff"},
	}
}

func (c *call) headers() {
	h := c.w.Header()
	maps.Copy(h, c.s.headers)
	h.Set("X-Request-Id", c.id)
	if c.r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// end answers a refusal and tells what came of the request.
func (c *call) end(r *refusal) {
	outcome, reason := "granted", c.reason
	if reason != "" {
		outcome = "refused"
	}
	if r != nil {
		outcome, reason = r.outcome(), r.reason
		if r.cause != nil {
			c.log(slog.LevelWarn, "request failed", r.cause)
		}
		r.write(c)
	}
	if c.audited {
		c.tell(outcome, reason)
	}
}

// recover makes a panic an answer without detail. The text of a panic may hold
// anything, so that only its type and the stack are told.
func (c *call) recover() {
	value := recover()
	if value == nil {
		return
	}
	if value == http.ErrAbortHandler {
		panic(value)
	}
	c.s.metrics.panics.Inc()
	c.s.o.Log.Error("a handler panicked", "request", c.id, "route", c.event, "type", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
	if c.w.status == 0 {
		(&refusal{status: http.StatusInternalServerError, code: "server_error"}).write(c)
	}
	if c.audited {
		c.tell("failed", "panic")
	}
}
