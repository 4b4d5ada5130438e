package signin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var errDenied = errors.New("denied")

// refuses holds that there is no credential, for an error that has the text,
// after so many logins and renewals.
func (b *bench) refuses(t *testing.T, text string, logins, renewals int32) *PausedError {
	t.Helper()
	_, err := b.Get(t.Context())
	if err == nil || !strings.Contains(err.Error(), text) || b.p.logins.Load() != logins || b.p.renewals.Load() != renewals {
		t.Errorf("error %v after %d logins and %d renewals; want %q, %d, %d",
			err, b.p.logins.Load(), b.p.renewals.Load(), text, logins, renewals)
	}
	var paused *PausedError
	errors.As(err, &paused)
	return paused
}

// attended makes the caller a person at a terminal who ran one command more.
func (b *bench) attended(parent string) *bench {
	b.Caller = Caller{Parent: parent, Attended: true}
	return b
}

// One command runs a failing plugin five times (exec-protocol.md); kubelogin
// opens a browser at each.
func TestFailedLoginIsNotRepeated(t *testing.T) {
	b := newBench(t).attended("kubectl 1")
	b.p.loginErr = errDenied
	b.refuses(t, "denied", 1, 0)
	for range 4 {
		b.clock = b.clock.Add(time.Second)
		paused := b.refuses(t, "signing in failed ", 1, 0)
		if paused == nil || paused.Text != "denied" || paused.Left <= 0 {
			t.Errorf("paused %+v", paused)
		}
	}
	b.clock = start.Add(30 * time.Second)
	b.p.loginErr = nil
	b.want(t, "token-1", 2, 0)
}

// What a hostile provider says at length is noted in part, and pauses as well.
func TestLongReasonIsCut(t *testing.T) {
	b := newBench(t)
	b.p.loginErr = errors.New("denied " + strings.Repeat("ü", 10_000))
	b.refuses(t, "denied", 1, 0)
	if paused := b.refuses(t, "signing in failed just now: denied", 1, 0); paused == nil || len(paused.Text) > maxReason {
		t.Errorf("paused %+v", paused)
	}
}

// The person runs another command: they have seen the failure, and try again.
func TestPersonMayTryAgainAtOnce(t *testing.T) {
	b := newBench(t).attended("kubectl 1")
	b.p.loginErr = errDenied
	b.refuses(t, "denied", 1, 0)
	// A client that runs us through a script is a new parent each time.
	b.attended("kubectl 1, run 2").refuses(t, "signing in failed just now: denied", 1, 0)
	b.clock = b.clock.Add(2 * time.Second)
	b.attended("kubectl 2").refuses(t, "denied", 2, 0)
	b.attended("kubectl 2").refuses(t, "signing in failed just now: denied", 2, 0)
	b.attended("").refuses(t, "denied", 3, 0) // by name, in a shell that stays the same
	b.attended("").refuses(t, "denied", 4, 0)
	b.p.loginErr = nil
	b.clock = b.clock.Add(2 * time.Second)
	b.attended("kubectl 3").want(t, "token-1", 5, 0)
}

// Callers without a person wait twice as long after each failure, up to an
// hour, whoever starts them.
func TestPauseDoublesWithoutAPerson(t *testing.T) {
	b := newBench(t)
	b.p.loginErr = errDenied
	logins := int32(0)
	for _, pause := range []time.Duration{
		30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
		16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour, time.Hour,
	} {
		logins++
		b.refuses(t, "denied", logins, 0)
		b.Caller.Parent = fmt.Sprint("poller ", logins)
		b.clock = b.clock.Add(pause - time.Nanosecond)
		b.refuses(t, "signing in failed", logins, 0)
		b.clock = b.clock.Add(time.Nanosecond)
	}
	b.p.loginErr = nil
	b.want(t, "token-1", logins+1, 0)
	b.clock = b.clock.Add(2 * time.Hour)
	b.p.refreshErr, b.p.loginErr = fmt.Errorf("%w", ErrSessionEnded), errDenied
	b.refuses(t, "denied", logins+2, 1)
	b.clock = b.clock.Add(30 * time.Second)
	b.refuses(t, "denied", logins+3, 1) // success began a clean page
}

