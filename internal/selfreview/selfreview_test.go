package selfreview

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// server notes what arrives, and answers as it is told.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	body   string
	all    []*http.Request
	bodies []string
}

// start runs a TLS server that asks for certificates as auth says.
func start(t *testing.T, auth tls.ClientAuthType) *server {
	t.Helper()
	s := &server{status: http.StatusCreated, body: answerOf("oidc:alice")}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.all, s.bodies = append(s.all, r), append(s.bodies, string(body))
		status, text := s.status, s.body
		s.mu.Unlock()
		if status == http.StatusFound {
			w.Header().Set("Location", s.URL+"/login")
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	}))
	// No authority is named that a client's certificate comes from, and one is
	// named that it does not come from: the certificate is to be shown anyway.
	pool := x509.NewCertPool()
	other, _ := selfSigned(t, "another authority")
	pool.AppendCertsFromPEM(other)
	s.TLS = &tls.Config{ClientAuth: auth, ClientCAs: pool}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func answerOf(name string) string {
	return `{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1","status":{"userInfo":{"username":"` + name +
		`","uid":"u-1","groups":["oidc:dev","system:authenticated"],"extra":{"authentication.kubernetes.io/credential-id":["JTI=1"]}}}}`
}

func (s *server) answers(status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.body = status, body
}

func (s *server) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

func (s *server) cluster() Cluster {
	return Cluster{Server: s.URL, CAPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})}
}

// selfSigned is a certificate for a client and its key.
func selfSigned(t *testing.T, name string) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

func token(text string) Credential { return Credential{Token: secret.New(text)} }

func pair(t *testing.T) Credential {
	t.Helper()
	certificate, key := selfSigned(t, "alice")
	return Credential{ClientCertificate: string(certificate), ClientKey: secret.New(string(key))}
}

