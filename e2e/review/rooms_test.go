// Package review asks the exchange's server as an API server does: with the
// webhook and the JWT authenticators that the API server itself is made of. It
// reads what the pages on providers tell an API server in the same way.
package review

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/ldapexchange/server"
)

const (
	caller   = "caller-token"
	client   = "kubernetes"
	audience = "cluster-a"
	username = "corp:älice, \"quoted\""
)

var groups = []string{"corp:admins", "corp:cn=dev,ou=groups"}

// exchange is a server with rooms in memory.
type exchange struct {
	t        *testing.T
	url      string // its issuer
	ca       []byte
	requests atomic.Int32 // reviews
	rooms    *rooms
}

func newExchange(t *testing.T) *exchange {
	t.Helper()
	e := &exchange{t: t, rooms: newRooms(t)}
	var handler http.Handler
	listening := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tokenreview") {
			e.requests.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	listening.EnableHTTP2 = true
	listening.StartTLS()
	t.Cleanup(listening.Close)
	e.url, e.rooms.issuer = listening.URL, listening.URL
	e.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: listening.Certificate().Raw})
	made, err := server.New(server.Options{
		Issuer:  e.url,
		Clients: []server.Client{{ID: client, Audiences: []string{audience, "cluster-b"}}},
		Clusters: []server.Cluster{
			{Name: "a", Audience: audience, CallerToken: secret.New(caller)},
			{Name: "b", Audience: "cluster-b", CallerToken: secret.New(caller)},
		},
		Names:     server.Names{UserPrefix: "corp:", GroupPrefix: "corp:"},
		Directory: e.rooms, Signer: e.rooms, Sessions: e.rooms, Revocations: e.rooms,
	})
	if err != nil {
		t.Fatal(err)
	}
	handler = made.Handler()
	return e
}

type tokens struct {
	ID      string `json:"id_token"`
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// login is a password grant.
func (e *exchange) login(http *http.Client, audience string) tokens {
	e.t.Helper()
	resp, err := http.PostForm(e.url+"/token", url.Values{
		"grant_type": {"password"}, "client_id": {client}, "scope": {"openid"}, "audience": {audience}, "username": {"x"}, "password": {"x"},
	})
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	var got tokens
	if err != nil || json.Unmarshal(body, &got) != nil || got.ID == "" {
		e.t.Fatalf("no tokens: %s %s %v", resp.Status, body, err)
	}
	return got
}

// rooms are a directory of one, a key, and a store that can be away.
type rooms struct {
	issuer  string
	key     *ecdsa.PrivateKey
	away    atomic.Bool
	revoked atomic.Bool
}

func newRooms(t *testing.T) *rooms {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &rooms{key: key}
}

func (r *rooms) Authenticate(context.Context, string, secret.Text) (server.Identity, error) {
	return server.Identity{ID: "5f3c-entry-uuid", Name: strings.TrimPrefix(username, "corp:"), Groups: []string{"cn=dev,ou=groups", "admins"}}, nil
}

func (r *rooms) Lookup(ctx context.Context, _ string) (server.Identity, error) {
	return r.Authenticate(ctx, "", secret.Text{})
}

func (r *rooms) Create(_ context.Context, s server.Session) (server.Session, secret.Text, error) {
	s.ID, s.Created, s.Expiry = rand.Text(), time.Now(), time.Now().Add(time.Hour)
	return s, secret.New("refresh-" + rand.Text()), nil
}

func (r *rooms) Find(context.Context, secret.Text) (server.Session, error) {
	return server.Session{}, server.ErrNoSession
}

func (r *rooms) Rotate(context.Context, secret.Text, string) (secret.Text, error) {
	return secret.Text{}, server.ErrNoSession
}

func (r *rooms) Get(context.Context, string) (server.Session, error) {
	return server.Session{}, server.ErrNoSession
}

func (r *rooms) End(context.Context, string) error { return nil }

func (r *rooms) RevokeToken(context.Context, string, time.Time) error { return nil }

func (r *rooms) Revoked(context.Context, server.Claims) (bool, error) {
	if r.away.Load() {
		return false, errors.New("disk full")
	}
	return r.revoked.Load(), nil
}

type payload struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience []string `json:"aud"`
	Expiry   int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
	Client   string   `json:"azp"`
	Name     string   `json:"preferred_username"`
	Groups   []string `json:"groups"`
}

func (r *rooms) Sign(c server.Claims) (string, error) {
	typ := jose.ContentType("JWT")
	if c.Kind == server.AccessToken {
		typ = "at+jwt"
	}
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: r.key, KeyID: "one"}}
	signer, err := jose.NewSigner(key, new(jose.SignerOptions).WithType(typ))
	if err != nil {
		return "", err
	}
	audiences := []string{c.Audience, c.Client}
	if c.Kind == server.AccessToken {
		audiences = audiences[:1]
	}
	claims, err := json.Marshal(payload{r.issuer, c.Subject, audiences, c.Expiry.Unix(), c.IssuedAt.Unix(), c.ID, c.Client, c.Name, c.Groups})
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

func (r *rooms) Verify(token string) (server.Claims, error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return server.Claims{}, err
	}
	claims, err := signed.Verify(&r.key.PublicKey)
	if err != nil {
		return server.Claims{}, err
	}
	var p payload
	if err := json.Unmarshal(claims, &p); err != nil {
		return server.Claims{}, err
	}
	kind := server.IDToken
	if signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType] == "at+jwt" {
		kind = server.AccessToken
	}
	return server.Claims{Kind: kind, Subject: p.Subject, Name: p.Name, Groups: p.Groups, Audience: p.Audience[0], Client: p.Client, ID: p.ID,
		IssuedAt: time.Unix(p.IssuedAt, 0), Expiry: time.Unix(p.Expiry, 0)}, nil
}

func (r *rooms) JWKS() []byte {
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &r.key.PublicKey, KeyID: "one", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		panic(err)
	}
	return set
}

func (r *rooms) Algorithms() []string { return []string{"ES256"} }