// Pollers have opened a hundred tabs overnight (int128/kubelogin#1330).
func TestUnansweredLoginIsNotOpenedAgainWithoutAPerson(t *testing.T) {
	b := newBench(t)
	b.p.loginErr = fmt.Errorf("%w: within 3m0s", ErrUnanswered)
	b.refuses(t, "nobody answered", 1, 0)
	for range 8 {
		b.clock = b.clock.Add(3 * time.Hour)
		paused := b.refuses(t, "nobody answered", 1, 0)
		if paused == nil || !errors.Is(paused, ErrUnanswered) || paused.Left != 0 {
			t.Errorf("paused %+v", paused)
		}
	}
	b.attended("kubectl").refuses(t, "within 3m0s", 2, 0) // a person may try
	b.p.loginErr = nil
	b.Caller, b.Deliberate = Caller{}, true
	b.want(t, "token-1", 3, 0)
	b.Deliberate = false
	b.clock = b.clock.Add(2 * time.Hour)
	b.p.newest.Add(1)
	b.want(t, "token-3", 4, 1) // and after a login, so may a poller
}

// "kubecred login" passes over what failed, and begins a clean page even if it
// fails too.
func TestDeliberateLoginPassesOver(t *testing.T) {
	b := newBench(t)
	b.p.loginErr = fmt.Errorf("%w", ErrUnanswered)
	b.refuses(t, "nobody answered", 1, 0)
	b.p.loginErr = errDenied
	b.Deliberate = true
	b.refuses(t, "denied", 2, 0)
	b.refuses(t, "denied", 3, 0)
	b.Deliberate = false
	b.refuses(t, "signing in failed just now", 3, 0)
	b.clock = b.clock.Add(30 * time.Second)
	b.refuses(t, "denied", 4, 0)
}

// A login that asked nobody for anything costs nothing, so it may be tried at
// once where there is a person, or a setting was mended.
func TestLoginThatDidNotBeginIsNoFailure(t *testing.T) {
	b := newBench(t)
	b.p.loginErr = fmt.Errorf("%w: nobody is there", ErrNotBegun)
	b.refuses(t, "nobody is there", 1, 0)
	b.p.loginErr = nil
	b.want(t, "token-1", 2, 0)
}

