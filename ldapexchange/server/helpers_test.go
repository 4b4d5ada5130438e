package server

// An exchange with rooms in memory: a directory of two, ES256, and stores that
// can be told to fail.

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/kubecred/kubecred/internal/secret"
)

const (
	issuer   = "https://exchange.example"
	password = "canary-passw0rd: with a colon "
	calling  = "canary-caller-token"
)

type fakeDirectory struct {
	mu     sync.Mutex
	people map[string]Identity // by name
	err    error               // of every call
	slow   func(name string)   // before an answer
	asked  int
}

func (d *fakeDirectory) Authenticate(ctx context.Context, name string, given secret.Text) (Identity, error) {
	d.mu.Lock()
	d.asked++
	who, known := d.people[strings.TrimSpace(strings.ToLower(name))]
	err, slow := d.err, d.slow
	d.mu.Unlock()
	if slow != nil {
		slow(name)
	}
	switch {
	case ctx.Err() != nil:
		return Identity{}, ctx.Err()
	case err != nil:
		return Identity{}, err
	case !known || given.Reveal() != password:
		return Identity{}, ErrCredentials
	}
	return who, nil
}

func (d *fakeDirectory) Lookup(_ context.Context, id string) (Identity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if d.err != nil {
		return Identity{}, d.err
	}
	for _, who := range d.people {
		if who.ID == id {
			return who, nil
		}
	}
	return Identity{}, ErrGone
}

func (d *fakeDirectory) set(change func(*fakeDirectory)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// fakeSigner is go-jose with one ES256 key.
type fakeSigner struct {
	key *ecdsa.PrivateKey
	now func() time.Time
	err error
}

type wireClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience []string `json:"aud"`
	Expiry   int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
	Client   string   `json:"azp"`
	Name     string   `json:"preferred_username"`
	Groups   []string `json:"groups"`
	Session  string   `json:"sid"`
}

func (s *fakeSigner) Sign(c Claims) (string, error) {
	if s.err != nil {
		return "", s.err
	}
	typ := "JWT"
	if c.Kind == AccessToken {
		typ = "at+jwt"
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: s.key}, new(jose.SignerOptions).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(wireClaims{issuer, c.Subject, []string{c.Audience, c.Client}, c.Expiry.Unix(), c.IssuedAt.Unix(), c.ID, c.Client, c.Name, c.Groups, c.Session})
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

func (s *fakeSigner) Verify(token string) (Claims, error) {
	signed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return Claims{}, err
	}
	payload, err := signed.Verify(&s.key.PublicKey)
	if err != nil {
		return Claims{}, err
	}
	var w wireClaims
	if err := json.Unmarshal(payload, &w); err != nil {
		return Claims{}, err
	}
	c := Claims{Subject: w.Subject, Name: w.Name, Groups: w.Groups, Audience: w.Audience[0], Client: w.Client, Session: w.Session, ID: w.ID,
		IssuedAt: time.Unix(w.IssuedAt, 0), Expiry: time.Unix(w.Expiry, 0)}
	if signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType] == "at+jwt" {
		c.Kind = AccessToken
	}
	if w.Issuer != issuer || !c.Expiry.After(s.now()) {
		return Claims{}, errors.New("expired, or another issuer's")
	}
	return c, nil
}

func (s *fakeSigner) JWKS() []byte {
	set, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &s.key.PublicKey, Algorithm: "ES256", Use: "sig"}}})
	return set
}

func (s *fakeSigner) Algorithms() []string { return []string{"ES256"} }

// fakeState is Sessions, Revocations and Limits.
type fakeState struct {
	mu         sync.Mutex
	now        func() time.Time
	sessions   map[string]Session
	tokens     map[string]string // refresh token to session
	spent      map[string]bool
	revoked    map[string]bool // by jti, session or subject
	epoch      time.Time
	failures   map[string]int
	limit      int           // failures of a user; 0 is none
	knownWrong bool          // every password
	begun      int           // attempts that are not done
	life       time.Duration // of a session
	err        error
	next       int
}

