package e2e

// A login that fails, is cancelled, is killed, or is answered by nobody, and whoever waits for it.

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// waiters are processes that wait for the login of the first.
type waiters struct {
	first  *desk.Running
	page   string // where the first one's browser was sent
	others []*desk.Running
}

// startWaiters starts one process, waits for its browser, and then starts n more, until all of them
// have found out that there is nothing to serve.
func startWaiters(p *person, n int, flags ...string) waiters {
	p.t.Helper()
	log := filepath.Join(p.Home, "waiters.log")
	p.Env = append(p.Env, "KUBECRED_LOG="+log)
	args := append([]string{"get-token"}, flags...)
	w := waiters{first: p.start(desk.Null, p.program, args...)}
	w.page = p.opens(w.first)
	for range n {
		w.others = append(w.others, p.start(desk.Null, p.program, args...))
	}
	p.must(awaitLines(log, "not served from the cache", n+1))
	return w
}

// awaitLines waits until a file has so many lines with a text. A log that grows tells nobody.
func awaitLines(file, text string, want int) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		data, err := os.ReadFile(file)
		if err == nil && strings.Count(string(data), text) >= want {
			return nil
		}
	}
	return fmt.Errorf("%s has fewer than %d lines with %q", file, want, text)
}

// allFail asserts that every waiter has failed within a second of the moment, with the reason.
func (w waiters) allFail(p *person, since time.Time, reason string) {
	p.t.Helper()
	for _, r := range w.others {
		ended := p.finish(r)
		if ended.Code != 3 || ended.Stdout != "" || !strings.Contains(ended.Stderr, "error: signing in failed just now: "+reason) {
			p.t.Errorf("a waiter exited with %d, printed %q and said %q", ended.Code, ended.Stdout, ended.Stderr)
		}
	}
	if took := time.Since(since); took > 3*time.Second { // one, on a machine with nothing else to do
		p.t.Errorf("the last waiter ended after %s", took)
	}
	if again, err := p.Opened(50 * time.Millisecond); err == nil {
		p.t.Errorf("a second browser was opened: %s", again)
	}
}

// deny is the person who says no at the provider, which sends the browser back with that.
func deny(p *person, page string) {
	p.t.Helper()
	at, err := url.Parse(page)
	p.must(err)
	back, err := url.Parse(at.Query().Get("redirect_uri"))
	p.must(err)
	back.RawQuery = url.Values{
		"error": {"access_denied"}, "state": {at.Query().Get("state")}, "iss": {theProvider(p.t).Issuer},
	}.Encode()
	response, err := http.Get(back.String())
	p.must(err)
	p.must(response.Body.Close())
}

// A login that fails ends everybody who waits for it, with one browser; then a person may try again
// at once, and whoever is not there may not yet.
func TestFailedLoginEndsAllWaiters(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Terminal)
	for name, c := range map[string]struct {
		end    func(*person, waiters)
		code   int
		reason string
	}{
		"denied":    {func(p *person, w waiters) { deny(p, w.page) }, 5, "the sign-in was denied"},
		"cancelled": {func(p *person, w waiters) { p.must(w.first.Signal(os.Interrupt)) }, 130, "interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t, kubecredRace(t))
			flags := browserFlags(p)
			w := startWaiters(p, 19, flags...)
			began := time.Now()
			c.end(p, w)
			w.allFail(p, began, c.reason)
			if ended := p.finish(w.first); ended.Code != c.code || ended.Stdout != "" {
				t.Errorf("the first exited with %d, printed %q and said %q", ended.Code, ended.Stdout, ended.Stderr)
			}
			if again := p.getToken(desk.Null, flags...); again.Code != 3 || !strings.Contains(again.Stderr, "kubecred login") {
				t.Errorf("another exited with %d and said %q", again.Code, again.Stderr)
			}
			r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, flags...)...)
			p.visit(p.opens(r))
			credentialOf(p, p.finish(r))
		})
	}
}

