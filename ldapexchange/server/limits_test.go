package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestLimitsCountFailures(t *testing.T) {
	w := newWorld(t)
	w.state.limit = 5
	for range 5 {
		w.login("password", "wrong").refused(t, 400, "invalid_grant")
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

// A password that is known to be wrong is answered as any wrong one, without
// the directory.
func TestKnownWrongPassword(t *testing.T) {
	w := newWorld(t)
	wrong := w.login("password", "wrong")
	w.state.knownWrong = true
	known := w.login("password", "wrong")
	if known.body != wrong.body || known.StatusCode != wrong.StatusCode || len(w.slept) != 2 || w.directory.asked != 1 {
		t.Errorf("%d %s, slept %v, asked %d", known.StatusCode, known.body, w.slept, w.directory.asked)
	}
}

// A "no" that is the account's counts, and does not make its password a wrong
// one: it is let in again when the account is.
func TestBarredAccountKeepsItsPassword(t *testing.T) {
	w := newWorld(t)
	w.state.limit = 2
	w.directory.err = &AccountError{AccountDisabled}
	for range 2 {
		w.login().refused(t, 400, "interaction_required")
	}
	w.login().refused(t, 429, "temporarily_unavailable")
	if w.state.refused != 0 {
		t.Errorf("the password was refused %d times", w.state.refused)
	}
	w.directory.err = nil
	w.login("password", "wrong", "username", "bob").refused(t, 400, "invalid_grant")
	if w.state.refused != 1 {
		t.Errorf("a wrong one was refused %d times", w.state.refused)
	}
}

// Whatever comes of it, nobody else waits for it afterwards.
func TestAttemptsAreDone(t *testing.T) {
	w := newWorld(t)
	w.login()
	w.login("password", "wrong")
	w.certificate("a", basic("alice", "wrong"))
	w.directory.err = ErrUnavailable
	w.login()
	w.directory.slow = func(string) { panic("x") }
	w.login()
	if w.state.begun != 0 {
		t.Errorf("%d are under way", w.state.begun)
	}
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

// crowded are Limits at which others stay, and what time they were given.
type crowded struct{ given time.Duration }

func (l *crowded) Begin(ctx context.Context, _ string, _ netip.Addr, _ secretText) (Attempt, error) {
	end, bounded := ctx.Deadline()
	if !bounded {
		return nil, errors.New("it may take forever")
	}
	if l.given = time.Until(end); l.given < time.Second {
		<-ctx.Done()
	}
	return nil, fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
}

// Whoever waits for others of the same name is answered while they still listen.
func TestWaitForOthersIsBounded(t *testing.T) {
	for _, test := range []struct{ directory, most time.Duration }{
		{20 * time.Millisecond, 20 * time.Millisecond}, {30 * time.Second, maxWait},
	} {
		l := new(crowded)
		w := newWorld(t, func(o *Options) { o.DirectoryTimeout, o.Limits = test.directory, l })
		answer := w.login()
		answer.refused(t, 503, "temporarily_unavailable")
		if l.given <= 0 || l.given > test.most || answer.Header.Get("Retry-After") != "1" {
			t.Errorf("%s, of %s", l.given, test.most)
		}
		if line := w.lastLine("password"); line["reason"] != "busy" || line["decision"] != "failed" {
			t.Errorf("%v", line)
		}
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
		{"10.1.1.1:1", []string{"203.0.113.7:4711"}, "203.0.113.7"}, // Azure's gateways
		{"10.1.1.1:1", []string{"203.0.113.9:1, [2001:db8::1]:443, 10.2.2.2:80"}, "2001:db8::1"},
		{"10.1.1.1:1", []string{"203.0.113.9, [::ffff:10.2.2.2]:80"}, "203.0.113.9"},
		{"10.1.1.1:1", []string{"203.0.113.7:", "203.0.113.8:99999"}, "10.1.1.1"},
		{"@", []string{"198.51.100.1"}, "invalid IP"},
	}
	for _, test := range tests {
		r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.forwarded}}
		if got := clientAddress(r, trusted); got.String() != test.want {
			t.Errorf("%s %q: %s; want %s", test.peer, test.forwarded, got, test.want)
		}
	}
}

func TestForwardedAddressIsCounted(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	w.request("POST", "/token", formType, "grant_type=password&client_id=kubernetes&scope=openid&username=alice&password=wrong", "X-Forwarded-For", "2001:db8:1:2:3::4")
	if w.state.failures["address 2001:db8:1:2:3::4"] != 1 {
		t.Errorf("counted %v", w.state.failures)
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
