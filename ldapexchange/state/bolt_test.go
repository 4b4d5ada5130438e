package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/private"
)

func TestEntriesEnd(t *testing.T) {
	t.Parallel()
	now := newClock()
	s, ctx := openTemp(t, now), context.Background()
	const n = sweepBatch + 100
	for i := range n {
		if _, err := s.Put(ctx, fmt.Sprintf("end/%04d", i), []byte("v"), 0, now.now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	for key, expiry := range map[string]time.Time{"later": now.now().Add(time.Hour), "never": {}} {
		if _, err := s.Put(ctx, key, nil, 0, expiry); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Sweep(ctx); got != 0 || err != nil {
		t.Errorf("before the end: %d, %v", got, err)
	}
	now.add(time.Minute)
	if _, err := s.Get(ctx, "end/0001"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after its end: %v", err)
	}
	if got := keysOf(t, s, ""); !slices.Equal(got, []string{"later", "never"}) {
		t.Errorf("List: %v", got)
	}
	if err := s.Delete(ctx, "end/0001", 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("Delete after its end: %v", err)
	}
	// One that has ended is in nobody's way, and its old end is forgotten.
	if _, err := s.Put(ctx, "end/0002", []byte("new"), 0, now.now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	for _, want := range []int{sweepBatch, 99, 0} {
		if got, err := s.Sweep(ctx); got != want || err != nil {
			t.Errorf("Sweep = %d, %v; want %d", got, err, want)
		}
	}
	if got := keysOf(t, s, ""); !slices.Equal(got, []string{"end/0002", "later", "never"}) {
		t.Errorf("List: %v", got)
	}
}

func keysOf(t *testing.T, s Store, prefix string) (keys []string) {
	t.Helper()
	for e, err := range s.List(context.Background(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, e.Key)
	}
	return keys
}

func TestSlowWatcherIsLeftBehind(t *testing.T) {
	t.Parallel()
	s := openTemp(t, newClock())
	// One that nobody reads is closed, and holds nobody up.
	slow := s.Watch(context.Background(), "")
	for i := range watchBuffer + 1 {
		if _, err := s.Put(context.Background(), fmt.Sprintf("c/%d", i), nil, 0, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	read := 0
	for range slow {
		read++
	}
	if read != watchBuffer {
		t.Errorf("%d events", read)
	}
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	s, ctx := openTemp(t, newClock()), context.Background()
	var done sync.WaitGroup
	for i := range 50 {
		done.Go(func() {
			if _, err := s.Put(ctx, fmt.Sprint(i), nil, 0, time.Time{}); err != nil && !errors.Is(err, ErrUnavailable) {
				t.Error(err)
			}
		})
	}
	mustClose(t, s)
	done.Wait()
	if _, err := s.Get(ctx, "k"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Get: %v", err)
	}
	for range 200 { // more than can queue
		if _, err := s.Put(ctx, "k", nil, 0, time.Time{}); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Put: %v", err)
		}
	}
	for _, err := range s.List(ctx, "") {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("List: %v", err)
		}
	}
	mustClose(t, s)
}

func TestCallerWhoLeavesChangesNothing(t *testing.T) {
	t.Parallel()
	writing, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s, err := openBolt(Options{Path: statePath(t.TempDir())}, func(step string) {
		if step == "begin" {
			once.Do(func() { close(writing); <-goOn })
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ctx, leave := context.WithCancel(context.Background())
	first, second := make(chan error, 1), make(chan error, 1)
	put := func(ctx context.Context, key string, done chan<- error) {
		_, err := s.Put(ctx, key, nil, 0, time.Time{})
		done <- err
	}
	go put(context.Background(), "first", first)
	<-writing
	go put(ctx, "second", second)
	for len(s.changes) == 0 {
		time.Sleep(time.Millisecond) // until it has queued
	}
	leave()
	close(goOn)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := keysOf(t, s, ""); !slices.Equal(got, []string{"first"}) {
		t.Errorf("%v", got)
	}
}

func TestOpenRefusesWhatIsNotPrivate(t *testing.T) {
	t.Parallel()
	path := statePath(t.TempDir())
	mustClose(t, openAt(t, path, nil))
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	var unsafe *private.UnsafeError
	if _, err := OpenBolt(Options{Path: path}); !errors.As(err, &unsafe) || unsafe.Path != path {
		t.Errorf("%v", err)
	}
}

func TestOpenRefusesWhatIsNoState(t *testing.T) {
	t.Parallel()
	path := statePath(t.TempDir())
	mustClose(t, openAt(t, path, nil))
	for _, content := range []string{"x", strings.Repeat("garbage ", 8192)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenBolt(Options{Path: path}); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.10q: %v", content, err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != content {
			t.Errorf("%.10q: the file was changed: %v", content, err)
		}
	}
}

// A second process ends within a second, and says why.
func TestSecondProcessIsTurnedAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, statePath(dir), nil)
	began := time.Now()
	out, err := child(t, "second", dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "another process uses this state file") || !strings.Contains(string(out), statePath(dir)) {
		t.Errorf("%v\n%s", err, out)
	}
	if took := time.Since(began); took > 5*time.Second { // a second on a machine that is not busy
		t.Errorf("it took %s", took)
	}
	if _, err := s.Put(context.Background(), "k", nil, 0, time.Time{}); err != nil {
		t.Errorf("the first: %v", err)
	}
}

func childSecond(dir string) error {
	began := time.Now()
	_, err := OpenBolt(Options{Path: statePath(dir)})
	var used *InUseError
	if !errors.As(err, &used) || !errors.Is(err, ErrUnavailable) {
		return fmt.Errorf("%w", err)
	}
	fmt.Println(err)
	if took := time.Since(began); took > time.Second {
		return fmt.Errorf("it took %s", took)
	}
	return nil
}
