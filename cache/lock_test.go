package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func lockNow(t *testing.T, s *Store, id ID) (unlock func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	unlock, err := s.Lock(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return unlock
}

func TestFiftyWaitersGoOneByOneAndSoon(t *testing.T) {
	for _, storage := range []Storage{File, None} {
		t.Run(string(storage), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "kubecred")
			if storage == None {
				dir = ""
			}
			s := openStore(t, Options{Dir: dir, Storage: storage})
			unlock := lockNow(t, s, entry)
			var (
				inside, most, count int
				guard               sync.Mutex
				waiters             sync.WaitGroup
			)
			enter := func(n int) {
				guard.Lock()
				defer guard.Unlock()
				inside += n
				most = max(most, inside)
				count++
			}
			for range 50 {
				waiters.Go(func() {
					unlock, err := s.Lock(context.Background(), entry)
					if err != nil {
						t.Error(err)
						return
					}
					enter(1)
					enter(-1)
					unlock()
				})
			}
			begin := time.Now()
			unlock()
			unlock() // twice is once
			waiters.Wait()
			if most != 1 || count != 100 || time.Since(begin) > 2*time.Second {
				t.Errorf("%d at once, %d in and out, in %v", most, count, time.Since(begin))
			}
		})
	}
}

func TestWaiterWhoGivesUpLeavesNoLock(t *testing.T) {
	for _, storage := range []Storage{File, None} {
		t.Run(string(storage), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "kubecred")
			if storage == None {
				dir = ""
			}
			s := openStore(t, Options{Dir: dir, Storage: storage})
			unlock := lockNow(t, s, entry)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			if _, err := s.Lock(ctx, entry); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Lock: %v", err)
			}
			if _, err := s.Lock(ctx, NewID(nil)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Lock after the end: %v", err)
			}
			unlock()
			lockNow(t, s, entry)()
		})
	}
}

func TestLocksAreApart(t *testing.T) {
	s, _ := fileStore(t)
	defer lockNow(t, s, entry)()
	defer lockNow(t, s, NewID([]byte("other")))()
	ctx := context.Background()
	unlock, err := s.LockNamed(ctx, "browser-login")
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := s.LockNamed(short, "browser-login"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("LockNamed: %v", err)
	}
	unlock()
	for _, bad := range []string{"../x", "A", "a b", "a.b"} {
		if _, err := s.LockNamed(ctx, bad); err == nil {
			t.Errorf("LockNamed(%q) locks", bad)
		}
	}
}

func TestLockFileStays(t *testing.T) {
	s, dir := fileStore(t)
	path := filepath.Join(dir, "locks", entry.String()+".lock")
	lockNow(t, s, entry)()
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	lockNow(t, s, entry)()
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the lock file was made anew: %v", err)
	}
}

func TestTryLockDoesNotWait(t *testing.T) {
	s, _ := fileStore(t)
	held := lockNow(t, s, entry)
	if _, ok, err := s.TryLock(entry); ok || err != nil {
		t.Errorf("TryLock of a held one = %v, %v", ok, err)
	}
	held()
	unlock, ok, err := s.TryLock(entry)
	if !ok || err != nil {
		t.Fatalf("TryLock of a free one = %v, %v", ok, err)
	}
	if _, ok, err := s.TryLock(entry); ok || err != nil {
		t.Errorf("TryLock twice = %v, %v", ok, err)
	}
	unlock()
	lockNow(t, s, entry)()
	if _, ok, err := openStore(t, Options{Storage: None}).TryLock(entry); ok || err != nil {
		t.Errorf("TryLock without a folder = %v, %v", ok, err)
	}
}
