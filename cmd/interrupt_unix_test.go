//go:build unix

package cmd

import (
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// Ctrl-C ends the wait for a browser, for the provider and for another
// process's login, which kubelogin's waiters ignore. Not parallel: the signal
// is for every command of this process.
func TestInterrupt(t *testing.T) {
	kept := make(chan os.Signal, 1) // a late signal must not end the tests
	signal.Notify(kept, syscall.SIGINT)
	defer signal.Stop(kept)
	t.Setenv(oidctest.EnvBrowser, oidctest.BrowserIgnores)

	signing, hanging := newPlace(t), newPlace(t)
	signing.env["KUBECRED_LOG"] = signing.path("a.log")
	hanging.provider.Apply(oidctest.Break(oidctest.Token, oidctest.Hang(nil)))
	ended := make(chan outcome, 3)
	before := len(visited(t))
	start := func(p *place, args ...string) { go func() { ended <- p.at("get-token", args...) }() }
	start(signing, browserFlags(t)...)
	start(hanging)
	if _, err := oidctest.AwaitVisits(within(t), os.Getenv(oidctest.EnvBrowserLog), before+1); err != nil {
		t.Fatal(err)
	}
	start(signing, browserFlags(t)...) // waits for the first
	if err := hanging.provider.Await(within(t), oidctest.Token, 1); err != nil {
		t.Fatal(err)
	}
	for strings.Count(signing.read("a.log"), `"msg":"get-token"`) < 2 {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-within(t).Done():
			t.Fatal("the second one did not begin")
		}
	}
	began := time.Now()
	for n, waiters := 0, 0; n < 3; {
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		<-kept // it has reached everyone who listens, and will not reach the last command
		select {
		case got := <-ended:
			if n++; got.code == exitLoginNeeded && waiters == 0 {
				waiters++ // the one that waits heard of the other's end before its own
				got.fails(exitLoginNeeded, "signing in failed just now: interrupted")
				continue
			}
			got.fails(exitInterrupted, "interrupted").hints("run the command again")
		case <-time.After(100 * time.Millisecond): // a person presses again
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if opened := len(visited(t)) - before; opened != 1 {
		t.Errorf("%d browsers were opened", opened)
	}
	// Nothing is held any more.
	hanging.provider.Apply(oidctest.Mend(oidctest.Token))
	hanging.afresh()
	hanging.at("get-token").ok()
}
