package cmd

import (
	"io"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// What another import or undo of the same file finds half done is not for it to
// tidy away: between reading what was sealed and writing the file it is all that
// will be left.
func TestTwoImportsAtOnce(t *testing.T) {
	for _, other := range [][]string{{"--all", "--yes"}, {"--undo"}} {
		p, plain := crashPlace(t)
		ended := make(chan int, 1)
		sealing, written := make(chan string, 100), make(chan struct{})
		p.step = func(step string) {
			if step == "written" {
				close(written)
			}
			if step != "write" {
				return
			}
			second := &place{home: p.home, env: map[string]string{}, step: func(step string) {
				if step == "seal" {
					sealing <- step
					<-written
				}
			}}
			args := append(append([]string{"import", "--kubeconfig=" + p.path(".kube", "config")}, p.sealed()...), other...)
			go func() { ended <- second.app(io.Discard, io.Discard, args...).run() }()
			select {
			case code := <-ended: // it did not wait
				ended <- code
			case <-sealing: // nor did this one, and goes on once we have written
			case <-time.After(time.Second / 2): // it waits for us to end
			}
		}
		p.importing("--all", "--yes").ok()
		<-ended
		p.step = func(string) {}
		p.works(plain)
		if other[0] == "--undo" {
			p.holds(plain)
			continue
		}
		p.importing("--undo").ok()
		p.holds(plain)
	}
}

// What a killed import sealed of a session is none that the person has.
func TestKilledImportOfASession(t *testing.T) {
	for step := 1; ; step++ {
		p := newPlace(t, oidctest.Confidential(oidctest.AuthBasic, clientCanary))
		delete(p.env, "KUBECRED_USERNAME")
		session, idToken := p.legacySession(clientCanary)
		plain := p.users(user("me", session))
		if !p.killed(step, "--yes") {
			break
		}
		if p.read(".kube", "config") != plain {
			continue
		}
		p.importing("--yes").ok()
		if p.asBlock("me").ok().token() != idToken {
			t.Errorf("killed at step %d, the next import lost the session", step)
		}
		p.importing("--undo").ok()
		p.holds(plain)
		p.run(append([]string{"status"}, p.sealed()...)...).ok().prints("Nothing is cached")
	}
}