func TestAskWithAToken(t *testing.T) {
	t.Parallel()
	s := start(t, tls.NoClientCert)
	c := s.cluster()
	c.UserAgent = "kubecred/test"
	got, err := Ask(t.Context(), c, token("the-token"))
	if err != nil {
		t.Fatal(err)
	}
	want := User{"oidc:alice", "u-1", []string{"oidc:dev", "system:authenticated"}, map[string][]string{"authentication.kubernetes.io/credential-id": {"JTI=1"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if len(s.all) != 1 {
		t.Fatalf("%d requests", len(s.all))
	}
	r := s.all[0]
	if r.Method != "POST" || r.URL.Path != "/apis/authentication.k8s.io/v1/selfsubjectreviews" || r.Header.Get("Authorization") != "Bearer the-token" ||
		r.Header.Get("Content-Type") != "application/json" || r.UserAgent() != "kubecred/test" || s.bodies[0] != request {
		t.Errorf("sent %s %s %v %q", r.Method, r.URL, r.Header, s.bodies[0])
	}
}

// The server names authorities that the certificate does not come from.
func TestAskWithACertificate(t *testing.T) {
	t.Parallel()
	s := start(t, tls.RequestClientCert)
	if _, err := Ask(t.Context(), s.cluster(), pair(t)); err != nil {
		t.Fatal(err)
	}
	if got := s.requests()[0]; len(got.TLS.PeerCertificates) != 1 || got.TLS.PeerCertificates[0].Subject.CommonName != "alice" || got.Header.Get("Authorization") != "" {
		t.Errorf("showed %v", got.TLS.PeerCertificates)
	}
}

// Whatever is missing or in the way, a request without a credential never arrives.
func TestNothingAnonymousIsSent(t *testing.T) {
	t.Parallel()
	s := start(t, tls.NoClientCert)
	plain := httptest.NewServer(s.Config.Handler)
	t.Cleanup(plain.Close)
	certificate := pair(t)
	otherKey := certificate
	otherKey.ClientKey = pair(t).ClientKey
	for name, test := range map[string]struct {
		to   Cluster
		by   Credential
		want error
	}{
		"nothing":                         {s.cluster(), Credential{}, ErrNoCredential},
		"a token that no header holds":    {s.cluster(), token("a\nb"), ErrNoCredential},
		"a certificate without a key":     {s.cluster(), Credential{ClientCertificate: certificate.ClientCertificate}, ErrNoCredential},
		"another certificate's key":       {s.cluster(), otherKey, ErrNoCredential},
		"a certificate nobody asks for":   {s.cluster(), certificate, ErrNotSent},
		"a certificate where no TLS is":   {Cluster{Server: plain.URL}, certificate, ErrNotSent},
		"a key alone":                     {s.cluster(), Credential{ClientKey: certificate.ClientKey}, ErrNoCredential},
		"a certificate that is no such":   {s.cluster(), Credential{ClientCertificate: "x", ClientKey: certificate.ClientKey}, ErrNoCredential},
		"a token of nothing but a blank":  {s.cluster(), token(" "), ErrNoCredential},
		"a token with a second header":    {s.cluster(), token("x\r\nImpersonate-User: y"), ErrNoCredential},
		"a token that ASCII does not say": {s.cluster(), token("tökën"), ErrNoCredential},
	} {
		if _, err := Ask(t.Context(), test.to, test.by); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests arrived, the first with %v", n, s.requests()[0].Header)
	}
}

// A token beside a certificate that nobody asks for is a credential.
func TestTokenBesideACertificate(t *testing.T) {
	t.Parallel()
	s := start(t, tls.NoClientCert)
	both := pair(t)
	both.Token = secret.New("the-token")
	if _, err := Ask(t.Context(), s.cluster(), both); err != nil {
		t.Fatal(err)
	}
	if got := s.requests()[0].Header.Get("Authorization"); got != "Bearer the-token" {
		t.Errorf("sent %q", got)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	s := start(t, tls.NoClientCert)
	for server, path := range map[string]string{
		s.URL + "/k8s/clusters/c-1/":             "/k8s/clusters/c-1/apis/authentication.k8s.io/v1/selfsubjectreviews",
		strings.TrimPrefix(s.URL, "https://"):    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
		strings.ToUpper(s.URL[:5]) + s.URL[5:]:   "/apis/authentication.k8s.io/v1/selfsubjectreviews",
		s.URL + "/with%2Fslash":                  "/with%2Fslash/apis/authentication.k8s.io/v1/selfsubjectreviews",
		"https://localhost:" + portOf(s.URL):     "",
		"http://192.0.2.1:" + portOf(s.URL):      "",
		"https://user:canary@192.0.2.1":          "",
		"ftp://192.0.2.1":                        "",
		"":                                       "",
		"https://":                               "",
		"https://192.0.2.1\x1b[2J":               "",
		"unix:///run/canary.sock":                "",
		"https://192.0.2.1/#canary":              "",
		"https://192.0.2.1:99999999999999":       "",
		"https://[::1:" + portOf(s.URL) + "/%zz": "",
	} {
		c := s.cluster()
		c.Server = server
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := Ask(ctx, c, token("t"))
		cancel()
		if (err == nil) != (path != "") {
			t.Errorf("%q: %v", server, err)
			continue
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%q is repeated: %v", server, err)
		}
		if path != "" {
			if all := s.requests(); all[len(all)-1].URL.EscapedPath() != path {
				t.Errorf("%q: asked %s", server, all[len(all)-1].URL)
			}
		}
	}
}

func portOf(url string) string { return url[strings.LastIndex(url, ":")+1:] }

func TestTrust(t *testing.T) {
	t.Parallel()
	s := start(t, tls.NoClientCert)
	other, _ := selfSigned(t, "other")
	for name, test := range map[string]struct {
		edit func(*Cluster)
		ok   bool
	}{
		"its CA":                      {func(*Cluster) {}, true},
		"the system's":                {func(c *Cluster) { c.CAPEM = nil }, false},
		"another CA":                  {func(c *Cluster) { c.CAPEM = other }, false},
		"unchecked":                   {func(c *Cluster) { c.CAPEM, c.InsecureSkipTLSVerify = nil, true }, true},
		"unchecked, but for a CA":     {func(c *Cluster) { c.CAPEM, c.InsecureSkipTLSVerify = other, true }, false},
		"by its name":                 {func(c *Cluster) { c.TLSServerName = "example.com" }, true},
		"by another name":             {func(c *Cluster) { c.TLSServerName = "canary.example" }, false},
		"the CA is no certificate":    {func(c *Cluster) { c.CAPEM = []byte("canary") }, false},
		"a proxy that is no URL":      {func(c *Cluster) { c.ProxyURL = "canary" }, false},
		"a proxy that is not there":   {func(c *Cluster) { c.ProxyURL = "http://user:canary@127.0.0.1:1" }, false},
		"a server that is not there":  {func(c *Cluster) { c.Server = "https://127.0.0.1:1" }, false},
		"a server that speaks no TLS": {func(c *Cluster) { c.Server = "https://127.0.0.1:" + plainPort(t) }, false},
	} {
		c := s.cluster()
		test.edit(&c)
		_, err := Ask(t.Context(), c, token("t"))
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "canary") && !strings.Contains(err.Error(), "canary.example")) {
			t.Errorf("%s: a secret in %v", name, err)
		}
		var network *NetworkError
		if away := strings.Contains(name, "not there"); errors.As(err, &network) != away {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(name, "proxy that is not") && (network == nil || network.Proxy != "127.0.0.1:1") {
			t.Errorf("%s: %v names no proxy", name, err)
		}
	}
	if n := len(s.requests()); n != 3 {
		t.Errorf("%d requests arrived, want 3", n)
	}
}

func plainPort(t *testing.T) string {
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	return portOf(plain.URL)
}

// A server that refuses a certificate in the handshake is there, and a later
// try is no use.
func TestRefusedInTheHandshake(t *testing.T) {
	t.Parallel()
	s := start(t, tls.RequireAndVerifyClientCert)
	_, err := Ask(t.Context(), s.cluster(), pair(t))
	var wrong *ServerError
	if !errors.As(err, &wrong) || wrong.Untrusted {
		t.Errorf("%v", err)
	}
}

func TestThroughAProxy(t *testing.T) {
	t.Parallel()
	s := start(t, tls.NoClientCert)
	var through []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		through = append(through, r.Method+" "+r.Host)
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(proxy.Close)
	c := s.cluster()
	c.ProxyURL = proxy.URL
	_, err := Ask(t.Context(), c, token("t"))
	var network *NetworkError
	if !errors.As(err, &network) || network.Proxy != strings.TrimPrefix(proxy.URL, "http://") || len(through) != 1 || through[0] != "CONNECT "+s.Listener.Addr().String() {
		t.Errorf("%v, the proxy saw %q", err, through)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Ask(ctx, start(t, tls.NoClientCert).cluster(), token("t")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A server that says nothing is given up, and may answer another time.
func TestSilent(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	silent := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-ended }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(ended) })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := Ask(ctx, Cluster{Server: silent.URL, InsecureSkipTLSVerify: true}, token("t"))
	var network *NetworkError
	if !errors.As(err, &network) || network.Status != 0 {
		t.Errorf("%v", err)
	}
}
