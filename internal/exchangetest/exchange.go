// Package exchangetest is an exchange that runs inside a test.
//
// For the oauth2 profile it is package oidctest's provider, with the client
// "kubernetes" and a discovery document that names where certificates are to be
// had. For the profiles basic and native, and for those certificates, it is a
// server beside the provider, which asks the provider whether a password or an
// access token is good.
//
// The guarantee ends as oidctest's does: it MUST NOT be reachable from anywhere
// but the loopback interface.
package exchangetest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/ldapexchange"
)

// Exchange is a running exchange.
type Exchange struct {
	// Provider speaks oauth2. Its Issuer is the exchange's address there.
	Provider *oidctest.Provider
	// URL is the address for the profiles basic and native.
	URL string

	server    *httptest.Server
	authority *authority

	mu       sync.Mutex
	lifetime time.Duration
	status   int // answered to everything; 0 is the truth
	answer   func([]byte) []byte
	requests []Request
}

// Request is one that arrived beside the provider.
type Request struct {
	Method, Path, Authorization, Body string
}

// New runs an exchange until Close. Certificates live for an hour.
func New(opts ...oidctest.Option) (*Exchange, error) {
	ca, err := newAuthority()
	if err != nil {
		return nil, err
	}
	x := &Exchange{authority: ca, lifetime: time.Hour, answer: func(b []byte) []byte { return b }}
	x.server = httptest.NewUnstartedServer(http.HandlerFunc(x.serve))
	x.URL = "http://" + x.server.Listener.Addr().String()
	usual := []oidctest.Option{
		oidctest.AlwaysRefresh(),
		oidctest.WithClient(oidctest.Client{ID: "kubernetes"}),
		oidctest.Set(oidctest.Discovery, "kubernetes_credentials_endpoint", x.URL+ldapexchange.CredentialsPath),
	}
	if x.Provider, err = oidctest.New(append(usual, opts...)...); err != nil {
		x.server.Close()
		return nil, err
	}
	x.server.Start()
	return x, nil
}

// Start runs an exchange until the test ends.
func Start(t oidctest.TB, opts ...oidctest.Option) *Exchange {
	t.Helper()
	x, err := New(opts...)
	if err != nil {
		t.Fatalf("exchangetest: %v", err)
		return nil
	}
	t.Cleanup(x.Close)
	return x
}

// Close ends both servers.
func (x *Exchange) Close() {
	x.server.CloseClientConnections()
	x.server.Close()
	x.Provider.Close()
}

// Answer makes every answer beside the provider one of that status; 0 mends it.
func (x *Exchange) Answer(status int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status = status
}

// Edit changes the bodies of good answers beside the provider.
func (x *Exchange) Edit(edit func([]byte) []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.answer = edit
}

// Lifetime is that of the certificates from now on.
func (x *Exchange) Lifetime(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lifetime = d
}

// Requests are those that arrived beside the provider, oldest first.
func (x *Exchange) Requests() []Request {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.requests)
}

func (x *Exchange) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	x.mu.Lock()
	x.requests = append(x.requests, Request{r.Method, r.URL.Path, r.Header.Get("Authorization"), string(body)})
	status, lifetime, edit := x.status, x.lifetime, x.answer
	x.mu.Unlock()
	if status != 0 {
		http.Error(w, "the words canary of a server", status)
		return
	}
	access, ok := x.access(r)
	if !ok {
		http.Error(w, "", http.StatusUnauthorized)
		return
	}
	var out []byte
	switch r.Method + " " + r.URL.Path {
	case "GET /": // basic, as Kubi answers
		out = []byte(access["id_token"])
	case "POST " + ldapexchange.CredentialsPath:
		out, err = x.authority.certify(body, x.who(access["access_token"]), lifetime)
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusCreated)
	w.Write(edit(out))
}

// access returns the provider's tokens for who asks.
func (x *Exchange) access(r *http.Request) (map[string]string, bool) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return map[string]string{"access_token": token}, x.who(token)["sub"] != nil
	}
	name, password, _ := r.BasicAuth()
	resp, err := x.Provider.Client().PostForm(x.Provider.URL+"/token", url.Values{
		"grant_type": {"password"}, "client_id": {"kubernetes"}, "scope": {"openid profile groups"},
		"username": {name}, "password": {password},
	})
	if err != nil {
		return nil, false
	}
	defer resp.Body.Close()
	var tokens map[string]any
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&tokens) != nil {
		return nil, false
	}
	id, _ := tokens["id_token"].(string)
	access, _ := tokens["access_token"].(string)
	return map[string]string{"id_token": id, "access_token": access}, true
}

// who is whom the provider takes an access token to be for.
func (x *Exchange) who(access string) map[string]any {
	req, err := http.NewRequest(http.MethodGet, x.Provider.URL+"/userinfo", nil)
	if err != nil {
		return nil
	}
	req.Header.Set("Authorization", "Bearer "+access)
	resp, err := x.Provider.Client().Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var claims map[string]any
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&claims) != nil {
		return nil
	}
	return claims
}
