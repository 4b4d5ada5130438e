package httpclient

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func newClient(t *testing.T, o Options) *http.Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, c *http.Client, url string) ([]byte, error) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func TestTrust(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	defer s.Close()
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})

	_, err := get(t, newClient(t, Options{}), s.URL)
	if err == nil || IsNetwork(err) {
		t.Errorf("an unknown authority: %v", err)
	}
	for _, o := range []Options{{CAPEM: ca}, {CAPEM: ca, AddSystemRoots: true}, {InsecureSkipTLSVerify: true}} {
		if _, err := get(t, newClient(t, o), s.URL); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := New(Options{CAPEM: []byte("nonsense")}); err == nil {
		t.Error("a CA without a certificate is accepted")
	}
}

// A provider that prefers HTTP/2 is spoken with in HTTP/1.1 by every build.
func TestHTTP1Alone(t *testing.T) {
	var said string
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		said = r.Proto
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	if _, err := get(t, newClient(t, Options{InsecureSkipTLSVerify: true}), s.URL); err != nil {
		t.Fatal(err)
	}
	if said != "HTTP/1.1" {
		t.Errorf("spoke %s", said)
	}
}

func TestPlainHTTPIsForLoopbackOnly(t *testing.T) {
	_, err := get(t, newClient(t, Options{}), "http://issuer.example/")
	var refused *URLError
	if !errors.As(err, &refused) || IsNetwork(err) {
		t.Errorf("error %v", err)
	}
}

// go-oidc reads a discovery document of any size (oidc.md).
func TestBodyIsBounded(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		chunk := bytes.Repeat([]byte("x"), MaxBody/16)
		for i := 0; r.URL.Path == "/endless" || i < 16; i++ {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	c := newClient(t, Options{})
	if _, err := get(t, c, s.URL+"/endless"); !errors.Is(err, ErrBodyTooLarge) || IsNetwork(err) {
		t.Errorf("endless: %v", err)
	}
	if body, err := get(t, c, s.URL+"/exact"); err != nil || len(body) != MaxBody {
		t.Errorf("exactly the bound: %d bytes, %v", len(body), err)
	}
}

func TestRedirects(t *testing.T) {
	var reached []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		reached = append(reached, r.Method+" "+r.URL.Path)
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		}
	})
	c := newClient(t, Options{})
	do := func(method, to string, auth bool) error {
		req, err := http.NewRequest(method, s.URL+"/from?to="+url.QueryEscape(to), strings.NewReader("secret"))
		if err != nil {
			t.Fatal(err)
		}
		if auth {
			req.Header.Set("Authorization", "Basic x")
		}
		resp, err := c.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	if err := do("GET", s.URL+"/to", false); err != nil || reached[len(reached)-1] != "GET /to" {
		t.Errorf("a GET may move: %v, %v", err, reached)
	}
	var redirect *RedirectError
	for name, err := range map[string]error{
		"a POST":                 do("POST", s.URL+"/to", false),
		"a GET with credentials": do("GET", s.URL+"/to", true),
		"to http elsewhere":      do("GET", "http://issuer.example/", false),
		"to another scheme":      do("GET", "file:///etc/passwd", false),
	} {
		if !errors.As(err, &redirect) || IsNetwork(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRedirectLoop(t *testing.T) {
	count := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		count++
		http.Redirect(w, r, "/again", http.StatusFound)
	})
	_, err := get(t, newClient(t, Options{}), s.URL)
	var redirect *RedirectError
	if !errors.As(err, &redirect) || count != maxRedirects {
		t.Errorf("%d requests, %v", count, err)
	}
}

func TestHeaderGoesToItsHostAlone(t *testing.T) {
	seen := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("X-Extra")) }
	mine, other := serve(t, seen), serve(t, seen)
	host := strings.TrimPrefix(mine.URL, "http://")
	c := newClient(t, Options{Header: map[string]string{"X-Extra": "value"}, HeaderHost: host})
	if got, _ := get(t, c, mine.URL); string(got) != "value" {
		t.Errorf("its host got %q", got)
	}
	if got, _ := get(t, c, other.URL); len(got) != 0 {
		t.Errorf("another host got %q", got)
	}
}

func TestLogShowsNoQueryNorBody(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "canary") })
	var log bytes.Buffer
	c := newClient(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if _, err := get(t, c, s.URL+"/path?code=canary"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := get(t, c, s.URL+"/gone?code=canary"); !IsNetwork(err) {
		t.Errorf("a closed port is a network error: %v", err)
	}
	if strings.Contains(log.String(), "canary") {
		t.Errorf("the log shows a secret:\n%s", &log)
	}
	for _, want := range []string{"path=/path", "status=200", "path=/gone", "request failed"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &log)
		}
	}
}

func TestIsNetwork(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"nothing", nil, false},
		{"a deadline", &url.Error{Op: "Get", Err: context.DeadlineExceeded}, true},
		{"a person's Ctrl-C", &url.Error{Op: "Get", Err: context.Canceled}, false},
		{"a name that is not found", &url.Error{Op: "Get", Err: &net.DNSError{}}, true},
		{"half an answer", io.ErrUnexpectedEOF, true},
		{"another error", errors.New("x"), false},
	}
	for _, test := range tests {
		if got := IsNetwork(test.err); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestProxy(t *testing.T) {
	var asked []string
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Host)
		io.WriteString(w, "proxied")
	})
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "direct") })

	// Requests to loopback pass by the environment's proxy (net/http), not by
	// the administrator's.
	t.Setenv("HTTP_PROXY", proxy.URL)
	for setting, want := range map[string]string{"": "direct", "none": "direct", proxy.URL: "proxied"} {
		if got, err := get(t, newClient(t, Options{Proxy: setting}), server.URL); string(got) != want {
			t.Errorf("proxy %q: %q, %v", setting, got, err)
		}
	}
	if len(asked) != 1 {
		t.Errorf("the proxy was asked for %v", asked)
	}
	for _, bad := range []string{"canary", "http://user:canary@host:x"} {
		if _, err := New(Options{Proxy: bad}); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("proxy %q: %v", bad, err)
		}
	}
}

// A connection that lay idle while a person signed in is not used again: the
// server may be closing it (Node does so after five seconds), and the POST of
// the code would be lost. Here the server's own patience is a little longer
// than ours.
func TestIdleConnectionIsNotReused(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	idle := make(chan struct{}, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			connections.Add(1)
		case http.StateClosed: // by the client, which gave it up
			idle <- struct{}{}
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	c := newClient(t, Options{})
	for range 2 {
		if _, err := get(t, c, s.URL); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for two requests in a row", n)
	}
	select {
	case <-idle:
	case <-time.After(4 * time.Second):
		t.Fatal("an unused connection is kept as long as servers keep theirs")
	}
	resp, err := c.Post(s.URL, "text/plain", strings.NewReader("code"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}
