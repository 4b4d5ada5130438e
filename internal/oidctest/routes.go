package oidctest

// Every request takes the same way: its form is read, the journal notes it, a
// fault may take over, and only then the endpoint serves it.

import (
	"encoding/json"
	"net/http"
	"slices"
)

// Endpoint names one of the provider's doors.
type Endpoint string

// The endpoints. SignIn is where the page's button leads, Verify is the page
// of the device login, Elsewhere is every path that is none of the others.
const (
	Discovery  Endpoint = "discovery"
	JWKS       Endpoint = "jwks"
	Authorize  Endpoint = "authorize"
	SignIn     Endpoint = "sign-in"
	Token      Endpoint = "token"
	Device     Endpoint = "device"
	Verify     Endpoint = "verify"
	Userinfo   Endpoint = "userinfo"
	Revoke     Endpoint = "revoke"
	EndSession Endpoint = "end-session"
	Elsewhere  Endpoint = "elsewhere"
)

// Paths below the issuer.
const (
	pathDiscovery  = "/.well-known/openid-configuration"
	pathJWKS       = "/keys"
	pathAuthorize  = "/authorize"
	pathSignIn     = "/sign-in"
	pathToken      = "/token"
	pathDevice     = "/device-authorization"
	pathVerify     = "/device"
	pathUserinfo   = "/userinfo"
	pathRevoke     = "/revoke"
	pathEndSession = "/end-session"
)

// maxForm bounds what a client may send, in bytes.
const maxForm = 1 << 20

// route is a door and who stands behind it.
type route struct {
	endpoint Endpoint
	path     string
	methods  []string
	serve    func(*call)
}

// call is one request on its way through an endpoint.
type call struct {
	endpoint Endpoint
	cfg      *Config
	w        http.ResponseWriter
	r        *http.Request
}

// Answer is a JSON answer before it is sent, for edits to change.
type Answer struct {
	Endpoint Endpoint
	// Grant is the request's grant_type, at the token endpoint.
	Grant  string
	Status int
	Header http.Header
	Body   map[string]any
}

// routes opens the doors below the issuer's path.
func (p *Provider) routes(prefix string) http.Handler {
	get, post, both := []string{http.MethodGet}, []string{http.MethodPost}, []string{http.MethodGet, http.MethodPost}
	mux := http.NewServeMux()
	for _, rt := range []route{
		{Discovery, pathDiscovery, get, p.discovery},
		{JWKS, pathJWKS, get, p.jwks},
		{Authorize, pathAuthorize, both, p.authorize},
		{SignIn, pathSignIn, post, p.signIn},
		{Token, pathToken, post, p.token},
		{Device, pathDevice, post, p.device},
		{Verify, pathVerify, both, p.verify},
		{Userinfo, pathUserinfo, both, p.userinfo},
		{Revoke, pathRevoke, post, p.revoke},
		{EndSession, pathEndSession, both, p.endSession},
	} {
		mux.HandleFunc(prefix+rt.path, p.handler(rt))
	}
	mux.HandleFunc("/", p.handler(route{Elsewhere, "", both, func(c *call) { http.NotFound(c.w, c.r) }}))
	return mux
}

// handler wraps an endpoint in what all have in common.
func (p *Provider) handler(rt route) http.HandlerFunc {
	serve := func(w http.ResponseWriter, r *http.Request) {
		// Read the configuration here: a fault may have waited for a change.
		c := &call{endpoint: rt.endpoint, cfg: p.config.Load(), w: w, r: r}
		if !slices.Contains(rt.methods, r.Method) {
			c.fail(failure(http.StatusMethodNotAllowed, "invalid_request", "the method is not allowed here"))
			return
		}
		rt.serve(c)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		unreadable := r.ParseForm()
		note := p.journal.arrived(rt.endpoint, r)
		sent := &statusWriter{ResponseWriter: w}
		defer func() { p.journal.answered(note, sent.status) }()
		if unreadable != nil {
			http.Error(sent, "the form cannot be read", http.StatusBadRequest)
			return
		}
		if fault := p.config.Load().faults[rt.endpoint]; fault != nil {
			fault(sent, r, serve)
			return
		}
		serve(sent, r)
	}
}

// answer sends JSON, after the edits.
func (c *call) answer(status int, body map[string]any) {
	a := &Answer{
		Endpoint: c.endpoint,
		Grant:    c.r.PostForm.Get("grant_type"),
		Status:   status,
		Header:   http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}},
		Body:     body,
	}
	for _, edit := range c.cfg.edits[c.endpoint] {
		edit(a)
	}
	text, err := json.Marshal(a.Body)
	if err != nil {
		http.Error(c.w, err.Error(), http.StatusInternalServerError)
		return
	}
	for name, values := range a.Header {
		c.w.Header()[name] = values
	}
	c.w.WriteHeader(a.Status)
	c.w.Write(text)
}

// oauthError is a refusal in the words of RFC 6749 section 5.2.
type oauthError struct {
	status            int
	code, description string
}

func failure(status int, code, description string) *oauthError {
	return &oauthError{status, code, description}
}

// refuse is the usual failure of status 400.
func refuse(code, description string) *oauthError {
	return failure(http.StatusBadRequest, code, description)
}

// fail sends a refusal as JSON.
func (c *call) fail(e *oauthError) {
	if e.status == http.StatusUnauthorized {
		c.w.Header().Set("WWW-Authenticate", `Basic realm="oidctest"`)
	}
	c.answer(e.status, map[string]any{"error": e.code, "error_description": e.description})
}

// statusWriter remembers the status for the journal.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusWriter) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what Flush needs.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
