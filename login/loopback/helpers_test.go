package loopback

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const (
	testState  = "state-0123456789abcdef"
	testIssuer = "https://issuer.example"
)

// shortLimits keep the tests of limits quick; generous ones stay generous,
// since the machine may be busy.
func shortLimits() limits {
	lim := defaultLimits()
	lim.delivery, lim.abandoned = 5*time.Second, 5*time.Second
	return lim
}

// start listens on a port of the system's choice and closes with the test.
func start(t *testing.T, change func(*Options, *limits)) *Listener {
	t.Helper()
	o := Options{Expected: Expected{State: testState, Issuer: testIssuer}, Addresses: []string{"127.0.0.1:0"}}
	lim := shortLimits()
	if change != nil {
		change(&o, &lim)
	}
	l, err := listen(t.Context(), o, lim)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.limits.delivery, l.limits.abandoned = 0, 0
		l.Close()
	})
	return l
}

func (l *Listener) addr() string { return l.sockets[0].Addr().String() }

// answerURL is the redirect that a provider sends the browser to.
func (l *Listener) answerURL(pairs ...string) string {
	query := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		query.Add(pairs[i], pairs[i+1])
	}
	u := *l.redirect
	u.Host = l.addr()
	u.RawQuery = query.Encode()
	return u.String()
}

func (l *Listener) goodURL() string { return l.answerURL("state", testState, "code", "good-code") }

// browser keeps one connection, as a real one does, and follows nothing.
func browser(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func do(t *testing.T, client *http.Client, req *http.Request) reply {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(body)}
}

func request(t *testing.T, method, target string, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func get(t *testing.T, client *http.Client, target string) reply {
	t.Helper()
	return do(t, client, request(t, http.MethodGet, target, ""))
}

// visit goes to target and, in the background, to where it redirects.
func (l *Listener) visit(t *testing.T, client *http.Client, target string) <-chan reply {
	t.Helper()
	first := get(t, client, target)
	if first.status != http.StatusSeeOther {
		t.Fatalf("the answer got %d, want a redirect: %s", first.status, first.body)
	}
	pages := make(chan reply, 1)
	req := request(t, http.MethodGet, "http://"+l.addr()+first.header.Get("Location"), "")
	go func() {
		defer close(pages)
		resp, err := client.Do(req)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil {
			pages <- reply{resp.StatusCode, resp.Header, string(body)}
		}
	}()
	return pages
}

func page1(t *testing.T, pages <-chan reply) reply {
	t.Helper()
	p, ok := <-pages
	if !ok {
		t.Fatal("the browser did not get its page")
	}
	return p
}

func (l *Listener) wait(t *testing.T) *Callback {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	callback, err := l.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return callback
}

// stillWaits checks that no answer was taken.
func (l *Listener) stillWaits(t *testing.T) {
	t.Helper()
	if l.wasAnswered() {
		t.Fatal("a stray ended the wait")
	}
	select {
	case <-l.answers:
		t.Fatal("a stray was handed out as an answer")
	default:
	}
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
