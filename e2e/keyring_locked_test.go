package e2e

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/keyring"
	"github.com/kubecred/kubecred/e2e/internal/secretservice"
)

// Locked or timed out leaves the sealed files byte-identical and writes no plain text, whatever is asked.
func TestLockedOrTimedOutChangesNothing(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct {
		begin func(*member) (end func())
		says  string
	}{
		"locked":    {lockedKeyring, lines("the keyring is locked", lockedHint)},
		"timed out": {silentBus(false), lines(timedOut, timedOutHint)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newSealed(t)
			end := fault.begin(m)
			for _, command := range [][]string{
				{"get-token"}, {"get-token", "--force-refresh"}, {"login"}, {"login", "--switch"}, {"logout"},
			} {
				m.refuses(command[0], fault.says, command[1:]...)
			}
			status := m.call(desk.Null, "status")
			if status.Code != 0 || !strings.Contains(status.Stdout, "keyring") {
				t.Errorf("status exited with %d: %s%s", status.Code, status.Stdout, status.Stderr)
			}
			m.unchanged()
			end()
			m.serves()
		})
	}
}

func lockedKeyring(m *member) func() {
	m.must(m.keyring.Relock(context.Background()))
	return func() { m.must(m.keyring.Reopen(context.Background())) }
}

// With a person at a terminal the keyring itself is let ask; where there is no display its window does not
// come up.
func TestPromptThatCannotBeShown(t *testing.T) {
	t.Parallel()
	m := newSealed(t)
	end := lockedKeyring(m)
	for _, command := range []string{"get-token", "login"} {
		m.refusesAtTerminal(command, lines("the keyring is locked: its window was closed, or could not be shown", lockedHint))
	}
	m.unchanged()
	end()
	m.serves()
}

// A person is told after a second what is awaited, and Ctrl-C ends the wait.
func TestPersonMayLeaveThePrompt(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"get-token", "login"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			m := newSealed(t)
			m.keyring.Quit()
			service, err := secretservice.StartLocked(context.Background(), m.keyring.Address())
			m.must(err)
			defer service.Stop()

			r := m.start(desk.Terminal, m.program, m.args(command, m.byBrowser()...)...)
			m.await(service.Prompted)
			prompted := time.Now()
			_, err = r.Terminal.Expect(`waiting for the keyring, which may be asking for its password in a window\r\n`, patience)
			m.must(err)
			if after := time.Since(prompted); after < 500*time.Millisecond {
				t.Errorf("told after %s, while a keyring may just be slow", after)
			}
			began := time.Now()
			m.must(r.Terminal.Type("\x03"))
			ended := m.finish(r)
			if took := time.Since(began); took > 3*time.Second { // at once, on a machine with nothing else to do
				t.Errorf("it went on for %s", took)
			}
			if ended.Code != 130 || ended.Stdout != "" {
				t.Errorf("exited with %d, printed %q", ended.Code, ended.Stdout)
			}
			if len(service.Prompted) != 0 {
				t.Error("a second prompt was shown")
			}
			m.unchanged()
			service.Stop()
			m.must(m.keyring.Unlock(context.Background()))
			m.serves()
		})
	}
}

func (m *member) await(event <-chan struct{}) {
	m.t.Helper()
	select {
	case <-event:
	case <-time.After(patience):
		m.t.Fatal("it did not come to that")
	}
}

// The keyring's daemon, or its bus, dies while it is being asked: no wait for what is gone.
func TestKeyringDiesWhileItIsAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		victim func(*keyring.Keyring) int
		says   string
	}{
		"the daemon": {(*keyring.Keyring).Pid, "the keyring failed: the Secret Service ended before it answered"},
		"the bus":    {(*keyring.Keyring).BusPid, "the keyring failed: the session bus hung up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newSealed(t)
			m.must(syscall.Kill(m.keyring.Pid(), syscall.SIGSTOP))
			asked, err := secretservice.Watch(t.Context(), m.keyring.Address())
			m.must(err)
			r := m.start(desk.Null, m.program, m.args("get-token", m.byBrowser()...)...)
			m.await(asked)
			m.must(syscall.Kill(c.victim(m.keyring), syscall.SIGKILL))
			m.ended(m.finish(r), 7, lines(c.says, failedHint))
			m.unchanged()

			_ = syscall.Kill(m.keyring.Pid(), syscall.SIGCONT) // or it would not hear that it is to end
			m.keyring.Stop()
			m.keyring, _ = newKeyring(m.person)
			m.serves()
		})
	}
}

// The keyring dies between two calls: the bus starts another one, which nobody has unlocked yet.
func TestKeyringDiesBetweenCalls(t *testing.T) {
	t.Parallel()
	m := newSealed(t)
	m.must(syscall.Kill(m.keyring.Pid(), syscall.SIGKILL))
	m.keyring.Quit()
	r := m.call(desk.Null, "get-token", m.byBrowser()...)
	started, err := secretservice.Owner(t.Context(), m.keyring.Address())
	if err != nil {
		t.Skipf("this machine's bus knows no keyring to start: %v", err)
	}
	m.ended(r, 7, lines("the keyring is locked", lockedHint))
	m.unchanged()
	m.must(syscall.Kill(started, syscall.SIGKILL))
	m.keyring.Stop()
	m.keyring, _ = newKeyring(m.person)
	m.serves()
}
