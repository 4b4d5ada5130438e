package keyring

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ring "github.com/zalando/go-keyring"
)

// fakeRing enforces the limits that the real ones have.
type fakeRing struct {
	mu     sync.Mutex
	items  map[string]string
	calls  atomic.Int32
	during func() error // runs inside each call
}

func newFakeRing() *fakeRing { return &fakeRing{items: map[string]string{}} }

func (r *fakeRing) enter() error {
	r.calls.Add(1)
	if r.during != nil {
		return r.during()
	}
	return nil
}

func (r *fakeRing) Get(service, user string) (string, error) {
	if err := r.enter(); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	value, ok := r.items[service+"/"+user]
	if !ok {
		return "", ring.ErrNotFound
	}
	return value, nil
}

func (r *fakeRing) Set(service, user, value string) error {
	if err := r.enter(); err != nil {
		return err
	}
	if len(value) > 2560 || len(service)+len(user)+len(value)*4/3 > 4000 {
		return ring.ErrSetDataTooBig
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.items[service+"/"+user] = value
	return nil
}

func hang() error { select {} }

func TestOSKeepsAKey(t *testing.T) {
	ctx, key := context.Background(), NewKey()
	fake := newFakeRing()
	door := NewOS(Options{Ring: fake})
	if _, err := door.Get(ctx, key.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get of nothing: %v", err)
	}
	if err := door.Put(ctx, key); err != nil {
		t.Fatal(err)
	}
	if got, err := door.Get(ctx, key.ID()); err != nil || !got.Equal(key) {
		t.Errorf("Get = %v, %v", got, err)
	}
	fake.items[service+"/"+itemName(key.ID())] = encodeValue(NewKey())
	if _, err := door.Get(ctx, key.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get of an item with another key: %v", err)
	}
	if err := door.Check(ctx); err != nil {
		t.Errorf("Check: %v", err)
	}
}

func TestNewKeyNeverTakesAnOldOnesPlace(t *testing.T) {
	ctx, first, second := context.Background(), NewKey(), NewKey()
	fake := newFakeRing()
	door := NewOS(Options{Ring: fake})
	for _, key := range []Key{first, second, first} {
		if err := door.Put(ctx, key); err != nil {
			t.Fatal(err)
		}
	}
	if len(fake.items) != 2 {
		t.Errorf("%d items, want 2", len(fake.items))
	}
	if got, err := door.Get(ctx, first.ID()); err != nil || !got.Equal(first) {
		t.Errorf("the first key is gone: %v", err)
	}
}

func TestSilentKeyringTimesOutOnce(t *testing.T) {
	ctx := context.Background()
	fake := newFakeRing()
	fake.during = hang
	door := NewOS(Options{Ring: fake})
	door.quick = 20 * time.Millisecond
	for range 3 {
		if _, err := door.Get(ctx, ID{}); !errors.Is(err, ErrTimeout) {
			t.Errorf("Get: %v", err)
		}
	}
	if fake.calls.Load() != 1 {
		t.Errorf("%d calls to a dead keyring, want 1", fake.calls.Load())
	}
}

func TestSilentPreflightTimesOut(t *testing.T) {
	door := NewOS(Options{Ring: newFakeRing(), Interactive: true})
	door.quick = 20 * time.Millisecond
	door.check = func(context.Context, bool) (state, error) { return open, hang() }
	if err := door.Put(context.Background(), NewKey()); !errors.Is(err, ErrTimeout) {
		t.Errorf("Put: %v", err)
	}
	if err := door.Check(context.Background()); !errors.Is(err, ErrTimeout) {
		t.Errorf("Check: %v", err)
	}
}

// A command that looks twice (status) waits once.
func TestSilentKeyringIsCheckedOnce(t *testing.T) {
	door := NewOS(Options{Ring: newFakeRing()})
	door.quick = 20 * time.Millisecond
	var looked atomic.Int32
	door.check = func(context.Context, bool) (state, error) { looked.Add(1); return open, hang() }
	for _, err := range []error{door.Check(context.Background()), door.Check(context.Background()), door.Put(context.Background(), NewKey())} {
		if !errors.Is(err, ErrTimeout) {
			t.Errorf("error %v", err)
		}
	}
	if looked.Load() != 1 {
		t.Errorf("it was looked at %d times", looked.Load())
	}
}

func TestLockedKeyringWithoutAPersonIsNotAsked(t *testing.T) {
	fake := newFakeRing()
	door := NewOS(Options{Ring: fake})
	door.check = func(context.Context, bool) (state, error) { return locked, nil }
	if _, err := door.Get(context.Background(), ID{}); !errors.Is(err, ErrLocked) {
		t.Errorf("Get: %v", err)
	}
	if err := door.Check(context.Background()); !errors.Is(err, ErrLocked) {
		t.Errorf("Check: %v", err)
	}
	if fake.calls.Load() != 0 {
		t.Error("a locked keyring was asked, and would have shown a prompt")
	}
}

func TestPersonIsToldAndMayUnlock(t *testing.T) {
	ctx, key := context.Background(), NewKey()
	told := make(chan string, 10)
	fake := newFakeRing()
	var unlocked sync.WaitGroup
	unlocked.Add(1)
	fake.during = func() error { unlocked.Wait(); return nil }
	door := NewOS(Options{Ring: fake, Interactive: true, Notice: func(s string) {
		told <- s
		unlocked.Done() // the person reads it and types the password
	}})
	door.noticeAfter = time.Millisecond
	door.check = func(context.Context, bool) (state, error) { return locked, nil }
	if err := door.Put(ctx, key); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || !strings.Contains(<-told, "keyring") {
		t.Error("the person was not told once what is awaited")
	}
}

func TestPersonClosesThePromptOrLeaves(t *testing.T) {
	dismissed := newFakeRing()
	dismissed.during = func() error { return errors.New("failed to unlock correct collection '/x'") }
	left := newFakeRing()
	left.during = hang
	for name, test := range map[string]struct {
		fake *fakeRing
		want error
	}{"closes": {dismissed, ErrLocked}, "leaves": {left, ErrTimeout}} {
		t.Run(name, func(t *testing.T) {
			door := NewOS(Options{Ring: test.fake, Interactive: true})
			door.patience = 20 * time.Millisecond
			door.check = func(context.Context, bool) (state, error) { return locked, nil }
			for range 2 {
				_, err := door.Get(context.Background(), ID{})
				if !errors.Is(err, test.want) || strings.Contains(err.Error(), "/x") {
					t.Errorf("Get: %v, want %v", err, test.want)
				}
			}
			if test.fake.calls.Load() != 1 {
				t.Errorf("%d prompts, want 1", test.fake.calls.Load())
			}
		})
	}
}

func TestCallerMayGiveUp(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	fake := newFakeRing()
	fake.during = func() error { cancel(); return hang() }
	door := NewOS(Options{Ring: fake})
	if _, err := door.Get(ctx, ID{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Get: %v", err)
	}
	fake.during = nil
	if _, err := door.Get(context.Background(), ID{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a caller who gave up is no verdict on the keyring: %v", err)
	}
}

func TestOddAnswersAreErrors(t *testing.T) {
	hostile := "\x1b[2J\u202eevil\n" + strings.Repeat("x", 5000)
	for name, during := range map[string]func() error{
		"panic": func() error { panic("interface conversion: " + hostile) },
		"error": func() error { return errors.New(hostile) },
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFakeRing()
			fake.during = during
			_, err := NewOS(Options{Ring: fake}).Get(context.Background(), ID{})
			var typed *Error
			if !errors.As(err, &typed) || !errors.Is(err, ErrFailed) {
				t.Fatalf("Get: %v", err)
			}
			if s := err.Error(); len(s) > 300 || strings.ContainsAny(s, "\x1b\u202e\n") {
				t.Errorf("an error that is not fit to print: %q", s)
			}
		})
	}
}

// A passive door starts no service and asks for no password, whoever is there.
func TestPassiveDoorDisturbsNothing(t *testing.T) {
	for name, test := range map[string]struct {
		seen state
		want error
	}{"locked": {locked, ErrLocked}, "asleep": {asleep, ErrAbsent}} {
		t.Run(name, func(t *testing.T) {
			fake := newFakeRing()
			door := NewOS(Options{Ring: fake, Interactive: true, Passive: true})
			door.check = func(_ context.Context, start bool) (state, error) {
				if start {
					t.Error("the service was started")
				}
				return test.seen, nil
			}
			if _, err := door.Get(context.Background(), ID{}); !errors.Is(err, test.want) {
				t.Errorf("Get: %v, want %v", err, test.want)
			}
			if fake.calls.Load() != 0 {
				t.Error("the keyring was asked")
			}
		})
	}
}
