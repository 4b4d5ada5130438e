package signin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/cache"
)

// calls makes the caller one whose calls can be told apart, by a name.
func (b *bench) calls(name string) *bench {
	b.Caller.Call = sha256.Sum256([]byte(name))
	return b
}

// A client that was given a credential asks again for nothing but a refusal
// (401): its credential is renewed, once.
func TestRefusalIsGuessed(t *testing.T) {
	b := newBench(t).calls("k9s")
	b.want(t, "token-1", 1, 0) // a login, handed to k9s
	b.want(t, "token-2", 1, 1) // it was refused
	b.want(t, "token-2", 1, 1) // a second guess would be one too many
	b.clock = start.Add(10*time.Minute - time.Nanosecond)
	b.want(t, "token-2", 1, 1)
	b.clock = start.Add(10 * time.Minute)
	b.want(t, "token-3", 1, 2)
}

// Whoever was not given this very credential cannot have been refused with it.
func TestOthersAreNoRefusal(t *testing.T) {
	b := newBench(t).calls("one")
	b.want(t, "token-1", 1, 0)
	b.calls("two").want(t, "token-1", 1, 0)
	b.calls("three").want(t, "token-1", 1, 0)
	b.Caller = Caller{Parent: "a script that says nothing of itself"}
	b.want(t, "token-1", 1, 0)
	b.want(t, "token-1", 1, 0)
	b.calls("one").want(t, "token-2", 1, 1)
	b.calls("two").want(t, "token-2", 1, 1) // it may have been refused, and is given another
}

// Who is given another credential than before was not refused with this one.
func TestRenewedByOthersIsNoRefusal(t *testing.T) {
	b := newBench(t).calls("one")
	b.want(t, "token-1", 1, 0)
	b.clock = start.Add(11 * time.Minute)
	b.Caller, b.Force = Caller{}, true
	b.want(t, "token-2", 1, 1)
	b.Force = false
	b.calls("one").want(t, "token-2", 1, 1)
	b.ID = cache.NewID([]byte("another entry, of the same moment"))
	b.Caller = Caller{}
	b.want(t, "token-3", 2, 1)
	b.calls("one").want(t, "token-3", 2, 1)
}

// A renewal that nobody needs is not repeated where another was faster, and the
// faster one's credential is served.
func TestAnotherRenewedMeanwhile(t *testing.T) {
	for why, at := range map[reason]time.Duration{early: 55 * time.Minute, refused: time.Minute} {
		b := newBench(t).calls("one")
		b.want(t, "token-1", 1, 0)
		b.clock = start.Add(at)
		_, work, err := b.Cached(t.Context())
		if err != nil || work == nil || work.why != why {
			t.Fatalf("work %+v, error %v", work, err)
		}
		b.Force = true
		b.want(t, "token-2", 1, 1)
		got, err := b.Do(t.Context(), work)
		if err != nil || got.Token.Reveal() != "token-2" || b.p.renewals.Load() != 1 {
			t.Errorf("%s: got %s after %d renewals, error %v", why, got.Token.Reveal(), b.p.renewals.Load(), err)
		}
	}
}

// Neither failures nor successes bring another guess in the window.
func TestGuessIsRememberedThroughFailures(t *testing.T) {
	b := newBench(t).calls("one")
	b.want(t, "token-1", 1, 0)
	b.p.refreshErr = fmt.Errorf("%w: 503", ErrOffline)
	b.want(t, "token-1", 1, 1)
	b.p.refreshErr = nil
	b.clock = start.Add(time.Second)
	b.Force = true
	b.want(t, "token-2", 1, 2)
	b.Force = false
	b.want(t, "token-2", 1, 2)
	b.want(t, "token-2", 1, 2)
}

// A client that merely asks often, or one process with twenty contexts, costs
// one renewal in the window.
func TestGuessesAreBounded(t *testing.T) {
	b := newBench(t).calls("a dashboard")
	for range 200 {
		if _, err := b.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.clock = b.clock.Add(2 * time.Second)
	}
	if n := b.p.renewals.Load(); n != 1 {
		t.Errorf("%d renewals in %v", n, b.clock.Sub(start))
	}
}

