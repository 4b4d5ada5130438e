package issuer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// crash is something that may be killed half-way, at each step of it.
type crash struct {
	before func(Options) error
	do     func(*Keys) error
	steps  int // at least, at which it can be killed
	// gone: tokens that were out before may be refused afterwards.
	gone bool
}

var crashNow = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

func crashes() map[string]crash {
	return map[string]crash{
		"the first key": {nil, func(*Keys) error { return nil }, 4, false},
		"a rotation":    {opened, func(k *Keys) error { return second(k.Rotate()) }, 4, false},
		"a replacement": {opened, func(k *Keys) error { return second(k.Replace()) }, 5, true},
		"an old one goes": {twoKeys, func(k *Keys) error {
			k.o.Now = func() time.Time { return crashNow.Add(3 * time.Hour) }
			return k.Tend()
		}, 1, true},
	}
}

func second(_ KeyInfo, err error) error { return err }

func crashOptions(dir string) Options {
	return Options{Dir: filepath.Join(dir, "keys"), Issuer: issuerURL, Algorithm: ES256, Now: func() time.Time { return crashNow }}
}

func opened(o Options) error {
	_, err := Open(o)
	return err
}

func twoKeys(o Options) error {
	k, err := Open(o)
	if err != nil {
		return err
	}
	return second(k.Rotate())
}

// A real SIGKILL at each step leaves keys that sign and verify, and a folder in
// which the next change finds nothing in its way.
func TestKilledWriterLeavesUsableKeys(t *testing.T) {
	for name, c := range crashes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := 1
			for ; ; step++ {
				dir := t.TempDir()
				o := crashOptions(dir)
				var token string
				if c.before != nil {
					if err := c.before(o); err != nil {
						t.Fatal(err)
					}
					token = mustSign(t, mustOpen(t, o), crashClaims())
				}
				if !killed(t, name, dir, step) {
					break
				}
				usable(t, o, token, c.gone, step)
			}
			if step <= c.steps {
				t.Errorf("killed at %d steps only", step-1)
			}
		})
	}
}

func crashClaims() Claims { return claims(&clock{t: crashNow}) }

func usable(t *testing.T, o Options, token string, gone bool, step int) {
	t.Helper()
	k, err := Open(o)
	if err != nil {
		t.Fatalf("killed at step %d: %v", step, err)
	}
	if _, err := k.Verify(mustSign(t, k, crashClaims())); err != nil {
		t.Errorf("killed at step %d: %v", step, err)
	}
	if _, err := k.Verify(token); token != "" && err != nil && !gone {
		t.Errorf("killed at step %d: a token that was out: %v", step, err)
	}
	next, err := k.Rotate()
	if err != nil || !strings.Contains(string(k.JWKS()), next.ID) {
		t.Errorf("killed at step %d: Rotate: %v", step, err)
	}
	left, err := filepath.Glob(filepath.Join(o.Dir, "*.tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("killed at step %d: left behind: %v, %v", step, left, err)
	}
}

// killed reports whether the child was killed before it came to its end.
func killed(t *testing.T, name, dir string, step int) bool {
	t.Helper()
	out, err := child(t, name, dir, stepEnv+"="+strconv.Itoa(step)).CombinedOutput()
	if len(out) > 0 {
		t.Fatalf("step %d: %s", step, out)
	}
	return err != nil
}

func childCrash(name, dir string) error {
	left, err := strconv.Atoi(os.Getenv(stepEnv))
	c, known := crashes()[name]
	if err != nil || !known {
		return errors.Join(err, fmt.Errorf("no such crash: %s", name))
	}
	o := crashOptions(dir)
	if err := o.complete(); err != nil {
		return err
	}
	k, err := open(&Keys{o: o, step: func(string) {
		if left--; left == 0 {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			fmt.Println("still alive:", err)
			select {}
		}
	}})
	if err != nil {
		return err
	}
	return c.do(k)
}
