package e2e

// An API server of the tests' own, for what a real one does not show: which credential
// came with each request, a 401 for a token that is good, and when a connection ends.

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/pki"
)

// server is an API server that notes with what credential each request came.
type server struct {
	*httptest.Server
	ca []byte

	mu      sync.Mutex
	seen    []seen
	refused string                     // the credential that is answered 401
	conns   map[net.Conn]chan struct{} // closed once the connection is
}

// seen is the credential of one request.
type seen struct {
	authorization string
	certificate   string // the client certificate's common name
	chain         int    // how many certificates were sent
}

func newServer(t *testing.T) *server {
	t.Helper()
	authority, err := pki.NewAuthority("e2e fake cluster")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Server()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{ca: authority.PEM, conns: map[net.Conn]chan struct{}{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.answer))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequestClientCert}
	s.Config.ConnState = s.connection
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	one := seen{authorization: r.Header.Get("Authorization")}
	if certificates := r.TLS.PeerCertificates; len(certificates) > 0 {
		one.certificate, one.chain = certificates[0].Subject.CommonName, len(certificates)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, one)
	if s.refused != "" && one.authorization == "Bearer "+s.refused {
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func (s *server) connection(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[c] = make(chan struct{})
	case http.StateClosed:
		close(s.conns[c])
	}
}

// refuse answers 401 to a token from now on.
func (s *server) refuse(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = token
}

// last is the newest request's credential.
func (s *server) last(t *testing.T) seen {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		t.Fatal("no request reached the server")
	}
	return s.seen[len(s.seen)-1]
}

// client is client-go with the exec block. Each has an authenticator of its own:
// client-go shares one between equal exec blocks.
func (s *server) client(t *testing.T, e kubeconfig.Exec) *http.Client {
	t.Helper()
	e.Env = append(e.Env, "KUBECRED_E2E_CLIENT="+t.Name())
	client, err := rest.HTTPClientFor(&rest.Config{
		Host: s.URL, TLSClientConfig: rest.TLSClientConfig{CAData: s.ca},
		ExecProvider: e.Config(), Timeout: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// get makes one request and returns its status, or what client-go says stopped it.
func (s *server) get(client *http.Client) (int, error) {
	response, err := client.Get(s.URL)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

func (s *server) mustGet(t *testing.T, client *http.Client, status int) {
	t.Helper()
	if got, err := s.get(client); err != nil || got != status {
		t.Fatalf("status %d, error %v; want %d", got, err, status)
	}
}

// getUntil makes requests, ten a second, until one comes with the credential that is waited for.
// A credential's end is a matter of the clock: nothing else tells that it has come.
func (s *server) getUntil(t *testing.T, client *http.Client, within time.Duration, wanted func(seen) bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); ; <-tick.C {
		s.mustGet(t, client, http.StatusOK)
		if wanted(s.last(t)) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s the newest request still came with %+v", within, s.last(t))
		}
	}
}

// connections says, for each connection there was so far, when it is closed.
func (s *server) connections() []<-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	var closed []<-chan struct{}
	for _, c := range s.conns {
		closed = append(closed, c)
	}
	return closed
}