// The same at one time: a process with twenty contexts.
func TestGuessesAtOnceAreBounded(t *testing.T) {
	b := newBench(t).calls("twenty contexts")
	b.want(t, "token-1", 1, 0)
	var all sync.WaitGroup
	for range 20 {
		f := *b.Flow
		f.Store = b.open(t)
		all.Go(func() {
			if _, err := f.Get(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if logins, renewals := b.p.logins.Load(), b.p.renewals.Load(); logins != 1 || renewals != 1 {
		t.Errorf("%d logins, %d renewals", logins, renewals)
	}
}

// Where it cannot be noted that a guess was made, nothing would bound what
// guesses cost, and none is made.
func TestGuessThatCannotBeNotedIsNotMade(t *testing.T) {
	b := newBench(t).calls("k9s")
	if err := b.Store.SetNote(b.ID, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(b.runtime, "kubecred", "*"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("notes %v, error %v", paths, err)
	}
	if err := errors.Join(os.Remove(paths[0]), os.Mkdir(paths[0], 0o700)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b.want(t, "token-1", 1, 0)
	}
}

// A credential that ends while its early renewal fails is no longer served.
func TestCredentialThatEndsMeanwhile(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	b.clock = start.Add(time.Hour - 3*time.Second)
	b.p.refreshErr = fmt.Errorf("%w: 503", ErrOffline)
	b.p.onRefresh = func(context.Context) {
		if b.p.renewals.Load() == 2 {
			b.p.refreshErr = nil
		}
		b.clock = start.Add(time.Hour)
	}
	b.want(t, "token-2", 1, 2)
}

// A guess never asks a person, never fails, and is not repeated at once.
func TestWrongGuessServesWhatLives(t *testing.T) {
	for name, failure := range map[string]error{
		"the network": fmt.Errorf("%w: 503", ErrOffline),
		"the session": fmt.Errorf("%w: invalid_grant", ErrSessionEnded),
		"another":     errors.New("invalid_client"),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).calls("k9s")
			b.want(t, "token-1", 1, 0)
			b.p.refreshErr = failure
			b.want(t, "token-1", 1, 1)
			b.want(t, "token-1", 1, 1)
		})
	}
}

// An administrator has ended the session, and the cluster refuses its token
// though it lives: "kubecred login" is not told that all is well.
func TestLoginAfterTheSessionEnded(t *testing.T) {
	b := newBench(t).calls("k9s")
	b.want(t, "token-1", 1, 0)
	b.p.refreshErr = fmt.Errorf("%w: invalid_grant", ErrSessionEnded)
	b.want(t, "token-1", 1, 1)
	b.p.refreshErr = nil
	b.clock = start.Add(time.Second)
	b.Deliberate = true
	b.want(t, "token-2", 2, 1)
	b.want(t, "token-2", 2, 1) // and then all is well
}

// Nothing renews a credential without a session, so nothing is noted of it.
func TestWithoutASessionNothingIsGuessed(t *testing.T) {
	b := newBench(t).calls("k9s")
	b.p.noSession = true
	for range 3 {
		b.want(t, "token-1", 1, 0)
	}
}

// Near its end a credential is asked for again as a matter of course.
func TestAboutToExpireIsNoRefusal(t *testing.T) {
	b := newBench(t).calls("python")
	b.want(t, "token-1", 1, 0)
	b.clock = start.Add(55 * time.Minute)
	b.want(t, "token-2", 1, 1)
	if b.memo().Guessed != (moment{}) {
		t.Error("a refusal was guessed")
	}
}

// What was handed to whom is noted in the runtime folder alone, and where that
// is missing or spoiled nothing is guessed, and all else goes on.
func TestNothingIsGuessedWithoutARuntimeFolder(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"missing":          os.Remove,
		"others may write": func(dir string) error { return os.Chmod(dir, 0o777) },
		"a file in the way": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "kubecred"), nil, 0o600)
		},
		"a link": func(dir string) error {
			return os.Symlink(t.TempDir(), filepath.Join(dir, "kubecred"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).calls("k9s")
			if err := spoil(b.runtime); err != nil {
				t.Fatal(err)
			}
			b.want(t, "token-1", 1, 0)
			before := snapshot(t, b.dir)
			b.want(t, "token-1", 1, 0)
			b.want(t, "token-1", 1, 0)
			if after := snapshot(t, b.dir); after != before {
				t.Errorf("the cache changed:\n%s\n%s", before, after)
			}
		})
	}
}
