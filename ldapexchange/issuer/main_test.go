package issuer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The test binary runs itself again for what needs a process of its own.
const (
	childEnv = "KUBECRED_ISSUER_TEST_CHILD"
	dirEnv   = "KUBECRED_ISSUER_TEST_DIR"
	stepEnv  = "KUBECRED_ISSUER_TEST_STEP"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		if err := childCrash(name, os.Getenv(dirEnv)); err != nil {
			fmt.Println("child failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
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

const issuerURL = "https://exchange.example"

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)} }

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

func options(t *testing.T, c *clock, algorithm Algorithm) Options {
	t.Helper()
	return Options{
		Dir: filepath.Join(t.TempDir(), "keys"), Issuer: issuerURL, Algorithm: algorithm, Now: c.now,
		TokenLife: 10 * time.Minute, PublishAhead: time.Hour,
	}
}

func mustOpen(t testing.TB, o Options) *Keys {
	t.Helper()
	k, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func claims(c *clock) Claims {
	now := c.now()
	return Claims{
		Subject: "5f0f7e7c-6b4e-4c9e-9a1e-8a2f5a1c0001", Name: "alice", Email: "alice@corp.example",
		Groups: []string{"developers", "öps, & <more>"}, Audience: "cluster-a", AuthorizedParty: "kubernetes",
		Session: "sid", ID: "jti", IssuedAt: now, Expiry: now.Add(10 * time.Minute),
	}
}

func mustSign(t testing.TB, k *Keys, c Claims) string {
	t.Helper()
	token, err := k.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
