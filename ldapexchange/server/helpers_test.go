package server

// An exchange with rooms in memory, and how tests ask it.

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

const (
	issuer   = "https://exchange.example"
	password = "canary-passw0rd: with a colon "
	calling  = "canary-caller-token"
)

// world is an exchange and everything it told.
type world struct {
	t         testing.TB
	server    *Server
	handler   http.Handler
	directory *fakeDirectory
	state     *fakeState
	signer    *fakeSigner
	ca        *fakeCA

	mu    sync.Mutex
	clock time.Time
	slept []time.Duration
	told  syncBuffer // log and audit
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

func (w *world) sleep(_ context.Context, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slept = append(w.slept, d)
}

func testKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newWorld(t testing.TB, changes ...func(*Options)) *world {
	w := &world{t: t, clock: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	w.directory = &fakeDirectory{people: map[string]Identity{
		"alice": {ID: "id-alice", Name: "Alice", Email: "alice@corp.example", Groups: []string{"dev", "admins", "dev"}},
		"bob":   {ID: "id-bob", Name: "bob"},
	}}
	w.signer = &fakeSigner{key: testKey(t), now: w.now}
	w.state = newFakeState(w.now)
	w.ca = &fakeCA{now: w.now}
	o := Options{
		Issuer:  issuer,
		Clients: []Client{{ID: "kubernetes", Audiences: []string{"cluster-a", "cluster-b"}}, {ID: "only-a", Audiences: []string{"cluster-a"}}},
		Clusters: []Cluster{
			{Name: "a", Audience: "cluster-a", CallerToken: secret.New(calling + "-a"), CA: w.ca},
			{Name: "b", Audience: "cluster-b", CallerToken: secret.New(calling + "-b"), CA: w.ca},
			{Name: "tokens", Audience: "cluster-tokens", CallerToken: secret.New(calling + "-t")},
		},
		Names:     Names{Lowercase: true},
		Directory: w.directory, Signer: w.signer, Sessions: w.state, Revocations: w.state, Limits: w.state,
		Audit: slog.New(slog.NewJSONHandler(&w.told, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Log:   slog.New(slog.NewTextHandler(&w.told, &slog.HandlerOptions{Level: slog.LevelDebug})),
		now:   w.now, sleep: w.sleep,
	}
	for _, change := range changes {
		change(&o)
	}
	var err error
	if w.server, err = New(o); err != nil {
		t.Fatal(err)
	}
	w.handler = w.server.Handler()
	return w
}

// answerOf is what came back.
type answerOf struct {
	*http.Response
	body string
}

func (w *world) do(r *http.Request) answerOf {
	w.t.Helper()
	recorded := httptest.NewRecorder()
	w.handler.ServeHTTP(recorded, r)
	body, err := io.ReadAll(recorded.Result().Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answerOf{recorded.Result(), string(body)}
}

func (w *world) request(method, path, contentType, body string, headers ...string) answerOf {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:4711"
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return w.do(r)
}

const formType = "application/x-www-form-urlencoded"

func (w *world) form(path string, values ...string) answerOf {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	return w.request("POST", path, formType, form.Encode())
}

// login is a password grant, with changes.
func (w *world) login(changes ...string) answerOf {
	w.t.Helper()
	return w.form("/token", append([]string{"grant_type", "password", "client_id", "kubernetes", "scope", "openid offline_access",
		"username", "alice", "password", password, "audience", "cluster-a"}, changes...)...)
}

func (w *world) refresh(token string, changes ...string) answerOf {
	w.t.Helper()
	return w.form("/token", append([]string{"grant_type", "refresh_token", "client_id", "kubernetes", "refresh_token", token}, changes...)...)
}

func (a answerOf) tokens(t testing.TB) granted {
	t.Helper()
	var g granted
	if a.StatusCode != http.StatusOK || json.Unmarshal([]byte(a.body), &g) != nil || g.IDToken == "" || g.AccessToken == "" || g.RefreshToken == "" {
		t.Fatalf("no tokens: %d %s", a.StatusCode, a.body)
	}
	return g
}

// refused holds that an answer is this error.
func (a answerOf) refused(t testing.TB, status int, code string) {
	t.Helper()
	var e struct {
		Code string `json:"error"`
	}
	if json.Unmarshal([]byte(a.body), &e) != nil || a.StatusCode != status || e.Code != code {
		t.Errorf("answered %d %s; want %d %s", a.StatusCode, strings.TrimSpace(a.body), status, code)
	}
}

// reviewed asks cluster name about a token.
func (w *world) reviewed(name, token string) answerOf {
	w.t.Helper()
	body, _ := json.Marshal(map[string]any{"apiVersion": reviewV1, "kind": reviewKind, "spec": map[string]any{"token": token, "audiences": []string{"https://kubernetes.default.svc"}}})
	return w.request("POST", "/v1/clusters/"+name+"/tokenreview", "application/json", string(body), "Authorization", "Bearer "+calling+"-"+name[:1])
}

func (a answerOf) status(t testing.TB) reviewStatus {
	t.Helper()
	var got reviewAnswer
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.StatusCode != http.StatusOK || got.Kind != reviewKind {
		t.Fatalf("no review: %d %s", a.StatusCode, a.body)
	}
	return got.Status
}

// lines returns the audit lines of an event.
func (w *world) lines(event string) []map[string]any {
	var found []map[string]any
	for line := range strings.Lines(w.told.String()) {
		var got map[string]any
		if json.Unmarshal([]byte(line), &got) == nil && got["msg"] == event {
			found = append(found, got)
		}
	}
	return found
}

func (w *world) lastLine(event string) map[string]any {
	w.t.Helper()
	lines := w.lines(event)
	if len(lines) == 0 {
		w.t.Fatalf("nothing was told of %s", event)
	}
	return lines[len(lines)-1]
}

func sorted(s ...string) []string { slices.Sort(s); return s }
