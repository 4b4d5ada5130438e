package main

import (
	"context"

	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubecred/kubecred/internal/ldaptest"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/control"
)

// service makes one that does not listen: its handler is asked.
func (h *house) service() *service {
	h.t.Helper()
	c, err := config.Load(h.at("exchange.yaml"))
	if err != nil {
		h.t.Fatal(err)
	}
	s, err := newService(h.t.Context(), c, slog.New(slog.NewJSONHandler(h.stderr, nil)), h.stdout)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := s.close(); err != nil {
			h.t.Error(err)
		}
	})
	return s
}

// figure returns a metric's value, as Prometheus reads it.
func figure(t *testing.T, s *service, name string) string {
	t.Helper()
	answer := ask(s.metrics(), http.MethodGet, "/metrics", nil)
	for line := range strings.Lines(answer.Body.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("there is no %s:\n%s", name, answer.Body)
	return ""
}

const goodConfig = "kubecred_exchange_config_last_reload_successful"

func signIn(s *service, client, password string) int {
	return ask(s, http.MethodPost, "/token", url.Values{
		"client_id": {client}, "grant_type": {"password"}, "scope": {"openid"}, "username": {devUser}, "password": {password},
	}).Code
}

func TestReload(t *testing.T) {
	h := newHouse(t)
	s := h.service()
	password := h.password.Reveal()
	if got := signIn(s, "second", password); got != http.StatusUnauthorized {
		t.Fatalf("an unknown client is answered %d", got)
	}
	h.edit("clients:\n", "clients:\n- id: second\n")
	if err := s.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := signIn(s, "second", password); got != http.StatusOK {
		t.Errorf("a new client is answered %d", got)
	}
	if got := figure(t, s, `kubecred_exchange_decisions_total{decision="granted",event="password",reason=""}`); got != "1" {
		t.Errorf("%s sign-ins are counted", got)
	}
	if got := figure(t, s, goodConfig); got != "1" {
		t.Errorf("the reload was good: %s", got)
	}
}

// Each of these keeps what was there, is logged, and raises a metric until it
// is mended.
func TestABadFileKeepsTheOldOne(t *testing.T) {
	h := newHouse(t)
	s := h.service()
	for name, spoil := range map[string]func(*house){
		"the configuration": func(h *house) { h.edit("clients:\n", "clients:\n- id: a\n  secret: b\n") },
		"half of it":        func(h *house) { h.write("exchange.yaml", "issuer: ") },
		"none of it":        func(h *house) { os.Remove(h.at("exchange.yaml")) },
		"the certificate":   func(h *house) { h.write("tls.crt", "-----BEGIN CERTIFICATE-----\n") },
		"another's key":     func(h *house) { h.write("tls.key", readFile(h.t, h.at("clients.key"))) },
		"the users":         func(h *house) { h.write("users.yaml", "users: 5\n") },
		"a caller's token":  func(h *house) { h.write("caller", "short") },
		"an authority":      func(h *house) { h.write("clients.crt", readFile(h.t, h.at("tls.crt"))) },
		"the signing keys": func(h *house) {
			if err := os.WriteFile(filepath.Join(h.at("keys"), "bad.pem"), []byte("x"), 0o600); err != nil {
				h.t.Fatal(err)
			}
		},
		"the issuer":      func(h *house) { h.edit("issuer: https://127", "issuer: https://128") },
		"the state":       func(h *house) { h.edit("state/state.db", "state/other.db") },
		"the address":     func(h *house) { h.edit(`address: "127.0.0.1`, `address: "127.0.0.2`) },
		"TLS":             func(h *house) { h.edit("certificateFile: tls.crt, keyFile: tls.key", "insecurePlainHTTP: true") },
		"the metrics":     func(h *house) { h.edit("clients:\n", "metrics: {}\nclients:\n") },
		"the connections": func(h *house) { h.edit("drain: 1s", "drain: 1s, connections: 99") },
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			kept := map[string]string{}
			for _, file := range []string{"exchange.yaml", "tls.crt", "tls.key", "users.yaml", "caller", "clients.crt"} {
				kept[file] = readFile(t, h.at(file))
			}
			spoil(h)
			if err := s.reload(t.Context()); err == nil {
				t.Fatal("it is taken")
			}
			if got := signIn(s, devClient, h.password.Reveal()); got != http.StatusOK {
				t.Errorf("the old one is gone: %d", got)
			}
			if got := figure(t, s, goodConfig); got != "0" {
				t.Errorf("no metric tells: %s", got)
			}
			if log := h.stderr.String(); !strings.Contains(log, "the old one stays") || strings.Contains(log, "PRIVATE KEY") {
				t.Errorf("logged %s", log)
			}
			for file, text := range kept {
				h.write(file, text)
			}
			os.Remove(filepath.Join(h.at("keys"), "bad.pem"))
			if err := s.reload(t.Context()); err != nil || figure(t, s, goodConfig) != "1" {
				t.Errorf("it was mended: %v", err)
			}
		})
	}
}