// The kernel frees a dead holder's lock, and the next in the queue does what it did not.
func TestKilledHolderLetsTheNextGoOn(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider)
	p := newPerson(t, kubecredRace(t))
	w := startWaiters(p, 5, browserFlags(p)...)
	p.must(w.first.Signal(syscall.SIGKILL))
	w.first.Wait()
	p.visit(p.opens(w.others[0]))
	tokens := map[string]int{}
	for _, r := range w.others {
		tokens[credentialOf(p, p.finish(r)).Token]++
	}
	if len(tokens) != 1 {
		t.Errorf("%d different tokens were handed out, want 1", len(tokens))
	}
	p.asked("authorization_code", 1)
}

// Ctrl-C ends a waiter at once, and nobody else.
func TestWaiterEndsAtOnce(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider)
	p := newPerson(t, kubecredRace(t))
	w := startWaiters(p, 2, browserFlags(p)...)
	began := time.Now()
	p.must(w.others[0].Signal(os.Interrupt))
	if ended := p.finish(w.others[0]); ended.Code != 130 || time.Since(began) > 3*time.Second {
		t.Errorf("the waiter exited with %d after %s: %s", ended.Code, time.Since(began), ended.Stderr)
	}
	p.visit(w.page)
	for _, r := range []*desk.Running{w.first, w.others[1]} {
		credentialOf(p, p.finish(r))
	}
}

// kubectl runs a plugin that fails five times in one command (exec-protocol.md): one browser opens, and
// at the next command, with nobody there, none.
func TestOneCommandOpensOneBrowser(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	p := newPerson(t, kubecred(t))
	p.writeKubeconfig(kubeconfig.V1, append(browserFlags(p), "--authentication-timeout-sec=1")...)
	r := p.start(desk.Null, kubectl(t), "get", "pods")
	p.opens(r)
	failed := p.finish(r)
	runs := strings.Count(failed.Stderr, "error: ")
	if runs < 5 || strings.Count(failed.Stderr, "error: signing in failed ") < 4 {
		t.Errorf("%d failures were shown:\n%s", runs, failed.Stderr)
	}
	p.finish(p.start(desk.Null, kubectl(t), "get", "pods"))
	if again, err := p.Opened(50 * time.Millisecond); err == nil {
		t.Errorf("a second browser was opened: %s", again)
	}
}

// A person whose sign-in has to wait for another one is told so.
func TestPersonIsToldOfTheQueue(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecredRace(t))
	first := p.start(desk.Null, p.program, append([]string{"get-token"}, browserFlags(p)...)...)
	page := p.opens(first)
	for name, flags := range map[string][]string{
		"the same entry": browserFlags(p),
		"another entry":  append(browserFlags(p), "--oidc-extra-scope=profile"),
	} {
		r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, flags...)...)
		if _, err := r.Terminal.Expect(`Waiting for another sign-in to end`, patience); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		p.must(r.Terminal.Type("\x03"))
		if ended := p.finish(r); ended.Code != 130 {
			t.Errorf("%s: exited with %d", name, ended.Code)
		}
	}
	p.visit(page)
	credentialOf(p, p.finish(first))
	// Neither had begun, so neither has failed.
	r := p.start(desk.Null, p.program, append([]string{"get-token"}, append(browserFlags(p), "--oidc-extra-scope=profile")...)...)
	p.visit(p.opens(r))
	credentialOf(p, p.finish(r))
}

// Two entries want the same port at the same time: the second one's browser opens when the first is done.
func TestBrowserLoginsQueue(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider)
	p := newPerson(t, kubecredRace(t))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	p.must(err)
	address := free.Addr().String()
	p.must(free.Close())
	var running []*desk.Running
	for _, scope := range []string{"email", "profile"} {
		flags := append(browserFlags(p), "--listen-address="+address, "--account="+p.account, "--oidc-extra-scope="+scope)
		running = append(running, p.start(desk.Null, p.program, append([]string{"get-token"}, flags...)...))
	}
	for range running {
		p.visit(p.opens(running[0]))
	}
	for _, r := range running {
		credentialOf(p, p.finish(r))
	}
	p.asked("authorization_code", 2)
}