// Nor is one that was ended before it began.
func TestInterruptedBeforeItBeganIsNoFailure(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	b.p.onLogin = func() { cancel(errors.New("interrupted")) }
	b.p.loginErr = fmt.Errorf("%w: %w", ErrNotBegun, context.Canceled)
	if _, err := b.Get(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	b.p.onLogin, b.p.loginErr = nil, nil
	b.want(t, "token-1", 2, 0)
}

// A tool that ends its client after a minute, and starts another, is a poller
// whose browser nobody answers.
func TestEndedWhileNobodyAnswers(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	b.p.onLogin = func() { cancel(errors.New("the client has ended")) }
	b.p.loginErr = fmt.Errorf("%w: %w", ErrUnanswered, context.Canceled)
	b.Get(ctx)
	b.clock = start.Add(24 * time.Hour)
	paused := b.refuses(t, "the client has ended", 1, 0)
	if paused == nil || !errors.Is(paused, ErrUnanswered) {
		t.Errorf("paused %+v", paused)
	}
}

// An editor and a shell may have different runtime folders, and so different
// notes. A login in one makes good for what failed in the other.
func TestLoginInAnotherSessionMakesGood(t *testing.T) {
	b := newBench(t)
	b.p.loginErr = fmt.Errorf("%w", ErrUnanswered)
	b.refuses(t, "nobody answered", 1, 0)
	editor := b.Store
	b.p.loginErr = nil
	b.runtime = t.TempDir()
	b.clock = start.Add(time.Hour)
	b.Store, b.Deliberate = b.open(t), true
	b.want(t, "token-1", 2, 0)
	b.Store, b.Deliberate = editor, false
	b.want(t, "token-1", 2, 0)
	b.clock = start.Add(3 * time.Hour)
	b.p.newest.Add(1)
	b.want(t, "token-3", 3, 1)
}

// Where a login cannot be stored, each call would ask the person again.
func TestLoginThatCannotBeStoredIsNotRepeated(t *testing.T) {
	for _, asked := range []bool{true, false} {
		b := newBench(t)
		b.p.asked = asked
		b.p.onLogin = func() {
			b.p.onLogin = nil
			folder := filepath.Join(b.dir, "file")
			if err := errors.Join(os.RemoveAll(folder), os.WriteFile(folder, nil, 0o600)); err != nil {
				t.Error(err)
			}
		}
		b.want(t, "token-1", 1, 0)
		if err := os.Remove(filepath.Join(b.dir, "file")); err != nil { // room again
			t.Fatal(err)
		}
		if asked {
			b.refuses(t, "signing in failed just now: the credential could not be stored", 1, 0)
		} else {
			b.want(t, "token-2", 2, 0) // a machine's costs nobody anything
		}
	}
}

// Texts that JSON makes six times as long fit too.
func TestLongReasonIsNoted(t *testing.T) {
	b := newBench(t)
	b.p.loginErr = errors.New(strings.Repeat("<", 2000))
	b.refuses(t, "<", 1, 0)
	b.p.refreshErr = b.p.loginErr
	b.refuses(t, "signing in failed just now: <<<", 1, 0)
}

// Ctrl-C at one of five runs ends the other four.
func TestCancelledLoginIsAFailure(t *testing.T) {
	b := newBench(t).attended("kubectl")
	ctx, cancel := context.WithCancelCause(t.Context())
	b.p.onLogin = func() { cancel(errors.New("interrupted")) }
	b.p.loginErr = context.Canceled
	if _, err := b.Get(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	b.refuses(t, "signing in failed just now: interrupted", 1, 0)
}

func TestNetworkFailureIsRememberedForFiveSeconds(t *testing.T) {
	down := fmt.Errorf("%w: 503", ErrOffline)
	for name, prepare := range map[string]func(*bench){
		"a login": func(b *bench) { b.p.loginErr = down; b.p.logins.Store(1) },
		"a refresh": func(b *bench) {
			b.want(t, "token-1", 1, 0)
			b.clock = start.Add(2 * time.Hour)
			b.p.refreshErr = down
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).attended("kubectl")
			prepare(b)
			if _, err := b.Get(t.Context()); !errors.Is(err, ErrOffline) {
				t.Fatalf("error %v", err)
			}
			logins, renewals := b.p.logins.Load(), b.p.renewals.Load()
			b.p.loginErr, b.p.refreshErr = nil, nil
			b.clock = b.clock.Add(5*time.Second - time.Nanosecond)
			paused := b.attended("another").refuses(t, "503 (4s ago)", logins, renewals)
			if paused == nil || !errors.Is(paused, ErrOffline) || paused.Left != time.Nanosecond {
				t.Errorf("paused %+v", paused)
			}
			b.clock = b.clock.Add(time.Nanosecond)
			if _, err := b.Get(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A failed early renewal is left alone for a minute, and keeps nobody from
// renewing what has expired.
func TestEarlyRenewalIsLeftAlone(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	b.p.refreshErr = fmt.Errorf("%w: 503", ErrOffline)
	b.clock = start.Add(55 * time.Minute)
	b.want(t, "token-1", 1, 1)
	b.clock = b.clock.Add(time.Minute - time.Nanosecond)
	b.want(t, "token-1", 1, 1)
	b.clock = b.clock.Add(time.Nanosecond)
	b.want(t, "token-1", 1, 2)
	b.clock = start.Add(time.Hour) // expired, four minutes later
	b.p.refreshErr = nil
	b.want(t, "token-2", 1, 3)
}

func TestEarlyRenewalIsGivenTwoSeconds(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	b.clock = start.Add(55 * time.Minute)
	b.p.onRefresh = func(ctx context.Context) {
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > 2*time.Second || left < time.Second {
			t.Errorf("deadline %v, %v from now", ok, left)
		}
	}
	b.want(t, "token-2", 1, 1)
}

// A note from the future is of a clock that was set back.
func TestNotesFromTheFutureAreIgnored(t *testing.T) {
	b := newBench(t)
	b.p.loginErr = fmt.Errorf("%w", ErrUnanswered)
	b.refuses(t, "nobody answered", 1, 0)
	b.clock = start.Add(-time.Hour)
	b.p.loginErr = fmt.Errorf("%w: 503", ErrOffline)
	b.refuses(t, "503", 2, 0)
	b.clock = start.Add(-2 * time.Hour)
	b.p.loginErr = nil
	b.want(t, "token-1", 3, 0)
}

// Test 2 of the cache: whoever waits for a login that fails, fails with it.
func TestWaitersFailWithTheLogin(t *testing.T) {
	b := newBench(t)
	b.p.holdLogin, b.p.loginErr = make(chan struct{}), errDenied
	began := make(chan struct{})
	b.p.onLogin = func() { close(began) } // twice would panic
	failures := make(chan error, 20)
	go func() {
		_, err := b.Get(t.Context())
		failures <- err
	}()
	<-began
	var waiting sync.WaitGroup
	for range cap(failures) - 1 {
		waiting.Add(1)
		f := *b.Flow
		f.Store, f.Now = b.open(t), func() time.Time { return start }
		go func() {
			_, work, err := f.Cached(t.Context())
			waiting.Done()
			if err == nil {
				// By itself the pause would be over, and is not a person's.
				f.Now = func() time.Time { return start.Add(time.Hour) }
				f.Caller = Caller{Parent: "another", Attended: true}
				_, err = f.Do(t.Context(), work)
			}
			failures <- err
		}()
	}
	waiting.Wait()
	b.clock = b.clock.Add(time.Second)
	close(b.p.holdLogin)
	for range cap(failures) {
		if err := <-failures; err == nil || !strings.Contains(err.Error(), "denied") {
			t.Errorf("error %v", err)
		}
	}
	if n := b.p.logins.Load(); n != 1 {
		t.Errorf("%d logins", n)
	}
}

// Where nothing can be noted, everything else goes on as ever.
func TestNotesMayBeMissing(t *testing.T) {
	for name, spoil := range map[string]func(*bench) error{
		"no runtime folder": func(b *bench) error { return os.Remove(b.runtime) },
		"neither folder": func(b *bench) error {
			return errors.Join(os.Remove(b.runtime), os.Mkdir(b.dir, 0o700),
				os.WriteFile(filepath.Join(b.dir, "notes"), nil, 0o600))
		},
		"garbage": func(b *bench) error {
			return b.Store.SetNote(b.ID, []byte(`{"login":{"at":"yesterday"}}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if err := spoil(b); err != nil {
				t.Fatal(err)
			}
			b.p.loginErr = fmt.Errorf("%w: nobody", ErrNotBegun)
			b.refuses(t, "nobody", 1, 0)
			b.p.loginErr = nil
			b.want(t, "token-1", 2, 0)
			b.clock = start.Add(2 * time.Hour)
			b.want(t, "token-2", 2, 1)
			if len(b.warnings) != 0 {
				t.Errorf("warnings %v", b.warnings)
			}
		})
	}
}

// Failures are remembered in the cache's folder where there is no other.
func TestFailuresAreNotedWithoutARuntimeFolder(t *testing.T) {
	b := newBench(t)
	if err := os.Remove(b.runtime); err != nil {
		t.Fatal(err)
	}
	b.p.loginErr = errDenied
	b.refuses(t, "denied", 1, 0)
	b.refuses(t, "signing in failed just now: denied", 1, 0)
}

func TestPausedErrorReadsWell(t *testing.T) {
	for want, err := range map[string]*PausedError{
		"signing in failed just now: denied": {Text: "denied", Ago: 20 * time.Millisecond},
		"signing in failed 1m ago: denied":   {Text: "denied", Ago: 64*time.Second + 7},
		"it answered 503 (2s ago)":           {Text: "it answered 503", Ago: 2 * time.Second, Kind: ErrOffline},
		"signing in failed 3h0m ago: no one": {Text: "no one", Ago: 3 * time.Hour, Kind: ErrUnanswered},
	} {
		if got := err.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
