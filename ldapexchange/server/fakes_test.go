package server

// The rooms in memory: a directory of two, ES256, and stores that can be told to
// fail.

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/kubecred/kubecred/internal/secret"
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
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
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
	refused    int           // passwords
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
	if s.revoked[session.User] {
		return session, ErrNoSession
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
	a.s.set(func(s *fakeState) { s.refused++ })
	return a.Barred(ctx)
}

func (a *fakeAttempt) Barred(ctx context.Context) error {
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
