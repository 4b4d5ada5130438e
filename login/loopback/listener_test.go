package loopback

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWaitEndsWithItsContext(t *testing.T) {
	l := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := l.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
}

func TestCloseFreesThePortAtOnce(t *testing.T) {
	l := start(t, nil)
	addr := l.addr()
	open := dial(t, addr)
	half := dial(t, addr)
	if _, err := io.WriteString(half, "GET /?code="); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("the port is still held: %v", err)
	}
	socket.Close()
	for _, conn := range []net.Conn{open, half} {
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection outlived the listener: %v", err)
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

// Ctrl-C between the answer and the verdict.
func TestCloseWithoutVerdictTellsTheBrowser(t *testing.T) {
	l := start(t, nil)
	pages := l.visit(t, browser(t), l.goodURL())
	l.wait(t)
	l.Close()
	if page := page1(t, pages); page.status != http.StatusForbidden || !strings.Contains(page.body, "stopped before") {
		t.Errorf("%d: %s", page.status, page.body)
	}
}

func TestCloseDoesNotWaitForABrowserThatLeft(t *testing.T) {
	l := start(t, func(_ *Options, lim *limits) { lim.delivery, lim.abandoned = 10*time.Millisecond, time.Hour })
	get(t, browser(t), l.goodURL())
	l.wait(t).Succeed("")
	l.Close() // would take the test's own time limit
}

func TestIdleConnectionsDoNotKeepTheAnswerOut(t *testing.T) {
	l := start(t, nil)
	for range 1000 {
		conn, err := net.Dial("tcp", l.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	pages := l.visit(t, browser(t), l.goodURL())
	callback := l.wait(t)
	for range 2 * l.limits.connections {
		conn, err := net.Dial("tcp", l.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	// A request on a new connection is served after all of those.
	get(t, browser(t), "http://"+l.addr()+"/nothing")
	l.crowd.mu.Lock()
	open := len(l.crowd.queue)
	l.crowd.mu.Unlock()
	if open > l.limits.connections {
		t.Errorf("%d connections are open", open)
	}
	callback.Succeed("")
	if page := page1(t, pages); page.status != http.StatusOK {
		t.Errorf("%d", page.status)
	}
}

func TestSlowClientsAreCut(t *testing.T) {
	l := start(t, func(o *Options, lim *limits) {
		o.FormPost = true
		lim.header, lim.read = 50*time.Millisecond, 50*time.Millisecond
	})
	for name, text := range map[string]string{
		"nothing": "",
		"headers": "GET /?state=" + testState + "&code=x HTTP/1.1\r\nHost: localhost\r\n",
		"body": "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
			"Content-Length: 100\r\n\r\nstate=" + testState + "&code=x",
	} {
		conn := dial(t, l.addr())
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "body" && !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
			t.Errorf("%s: %q", name, answer)
		}
	}
	l.stillWaits(t)
}

func TestGarbageDoesNotEndTheLogin(t *testing.T) {
	complaints := captureLog(t)
	l := start(t, nil)
	for _, text := range []string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a browser that insists on TLS\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n",
		"GET /?state=" + testState + "&code=x HTTP/1.0\r\n\r\n",
		"GET http://evil.example/?state=" + testState + "&code=x HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		conn := dial(t, l.addr())
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 4") && !strings.HasPrefix(line, "HTTP/1.0 4") {
			t.Errorf("%q got %q, %v", text, line, err)
		}
		conn.Close()
	}
	l.stillWaits(t)
	l.Close()
	if got := complaints.String(); got != "" {
		t.Errorf("the server complained: %q", got)
	}
}

// captureLog holds that the HTTP server's own complaints go nowhere: its
// default is the standard logger, which writes to stderr, and some clients
// merge that into stdout.
func captureLog(t *testing.T) *strings.Builder {
	t.Helper()
	var out strings.Builder
	log.SetOutput(&out)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	return &out
}

func TestTLS(t *testing.T) {
	certFile, keyFile, roots := certificate(t)
	complaints := captureLog(t)
	l := start(t, func(o *Options, _ *limits) { o.CertFile, o.KeyFile = certFile, keyFile })
	if !strings.HasPrefix(l.RedirectURL(), "https://localhost:") {
		t.Errorf("redirect URL %s", l.RedirectURL())
	}
	plain := get(t, browser(t), "http://"+l.addr()+"/")
	if plain.status != http.StatusBadRequest {
		t.Errorf("plain http got %d", plain.status)
	}
	client := browser(t)
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	first := get(t, client, l.goodURL())
	l.wait(t).Succeed("")
	page := get(t, client, "https://"+l.addr()+first.header.Get("Location"))
	if page.status != http.StatusOK || !strings.Contains(page.body, "You are signed in") {
		t.Errorf("%d: %s", page.status, page.body)
	}
	l.Close()
	if got := complaints.String(); got != "" {
		t.Errorf("the server complained: %q", got)
	}
}

// certificate writes a self-signed one for loopback.
func certificate(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	write := func(name string, text []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", certPEM), write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), roots
}
