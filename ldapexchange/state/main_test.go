package state

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The test binary runs itself again for what needs a process of its own.
const (
	childEnv = "KUBECRED_STATE_TEST_CHILD"
	dirEnv   = "KUBECRED_STATE_TEST_DIR"
	stepEnv  = "KUBECRED_STATE_TEST_STEP"
)

func children() map[string]func(dir string) error {
	all := map[string]func(dir string) error{"crash": childCrash, "spin": childSpin, "second": childSecond}
	maps.Copy(all, diskChildren())
	return all
}

func TestMain(m *testing.M) {
	name := os.Getenv(childEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	run, ok := children()[name]
	if !ok {
		fmt.Println("no such child:", name)
		os.Exit(2)
	}
	if err := run(os.Getenv(dirEnv)); err != nil {
		fmt.Println("child failed:", err)
		os.Exit(1)
	}
}

// child returns a command that runs the named child on dir.
func child(t *testing.T, name, dir string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	// The race detector would sleep a second at each exit.
	cmd.Env = append(os.Environ(), append(env, childEnv+"="+name, dirEnv+"="+dir, "GORACE=atexit_sleep_ms=0")...)
	return cmd
}

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 24, 8, 0, 0, 5e8, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func statePath(dir string) string { return filepath.Join(dir, "state", "state.db") }

func openAt(t testing.TB, path string, now func() time.Time) *Bolt {
	t.Helper()
	s, err := OpenBolt(Options{Path: path, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func openTemp(t testing.TB, c *clock) *Bolt {
	t.Helper()
	return openAt(t, statePath(t.TempDir()), c.now)
}

func mustClose(t *testing.T, s *Bolt) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// rooms are all that stands on a store.
type rooms struct {
	store    Store
	revoked  *Revocations
	sessions *Sessions
}

const sessionLife = 12 * time.Hour

func roomsOf(store Store, now func() time.Time) (rooms, error) {
	revoked, err := NewRevocations(context.Background(), store, sessionLife, now)
	if err != nil {
		return rooms{}, err
	}
	return rooms{store, revoked, NewSessions(store, revoked, sessionLife, now)}, nil
}

func mustRooms(t testing.TB, store Store, now func() time.Time) rooms {
	t.Helper()
	r, err := roomsOf(store, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func begun() Session {
	return Session{User: "5f0f-0001", Name: "alice", Client: "kubernetes", Audience: "cluster-a", Scope: "openid"}
}
