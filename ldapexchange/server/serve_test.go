package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// served is a world behind a real listener.
type served struct {
	*world
	address string
	stop    context.CancelFunc
	ended   chan error
	roots   *authority
	pair    *KeyPair
	files   [2]string
}

func serve(t testing.TB, o ServeOptions, changes ...func(*Options)) *served {
	t.Helper()
	s := &served{world: newWorld(t, changes...), ended: make(chan error, 1), roots: newAuthority(t, "roots")}
	s.files[0], s.files[1] = write(t, t.TempDir(), s.roots.pair(t, "server", x509.ExtKeyUsageServerAuth))
	var err error
	if s.pair, err = LoadKeyPair(s.files[0], s.files[1]); err != nil {
		t.Fatal(err)
	}
	if !o.InsecurePlainHTTP {
		o.Certificate = s.pair.Certificate
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	go func() { s.ended <- s.server.Serve(ctx, l, o) }()
	t.Cleanup(func() { s.stop(); s.wait() })
	return s
}

func (s *served) wait() error {
	err := <-s.ended
	s.ended <- err
	return err
}

func (s *served) client(config *tls.Config) *http.Client {
	if config == nil {
		config = &tls.Config{}
	}
	config.RootCAs = s.roots.pool()
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

func (s *served) get(client *http.Client, path string) (int, string, error) {
	resp, err := client.Get("https://" + s.address + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func TestServeTLS(t *testing.T) {
	s := serve(t, ServeOptions{})
	resp, err := s.client(nil).Get("https://" + s.address + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %v", resp.Proto, resp.Header)
	}
}

// dex lost its minimum version with the first reload (CVE-2024-23656).
func TestOldestVersionSurvivesReload(t *testing.T) {
	s := serve(t, ServeOptions{})
	before := s.pair.Expiry()
	for range 2 {
		_, _, err := s.get(s.client(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}), "/livez")
		if err == nil || !strings.Contains(err.Error(), "protocol version") {
			t.Errorf("TLS 1.1: %v", err)
		}
		if status, _, err := s.get(s.client(&tls.Config{MaxVersion: tls.VersionTLS12}), "/livez"); status != 200 {
			t.Errorf("TLS 1.2: %v", err)
		}
		next := s.roots.pair(t, "next", x509.ExtKeyUsageServerAuth, func(c *x509.Certificate) { c.NotAfter = before.Add(time.Minute) })
		certificate, key := write(t, t.TempDir(), next)
		for from, to := range map[string]string{certificate: s.files[0], key: s.files[1]} {
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.pair.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: s.roots.pool()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if shown := conn.ConnectionState().PeerCertificates[0]; shown.Subject.CommonName != "next" || !s.pair.Expiry().Equal(shown.NotAfter) {
		t.Errorf("shows %s until %s", shown.Subject.CommonName, shown.NotAfter)
	}
}

func TestBadPairKeepsTheOld(t *testing.T) {
	s := serve(t, ServeOptions{})
	if err := os.WriteFile(s.files[1], []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.pair.Reload(); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("Reload: %v", err)
	}
	if status, _, err := s.get(s.client(nil), "/livez"); status != 200 {
		t.Error(err)
	}
	if _, err := LoadKeyPair(s.files[0], s.files[1]); err == nil {
		t.Error("a bad pair is loaded")
	}
}

func TestPlainOnlyOnLoopback(t *testing.T) {
	s := serve(t, ServeOptions{InsecurePlainHTTP: true})
	resp, err := http.Get("http://" + s.address + "/livez")
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(err)
	}
	resp.Body.Close()
	for name, o := range map[string]ServeOptions{"plain": {InsecurePlainHTTP: true}, "no certificate": {}} {
		l := &farListener{closed: make(chan struct{})}
		if err := s.server.Serve(context.Background(), l, o); err == nil {
			t.Errorf("%s: served everybody", name)
		}
		<-l.closed
	}
}

// farListener is on an address that others can reach.
type farListener struct{ closed chan struct{} }

func (l *farListener) Accept() (net.Conn, error) { panic("nobody may get here") }
func (l *farListener) Close() error              { close(l.closed); return nil }
func (l *farListener) Addr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} }

func TestCallersByCertificate(t *testing.T) {
	callers, strangers := newAuthority(t, "callers"), newAuthority(t, "strangers")
	s := serve(t, ServeOptions{}, func(o *Options) {
		o.now = nil
		o.Clusters = []Cluster{
			{Name: "a", Audience: "cluster-a", CallerCAs: callers.pool()},
			{Name: "named", Audience: "cluster-n", CallerCAs: callers.pool(), CallerNames: []string{"apiserver"}},
			{Name: "token", Audience: "cluster-t", CallerToken: secret.New(calling)},
		}
	})
	s.clock = time.Now()
	dns := func(c *x509.Certificate) { c.Subject.CommonName = ""; c.DNSNames = []string{"apiserver"} }
	tests := map[string]struct {
		cluster string
		pair    *tls.Certificate
		status  int
	}{
		"nobody":             {"a", nil, 401},
		"the caller":         {"a", ptr(callers.pair(t, "kube", x509.ExtKeyUsageClientAuth)), 200},
		"another authority":  {"a", ptr(strangers.pair(t, "kube", x509.ExtKeyUsageClientAuth)), 401},
		"a server's":         {"a", ptr(callers.pair(t, "kube", x509.ExtKeyUsageServerAuth)), 401},
		"expired":            {"a", ptr(callers.pair(t, "kube", x509.ExtKeyUsageClientAuth, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })), 401},
		"by its common name": {"named", ptr(callers.pair(t, "apiserver", x509.ExtKeyUsageClientAuth)), 200},
		"by its DNS name":    {"named", ptr(callers.pair(t, "", x509.ExtKeyUsageClientAuth, dns)), 200},
		"another name":       {"named", ptr(callers.pair(t, "kubelet", x509.ExtKeyUsageClientAuth)), 401},
		"where tokens count": {"token", ptr(callers.pair(t, "kube", x509.ExtKeyUsageClientAuth)), 401},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := &tls.Config{}
			if test.pair != nil {
				// Whatever authorities the server names, send it.
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return test.pair, nil }
			}
			resp, err := s.client(config).Post("https://"+s.address+"/v1/clusters/"+test.cluster+"/tokenreview", "application/json",
				strings.NewReader(`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"x"}}`))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != test.status {
				t.Errorf("answered %d", resp.StatusCode)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// Those that send nothing push out each other; whoever sends a request is
// answered at once.
func TestSilentCrowd(t *testing.T) {
	const limit = 100
	s := serve(t, ServeOptions{Connections: limit})
	var silent []net.Conn
	defer func() {
		for _, conn := range silent {
			conn.Close()
		}
	}()
	for i := range 10 * limit {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		silent = append(silent, conn)
		if i%limit != 0 {
			continue
		}
		begin := time.Now()
		if status, _, err := s.get(s.client(nil), "/livez"); status != 200 || time.Since(begin) > 3*time.Second {
			t.Fatalf("after %d: %d in %s, %v", i, status, time.Since(begin), err)
		}
	}
	// The first was closed to make room.
	silent[0].SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := silent[0].Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the oldest is still open: %v", err)
	}
	_, metrics, err := s.get(s.client(nil), "/metrics")
	if err != nil || strings.Contains(metrics, "kubecred_exchange_connections_evicted_total 0\n") {
		t.Errorf("not told: %v", err)
	}
}

// One that has begun a request and goes no further makes room as well.
func TestCrowdOfRequestsThatNeverEnd(t *testing.T) {
	for name, begun := range map[string]string{
		"a header": "POST /token HTTP/1.1\r\nHost: x\r\n",
		"a body":   "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\na",
	} {
		t.Run(name, func(t *testing.T) {
			const limit = 8
			s := serve(t, ServeOptions{Connections: limit})
			for range limit {
				conn, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: s.roots.pool()})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if _, err := conn.Write([]byte(begun)); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(50 * time.Millisecond) // the service has read what was sent; nothing tells
			if status, _, err := s.get(s.client(nil), "/livez"); err != nil || status != http.StatusOK {
				t.Errorf("%d, %v", status, err)
			}
		})
	}
}

// A request that is under way is not closed for others.
func TestCrowdSparesTheBusy(t *testing.T) {
	c := newCrowd(2, newMetrics())
	conns, seats := map[string]*pipeEnd{}, map[string]*seat{}
	enter := func(name string) {
		conns[name] = &pipeEnd{}
		seats[name] = c.seated(t.Context(), conns[name]).Value(seatKey{}).(*seat)
	}
	enter("busy")
	done := seats["busy"].work()
	also := seats["busy"].work() // HTTP/2
	enter("quiet")
	enter("new")
	rested := seats["new"].work()
	c.state(conns["quiet"], http.StateClosed)
	enter("newer")
	if conns["busy"].closed || !conns["quiet"].closed || conns["new"].closed || !conns["newer"].closed {
		t.Errorf("%+v", conns)
	}
	done()
	enter("newest")
	if conns["busy"].closed || !conns["newest"].closed {
		t.Errorf("one of two was answered: %+v", conns)
	}
	also()
	enter("last")
	if !conns["busy"].closed || conns["last"].closed {
		t.Errorf("the busy one has rested: %+v", conns)
	}
	for _, conn := range conns {
		c.state(conn, http.StateClosed)
	}
	rested()
	if len(c.all) != 0 || c.quiet.Len() != 0 {
		t.Errorf("%d are left", len(c.all))
	}
}

type pipeEnd struct {
	net.Conn
	closed bool
}

func (p *pipeEnd) Close() error { p.closed = true; return nil }

func TestDeadlinesAreSet(t *testing.T) {
	server := newWorld(t).server.httpServer(ServeOptions{Connections: 1})
	if server.ReadHeaderTimeout != 5*time.Second || server.ReadTimeout == 0 || server.WriteTimeout <= server.ReadTimeout || server.IdleTimeout == 0 || server.MaxHeaderBytes != 32<<10 {
		t.Errorf("%+v", server)
	}
}

// A header that never ends, and a body that never comes, end with the deadline
// (shortened here).
func TestSlowClients(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := w.server.httpServer(ServeOptions{Connections: 10})
	server.ReadHeaderTimeout, server.ReadTimeout = 100*time.Millisecond, 200*time.Millisecond
	go server.Serve(l)
	defer server.Close()
	for name, start := range map[string]string{
		"nothing":  "",
		"a header": "POST /token HTTP/1.1\r\nHost: x\r\nX-",
		"a body":   "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant",
	} {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, start); err != nil {
			t.Fatal(err)
		}
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer, err := io.ReadAll(conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection is still open", name)
		}
		if strings.Contains(string(answer), " 200 ") {
			t.Errorf("%s: %s", name, answer)
		}
	}
	if w.directory.asked != 0 {
		t.Error("the directory was asked")
	}
}

