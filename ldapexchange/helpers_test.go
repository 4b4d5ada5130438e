package ldapexchange

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/secret"
)

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// exchange is a server that keeps what it was sent.
type exchange struct {
	*Client
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func serve(t *testing.T, answer http.HandlerFunc) *exchange {
	t.Helper()
	x := &exchange{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		x.mu.Lock()
		x.requests, x.bodies = append(x.requests, r), append(x.bodies, string(body))
		x.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	client, err := httpclient.New(httpclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x.Client = &Client{URL: server.URL, HTTP: client, Now: func() time.Time { return start }}
	return x
}

// count is how many requests have arrived. The others' end tells that theirs has;
// a broken answer's does not.
func (x *exchange) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.requests)
}

// says answers with a status and a body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func mustProof(t *testing.T, name, password string) Proof {
	t.Helper()
	p, err := Password(name, secret.New(password))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustKey(t testing.TB) Key {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// wantError returns the error of the type.
func wantError[E error](t *testing.T, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T), want a %T", err, err, e)
	}
	return e
}

// jwt is a token with claims that nobody signed.
func jwt(claims any) string {
	payload, _ := json.Marshal(claims)
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"ES256"}`)) + "." + part(payload) + "." + part([]byte("signature"))
}

// authority signs what it is asked to.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: start.Add(-time.Hour), NotAfter: start.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{key, certificate}
}

// client is the template of a good client certificate.
func client() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "alice", Organization: []string{"developers", "oncall"}},
		NotBefore: start.Add(-time.Minute), NotAfter: start.Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

func (a authority) sign(t *testing.T, template *x509.Certificate, public any) string {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, public, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