func newFakeState(now func() time.Time) *fakeState {
	return &fakeState{now: now, sessions: map[string]Session{}, tokens: map[string]string{}, spent: map[string]bool{}, life: 12 * time.Hour, revoked: map[string]bool{}, failures: map[string]int{}}
}

func (s *fakeState) set(change func(*fakeState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *fakeState) token(session string) secret.Text {
	s.next++
	token := fmt.Sprintf("canary-refresh-%d", s.next)
	s.tokens[token] = session
	return secret.New(token)
}

func (s *fakeState) Create(_ context.Context, session Session) (Session, secret.Text, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return Session{}, secret.Text{}, s.err
	}
	session.ID, session.Created = rand.Text(), s.now()
	session.Expiry = session.Created.Add(s.life)
	s.sessions[session.ID] = session
	return session, s.token(session.ID), nil
}

func (s *fakeState) find(refresh secret.Text) (Session, error) {
	if s.err != nil {
		return Session{}, s.err
	}
	session, there := s.sessions[s.tokens[refresh.Reveal()]]
	if !there || !session.Expiry.After(s.now()) {
		return Session{}, ErrNoSession
	}
	return session, nil
}

func (s *fakeState) Find(_ context.Context, refresh secret.Text) (Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(refresh)
}

func (s *fakeState) Rotate(_ context.Context, refresh secret.Text, client string) (secret.Text, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session, err := s.find(refresh)
	switch {
	case err != nil:
		return secret.Text{}, err
	case session.Client != client:
		return secret.Text{}, ErrNoSession
	case s.spent[refresh.Reveal()]:
		return secret.Text{}, ErrReused
	}
	s.spent[refresh.Reveal()] = true
	return s.token(session.ID), nil
}

func (s *fakeState) Get(_ context.Context, id string) (Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session, there := s.sessions[id]
	switch {
	case s.err != nil:
		return Session{}, s.err
	case !there:
		return Session{}, ErrNoSession
	}
	return session, nil
}

func (s *fakeState) End(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, id)
	s.revoked[id] = true
	return s.err
}

func (s *fakeState) RevokeToken(_ context.Context, jti string, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[jti] = true
	return s.err
}

func (s *fakeState) Revoked(_ context.Context, c Claims) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revoked[c.ID] || s.revoked[c.Session] || s.revoked[c.Subject] || c.IssuedAt.Before(s.epoch), s.err
}

func (s *fakeState) Begin(_ context.Context, user string, address netip.Addr, _ secret.Text) (Attempt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &fakeAttempt{s, "user " + strings.ToLower(user), "address " + address.String()}
	switch {
	case s.err != nil:
		return nil, s.err
	case s.limit > 0 && (s.failures[a.user] >= s.limit || s.failures[a.address] >= 10*s.limit):
		return nil, &LimitedError{90 * time.Second}
	case s.knownWrong:
		return nil, ErrCredentials
	}
	s.begun++
	return a, nil
}

type fakeAttempt struct {
	s             *fakeState
	user, address string
}

func (a *fakeAttempt) Refused(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.s.failures[a.user]++
	a.s.failures[a.address]++
	return a.s.err
}

func (a *fakeAttempt) Passed(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	delete(a.s.failures, a.user)
	return a.s.err
}

func (a *fakeAttempt) Done() { a.s.set(func(s *fakeState) { s.begun-- }) }

type fakeCA struct {
	mu      sync.Mutex
	subject Subject
	life    time.Duration
	err     error
	now     func() time.Time
}

func (ca *fakeCA) Issue(_ []byte, subject Subject, life time.Duration) ([]byte, time.Time, string, error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.subject, ca.life = subject, life
	return []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), ca.now().Add(life), "4711", ca.err
}

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