// A password that was refused is refused again after a reload, and the directory
// is not asked a second time: under other limits too.
func TestAReloadForgetsNoFailure(t *testing.T) {
	h := newHouse(t)
	directory := h.withLDAP()
	s := h.service()
	binds := func() (n int) {
		for _, r := range directory.Requests(ldaptest.Bind) {
			if r.DN == "uid=alice,dc=corp" {
				n++
			}
		}
		return n
	}
	for _, change := range []func(){
		func() {},
		func() { h.edit("state:", "limits: {failuresPerUser: 2}\nstate:") },
	} {
		signIn(s, devClient, "wrong")
		change()
		if err := s.reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := signIn(s, devClient, "wrong"); got != http.StatusBadRequest || binds() != 1 {
			t.Errorf("status %d after %d binds", got, binds())
		}
	}
}

// The limits that a reload brings count what failed before it.
func TestAReloadChangesTheLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.service()
	signIn(s, devClient, "wrong")
	h.edit("state:", "limits: {failuresPerUser: 2}\nstate:")
	if err := s.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := signIn(s, devClient, "wrong as well"); got != http.StatusBadRequest {
		t.Errorf("the second: %d", got)
	}
	if got := signIn(s, devClient, "wrong again"); got != http.StatusTooManyRequests {
		t.Errorf("the third: %d", got)
	}
}

// Tokens may live for longer than tokens.lifetime and tokens.session are now, and
// what ended their session must not be forgotten before they end.
func TestALowerLifetimeShortensNoRevocation(t *testing.T) {
	h := newHouse(t)
	h.edit("tokens: {", "tokens: {lifetime: 1h, session: 1h, ")
	s := h.service()
	if got := signIn(s, devClient, h.password.Reveal()); got != http.StatusOK {
		t.Fatal(got)
	}
	h.edit("lifetime: 1h, session: 1h", "lifetime: 1m, session: 10m")
	if err := s.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := s.Sessions(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	revoked := time.Now()
	if _, err := s.Revoke(t.Context(), control.Target{Kind: control.OneSession, Name: all[0].ID}); err != nil {
		t.Fatal(err)
	}
	for e, err := range s.store.List(t.Context(), "revoked/session/") {
		if err != nil || e.Expiry.Before(revoked.Add(time.Hour)) {
			t.Errorf("forgotten at %v (%v), %v", e.Expiry, revoked, err)
		}
		return
	}
	t.Error("nothing was revoked")
}

// What is under way ends with the configuration with which it began; the
// directory of that is closed after it.
func TestARequestOutlivesItsConfiguration(t *testing.T) {
	h := newHouse(t)
	s := h.service()
	g, release := s.acquire()
	closed := make(chan struct{})
	g.people = &closing{g.people, closed}
	if err := s.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
		t.Error("it was closed while it was used")
	default:
	}
	release()
	<-closed
}

type closing struct {
	people
	closed chan struct{}
}

func (c *closing) Close() error {
	close(c.closed)
	return c.people.Close()
}

func TestWatch(t *testing.T) {
	folder := t.TempDir()
	first, second := filepath.Join(folder, "first"), filepath.Join(folder, "second")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(first, "a")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		tick, named, changes := make(chan time.Time), []string{first}, 0
		meanwhile := func() {}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			watch(ctx, tick, func() []string { return named }, func() { changes++; meanwhile() })
		}()
		look := func(what string, want int) {
			t.Helper()
			tick <- time.Now()
			synctest.Wait()
			if changes != want {
				t.Errorf("%s: %d changes, not %d", what, changes, want)
			}
		}
		synctest.Wait()
		look("nothing happened", 0)
		write(first, "b")
		look("it was written", 1)
		look("once", 1)
		if err := os.Remove(first); err != nil {
			t.Fatal(err)
		}
		look("it is gone", 2)
		named = []string{first, second}
		write(second, "a")
		look("another is named", 3)
		write(first, "b")
		look("it is back", 4)
		meanwhile = func() { write(second, "b"); meanwhile = func() {} }
		write(first, "c")
		look("another is written during the reload", 5)
		look("which is noticed", 6)
		look("once", 6)
		cancel()
		<-ended
	})
}

// follow is how a service hears of its files.
func TestFilesAreFollowed(t *testing.T) {
	h := newHouse(t)
	s := h.service()
	ctx, cancel := context.WithCancel(t.Context())
	tick, ended := make(chan time.Time), make(chan struct{})
	go func() {
		defer close(ended)
		watch(ctx, tick, s.files, func() { s.reload(ctx) })
	}()
	tick <- time.Now() // it has looked a first time
	h.write("users.yaml", strings.Replace(readFile(t, h.at("users.yaml")), devUser, "bob", 1))
	tick <- time.Now()
	tick <- time.Now() // and has come to the end of the last
	cancel()
	<-ended
	if got := signIn(s, devClient, h.password.Reveal()); got != http.StatusBadRequest {
		t.Errorf("alice is still there: %d", got)
	}
}

func TestAuditFileIsOpenedAnew(t *testing.T) {
	h := newHouse(t)
	s := h.service()
	signIn(s, devClient, h.password.Reveal())
	if err := os.Rename(h.at("audit.log"), h.at("audit.log.1")); err != nil {
		t.Fatal(err)
	}
	if err := s.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	signIn(s, devClient, h.password.Reveal())
	for _, name := range []string{"audit.log.1", "audit.log"} {
		if got := strings.Count(readFile(t, h.at(name)), "\n"); got != 1 {
			t.Errorf("%s has %d lines", name, got)
		}
	}
}