func TestLargeHeader(t *testing.T) {
	s := serve(t, ServeOptions{InsecurePlainHTTP: true})
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var head bytes.Buffer
	head.WriteString("GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: ")
	head.Write(bytes.Repeat([]byte("x"), 64<<10))
	head.WriteString("\r\n\r\n")
	go conn.Write(head.Bytes()) // the server may stop reading
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("answered %d", resp.StatusCode)
	}
}

// The rest of a body that is too large is not read.
func TestLargeBodyEndsTheConnection(t *testing.T) {
	s := serve(t, ServeOptions{InsecurePlainHTTP: true})
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: "+formType+"\r\nContent-Length: 1073741824\r\n\r\n")
	go conn.Write(bytes.Repeat([]byte("x"), 1<<20)) // the server stops reading
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
		t.Errorf("answered %d, closes %t", resp.StatusCode, resp.Close)
	}
}

// What is under way at the end is answered, and readiness says no before the
// listener closes.
func TestDrain(t *testing.T) {
	s := serve(t, ServeOptions{DrainDelay: 300 * time.Millisecond})
	inside, release := make(chan bool), make(chan bool)
	s.directory.slow = func(string) { inside <- true; <-release }
	answered := make(chan int)
	go func() {
		resp, err := s.client(nil).Post("https://"+s.address+"/token", formType,
			strings.NewReader("grant_type=password&client_id=kubernetes&scope=openid&username=alice&password=x"))
		if err != nil {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	<-inside
	client := s.client(nil)
	if status, _, err := s.get(client, "/readyz"); status != 200 {
		t.Error(status, err)
	}
	s.stop()
	for {
		status, body, err := s.get(client, "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		if status == 503 && strings.Contains(body, "draining") {
			break
		}
	}
	close(release)
	if status := <-answered; status != 400 {
		t.Errorf("the request under way got %d", status)
	}
	if err := s.wait(); err != nil {
		t.Error(err)
	}
	if _, _, err := s.get(s.client(nil), "/livez"); err == nil {
		t.Error("the listener is open")
	}
}

// A request that does not end is cut off.
func TestDrainEnds(t *testing.T) {
	s := serve(t, ServeOptions{InsecurePlainHTTP: true, Drain: 50 * time.Millisecond})
	inside, release := make(chan bool), make(chan bool)
	defer close(release)
	s.directory.slow = func(string) { inside <- true; <-release }
	go http.Post("http://"+s.address+"/token", formType, strings.NewReader("grant_type=password&client_id=kubernetes&scope=openid&username=alice&password=x"))
	<-inside
	s.stop()
	if err := s.wait(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}
}
