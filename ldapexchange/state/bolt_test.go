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

func TestPutComparesAndSwaps(t *testing.T) {
	t.Parallel()
	now := newClock()
	s, ctx := openTemp(t, now), context.Background()
	first, err := s.Put(ctx, "k", []byte("one"), 0, time.Time{})
	if err != nil || first == 0 {
		t.Fatal(first, err)
	}
	for _, version := range []uint64{0, first + 1} {
		if _, err := s.Put(ctx, "k", []byte("wrong"), version, time.Time{}); !errors.Is(err, ErrConflict) {
			t.Errorf("over version %d: %v", version, err)
		}
	}
	second, err := s.Put(ctx, "k", []byte("two"), first, now.now().Add(time.Hour))
	if err != nil || second <= first {
		t.Fatal(second, err)
	}
	got, err := s.Get(ctx, "k")
	if err != nil || string(got.Value) != "two" || got.Version != second || !got.Expiry.Equal(now.now().Add(time.Hour)) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := s.Delete(ctx, "k", first); !errors.Is(err, ErrConflict) {
		t.Errorf("Delete of another version: %v", err)
	}
	if err := s.Delete(ctx, "k", second); err != nil {
		t.Error(err)
	}
	if err := s.Delete(ctx, "k", 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("Delete of nothing: %v", err)
	}
	// No version is used twice: who still holds the old one does not hit.
	third, err := s.Put(ctx, "k", nil, 0, time.Time{})
	if err != nil || third <= second {
		t.Error(third, err)
	}
}

func TestPutKeepsBounds(t *testing.T) {
	t.Parallel()
	s, ctx := openTemp(t, newClock()), context.Background()
	for _, e := range []Entry{{Key: ""}, {Key: strings.Repeat("k", MaxKey+1)}, {Key: "k", Value: make([]byte, MaxValue+1)}} {
		if _, err := s.Put(ctx, e.Key, e.Value, 0, time.Time{}); err == nil || errors.Is(err, ErrUnavailable) {
			t.Errorf("%d and %d bytes: %v", len(e.Key), len(e.Value), err)
		}
	}
	key, value := strings.Repeat("k", MaxKey), make([]byte, MaxValue)
	if _, err := s.Put(ctx, key, value, 0, time.Time{}); err != nil {
		t.Error(err)
	}
	if e, err := s.Get(ctx, key); err != nil || len(e.Value) != MaxValue {
		t.Error(err)
	}
	if _, err := s.Get(ctx, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get of no key: %v", err)
	}
}

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

func TestListPages(t *testing.T) {
	t.Parallel()
	s, ctx := openTemp(t, newClock()), context.Background()
	var want []string
	var done sync.WaitGroup
	for i := range 2*listBatch + 1 {
		key := fmt.Sprintf("a/%04d", i)
		want = append(want, key)
		done.Go(func() {
			if _, err := s.Put(ctx, key, []byte(key), 0, time.Time{}); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	for _, key := range []string{"a", "a.", "b/1"} {
		if _, err := s.Put(ctx, key, nil, 0, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := keysOf(t, s, "a/"); !slices.Equal(got, want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
	if got := keysOf(t, s, "c"); got != nil {
		t.Errorf("%v", got)
	}
	for range s.List(ctx, "a/") {
		break // and the transaction is over
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range s.List(gone, "a/") {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	s := openTemp(t, newClock())
	ctx, cancel := context.WithCancel(context.Background())
	events := s.Watch(ctx, "a/")
	version, err := s.Put(ctx, "a/1", []byte("v"), 0, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	_, otherErr := s.Put(ctx, "b/1", []byte("v"), 0, time.Time{})
	_, conflict := s.Put(ctx, "a/1", []byte("w"), 0, time.Time{})
	if otherErr != nil || !errors.Is(conflict, ErrConflict) {
		t.Fatal(otherErr, conflict)
	}
	if err := s.Delete(ctx, "a/1", version); err != nil {
		t.Fatal(err)
	}
	if e := <-events; e.Key != "a/1" || string(e.Value) != "v" || e.Version != version || e.Deleted {
		t.Errorf("%+v", e)
	}
	if e := <-events; e.Key != "a/1" || !e.Deleted {
		t.Errorf("%+v", e)
	}
	cancel()
	if e, open := <-events; open {
		t.Errorf("%+v", e)
	}
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
	last := s.Watch(context.Background(), "")
	mustClose(t, s)
	if _, open := <-last; open {
		t.Error("open after Close")
	}
	if _, open := <-s.Watch(context.Background(), ""); open {
		t.Error("opened after Close")
	}
}

// What one changes at once, one wins.
func TestFiftyIncrementsAreFifty(t *testing.T) {
	t.Parallel()
	s, ctx := openTemp(t, newClock()), context.Background()
	var done sync.WaitGroup
	for range 50 {
		done.Go(func() {
			for {
				e, err := s.Get(ctx, "n")
				if err != nil && !errors.Is(err, ErrNotFound) {
					t.Error(err)
					return
				}
				_, err = s.Put(ctx, "n", append(e.Value, 'x'), e.Version, time.Time{})
				if err == nil {
					return
				} else if !errors.Is(err, ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	done.Wait()
	if e, err := s.Get(ctx, "n"); err != nil || len(e.Value) != 50 {
		t.Errorf("%d, %v", len(e.Value), err)
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
