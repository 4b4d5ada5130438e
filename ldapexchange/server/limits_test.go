package server

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLimitsCountFailures(t *testing.T) {
	w := newWorld(t)
	w.state.limit = 5
	for i := range 5 {
		// Every spelling is the one user, for the directory as for the limits.
		name := []string{"alice", "ALICE ", "\u200balice", "ａｌｉｃｅ", "a\u0301lice"}[i]
		w.login("username", name, "password", "wrong").refused(t, 400, "invalid_grant")
	}
	asked := w.directory.asked
	answer := w.login()
	answer.refused(t, 429, "temporarily_unavailable")
	if answer.Header.Get("Retry-After") != "90" {
		t.Errorf("Retry-After: %q", answer.Header.Get("Retry-After"))
	}
	if answer := w.certificate("a", basic("alice", password)); answer.StatusCode != 429 {
		t.Errorf("/v1/credentials is a way around: %d", answer.StatusCode)
	}
	if w.directory.asked != asked {
		t.Error("the directory was asked")
	}
	w.login("username", "bob").tokens(t)
}

func TestGoodLoginForgets(t *testing.T) {
	w := newWorld(t)
	w.state.limit = 5
	for range 8 {
		w.login("password", "wrong").refused(t, 400, "invalid_grant")
		w.login("password", "wrong").refused(t, 400, "invalid_grant")
		w.login().tokens(t)
	}
}

func TestManyLoginsFromOneAddress(t *testing.T) {
	w := newWorld(t)
	w.state.limit = 1
	for range 3000 {
		if answer := w.login(); answer.StatusCode != 200 {
			t.Fatalf("%d %s", answer.StatusCode, answer.body)
		}
	}
}

// A thousand guesses at once are as many as one after the other.
func TestGuessesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.state.limit = 5
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() { w.login("password", "wrong") })
	}
	all.Wait()
	if w.directory.asked > 5 {
		t.Errorf("the directory was asked %d times", w.directory.asked)
	}
	if len(w.server.gate.held) != 0 {
		t.Errorf("%d turns are left", len(w.server.gate.held))
	}
}

func TestUsersDoNotWaitForEachOther(t *testing.T) {
	w := newWorld(t)
	inside, release := make(chan bool), make(chan bool)
	w.directory.slow = func(name string) {
		if name == "alice" {
			inside <- true
			<-release
		}
	}
	done := make(chan answerOf)
	go func() { done <- w.login() }()
	<-inside
	w.login("username", "bob").tokens(t)
	close(release)
	answer := <-done
	answer.tokens(t)
}

// Whoever hangs up before the answer has had a guess.
func TestHangingUpCounts(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(context.Background())
	w.directory.slow = func(string) { cancel() }
	r := httptest.NewRequest("POST", "/token", stringBody("grant_type=password&client_id=kubernetes&scope=openid&username=alice&password=wrong"))
	r.Header.Set("Content-Type", formType)
	w.do(r.WithContext(ctx))
	if w.state.failures["user alice"] != 1 {
		t.Errorf("counted %v", w.state.failures)
	}
}

func TestGateIsBounded(t *testing.T) {
	g := newGate()
	leave, ok := g.enter(context.Background(), "x")
	if !ok {
		t.Fatal("nobody is in")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var refused atomic.Int32
	var all sync.WaitGroup
	for range 2 * maxWaiting {
		all.Go(func() {
			if _, ok := g.enter(ctx, "x"); !ok && ctx.Err() == nil {
				refused.Add(1)
				if refused.Load() == maxWaiting+1 {
					cancel()
				}
			}
		})
	}
	all.Wait()
	if got := refused.Load(); got != maxWaiting+1 {
		t.Errorf("%d were refused at once", got)
	}
	leave()
	if len(g.held) != 0 {
		t.Error("a turn is left")
	}
}

func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.7:1", nil, "192.0.2.7"},
		{"192.0.2.7:1", []string{"198.51.100.1"}, "192.0.2.7"}, // nobody trusts this peer
		{"10.1.1.1:1", nil, "10.1.1.1"},
		{"10.1.1.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.1.1.1:1", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"}, // the first is the client's own
		{"10.1.1.1:1", []string{"203.0.113.9", "198.51.100.1, 10.2.2.2"}, "198.51.100.1"},
		{"10.1.1.1:1", []string{"198.51.100.1, nonsense"}, "10.1.1.1"},
		{"10.1.1.1:1", []string{"198.51.100.1, nonsense, 10.2.2.2"}, "10.2.2.2"},
		{"10.1.1.1:1", []string{"10.3.3.3, 10.2.2.2"}, "10.3.3.3"},
		{"[::ffff:10.1.1.1]:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"[fd00::1%eth0]:1", []string{"2001:db8::1"}, "2001:db8::1"},
		{"@", []string{"198.51.100.1"}, ""},
	}
	for _, test := range tests {
		r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.forwarded}}
		if got := clientAddress(r, trusted); got != test.want {
			t.Errorf("%s %q: %s; want %s", test.peer, test.forwarded, got, test.want)
		}
	}
}

func TestForwardedAddressIsCounted(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	w.request("POST", "/token", formType, "grant_type=password&client_id=kubernetes&scope=openid&username=alice&password=wrong", "X-Forwarded-For", "2001:db8:1:2:3::4")
	if w.state.failures["address 2001:db8:1:2::/64"] != 1 {
		t.Errorf("counted %v", w.state.failures)
	}
}

func TestFolded(t *testing.T) {
	for typed, want := range map[string]string{
		" Alice\t Smith ": "alice smith", "ſarah": "sarah", "K": "k", "soft\u00adhyphen": "softhyphen", "": "", "Ünal": "unal", "a\x00b": "ab",
	} {
		if got := folded(typed); got != want {
			t.Errorf("%q: %q; want %q", typed, got, want)
		}
	}
}

// A directory that hangs costs a login its time and no more.
func TestDirectoryDeadline(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.DirectoryTimeout = 20 * time.Millisecond })
	w.server.o.Directory = hanging{w.directory}
	w.login().refused(t, 503, "temporarily_unavailable")
}

type hanging struct{ *fakeDirectory }

func (hanging) Authenticate(ctx context.Context, _ string, _ secretText) (Identity, error) {
	<-ctx.Done()
	return Identity{}, fmt.Errorf("search: %w", ctx.Err())
}
