package issuer

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

func published(t *testing.T, k *Keys) (ids []string) {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(k.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		ids = append(ids, key.KeyID)
	}
	return ids
}

func signingKey(k *Keys) string {
	_, id := k.List()
	return id
}

func mustTend(t *testing.T, k *Keys) {
	t.Helper()
	if err := k.Tend(); err != nil {
		t.Fatal(err)
	}
}

func TestRotationOverlaps(t *testing.T) {
	t.Parallel()
	now := newClock()
	o := options(t, now, ES256)
	o.TokenLife = MaxTokenLife
	k := mustOpen(t, o)
	first := signingKey(k)
	next, err := k.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := k.Rotate(); err != nil || again != next {
		t.Errorf("a second rotation: %+v, %v", again, err)
	}
	want := func(when, signing string, ids ...string) {
		t.Helper()
		mustTend(t, k)
		if got := signingKey(k); got != signing {
			t.Errorf("%s: %s signs", when, got)
		}
		if got := published(t, k); !slices.Equal(got, ids) {
			t.Errorf("%s: %v are published, want %v", when, got, ids)
		}
	}
	want("published", first, first, next.ID)
	now.add(time.Hour - time.Second)
	want("about to sign", first, first, next.ID)
	of := claims(now)
	of.Expiry = now.now().Add(MaxTokenLife)
	last := mustSign(t, k, of) // the last that the first signs
	now.add(time.Second)
	o.TokenLife = 10 * time.Minute // a lifetime that is lowered ends no token
	k = mustOpen(t, o)
	want("signing", next.ID, first, next.ID)
	now.add(MaxTokenLife - time.Minute)
	young := mustSign(t, k, claims(now))
	if _, err := k.Verify(last); err != nil {
		t.Errorf("the old key's last token: %v", err)
	}
	now.add(time.Minute + Leeway - time.Second)
	want("until the last token has ended", next.ID, first, next.ID)
	now.add(time.Second)
	want("afterwards", next.ID, next.ID)
	if _, err := k.Verify(last); err == nil {
		t.Error("its tokens live on")
	}
	now.add(-2 * time.Minute)
	if _, err := k.Verify(young); err != nil {
		t.Errorf("the new key's token: %v", err)
	}
	if files, err := filepath.Glob(filepath.Join(k.o.Dir, "*.pem")); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestRotationBySchedule(t *testing.T) {
	t.Parallel()
	now := newClock()
	o := options(t, now, ES256)
	o.RotateEvery = 24 * time.Hour
	k := mustOpen(t, o)
	signed := map[string]int{}
	for range 10 * 24 * 12 { // ten days, every five minutes
		now.add(5 * time.Minute)
		mustTend(t, k)
		if _, err := k.Verify(mustSign(t, k, claims(now))); err != nil {
			t.Fatal(err)
		}
		signed[signingKey(k)]++
		if n := len(published(t, k)); n > 2 {
			t.Fatalf("%d keys are published", n)
		}
	}
	if len(signed) < 10 || len(signed) > 11 {
		t.Errorf("%d keys signed in ten days", len(signed))
	}
}

func TestReplaceRefusesTheOldAtOnce(t *testing.T) {
	t.Parallel()
	now := newClock()
	k := mustOpen(t, options(t, now, ES256))
	other := mustOpen(t, k.o)
	stolen := mustSign(t, k, claims(now))
	if _, err := k.Rotate(); err != nil { // one that waits goes too
		t.Fatal(err)
	}
	now.add(time.Second)
	next, err := k.Replace()
	if err != nil {
		t.Fatal(err)
	}
	if got := published(t, k); !slices.Equal(got, []string{next.ID}) || signingKey(k) != next.ID {
		t.Errorf("%v", got)
	}
	_, err = k.Verify(stolen)
	wantReason(t, "the old key's token", err, UnknownKey)
	// The other process learns of it by its own tending, or by a new token.
	mustTend(t, other)
	_, err = other.Verify(stolen)
	wantReason(t, "at the other process", err, UnknownKey)
}

func TestProcessesShareAFolder(t *testing.T) {
	t.Parallel()
	now := newClock()
	one := mustOpen(t, options(t, now, ES256))
	two := mustOpen(t, one.o)
	if signingKey(one) != signingKey(two) {
		t.Fatal("two first keys")
	}
	if _, err := one.Replace(); err != nil {
		t.Fatal(err)
	}
	now.add(10 * time.Second)
	if _, err := two.Verify(mustSign(t, one, claims(now))); err != nil {
		t.Errorf("a new key is found when it is needed: %v", err)
	}
	// But not for everybody who asks.
	if _, err := one.Replace(); err != nil {
		t.Fatal(err)
	}
	_, err := two.Verify(mustSign(t, one, claims(now)))
	wantReason(t, "within a moment", err, UnknownKey)
	var done sync.WaitGroup
	for range 4 {
		k := mustOpen(t, one.o)
		done.Go(func() {
			if _, err := k.Rotate(); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	mustTend(t, one)
	if n := len(published(t, one)); n != 2 {
		t.Errorf("four rotations at once made %d keys", n)
	}
}

// A clock that jumps leaves a key that signs, and no token that lasts.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	now := newClock()
	o := options(t, now, ES256)
	o.RotateEvery = 24 * time.Hour
	k := mustOpen(t, o)
	first := signingKey(k)
	if _, err := k.Rotate(); err != nil {
		t.Fatal(err)
	}
	now.add(-48 * time.Hour)
	if signingKey(k) != first {
		t.Error("before the first key, the one that waits signs")
	}
	now.add(48 * time.Hour)
	for _, jump := range []time.Duration{-1000 * time.Hour, 2000 * time.Hour, -1000 * time.Hour} {
		now.add(jump)
		mustTend(t, k)
		if _, err := k.Verify(mustSign(t, k, claims(now))); err != nil {
			t.Errorf("after %s: %v", jump, err)
		}
	}
}

func TestReloadKeepsWhatItHad(t *testing.T) {
	t.Parallel()
	now := newClock()
	k := mustOpen(t, options(t, now, ES256))
	token := mustSign(t, k, claims(now))
	broken := filepath.Join(k.o.Dir, "broken.pem")
	if err := os.WriteFile(broken, []byte("canary-5ecret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"Reload": k.Reload, "Tend": k.Tend,
		"Rotate":  func() error { return second(k.Rotate()) },
		"Replace": func() error { return second(k.Replace()) },
		"Open":    func() error { return opened(k.o) },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), broken) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.Verify(token); err != nil {
		t.Error(err)
	}
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	mustTend(t, k)
}

func TestReadOnlyFolderIsNotTouched(t *testing.T) {
	t.Parallel()
	now := newClock()
	maker := mustOpen(t, options(t, now, RS256))
	o := maker.o
	mounted(t, o.Dir)
	o.ReadOnly, o.RotateEvery = true, 2*time.Hour
	k := mustOpen(t, o)
	if _, err := k.Verify(mustSign(t, maker, claims(now))); err != nil {
		t.Error(err)
	}
	before, err := os.ReadDir(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	now.add(1000 * time.Hour)
	mustTend(t, k)
	for name, do := range map[string]func() (KeyInfo, error){"Rotate": k.Rotate, "Replace": k.Replace} {
		if _, err := do(); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after, err := os.ReadDir(o.Dir); err != nil || len(after) != len(before) {
		t.Errorf("%d files, %d before, %v", len(after), len(before), err)
	}
	if err := os.RemoveAll(filepath.Join(o.Dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); err == nil {
		t.Error("opened without a key")
	}
}

// mounted makes of a folder what Kubernetes makes of a Secret: links through
// ..data, readable by the pod's group, in a folder that all may write to were
// it not mounted read-only.
func mounted(t *testing.T, dir string) {
	t.Helper()
	data := filepath.Join(dir, "..2026_11_24")
	err := errors.Join(os.Mkdir(data, 0o755), os.Symlink(filepath.Base(data), filepath.Join(dir, "..data")))
	paths, globErr := filepath.Glob(filepath.Join(dir, "*.pem"))
	for _, path := range paths {
		name := filepath.Base(path)
		err = errors.Join(err, os.Rename(path, filepath.Join(data, name)), os.Chmod(filepath.Join(data, name), 0o440),
			os.Symlink(filepath.Join("..data", name), path))
	}
	if err := errors.Join(err, globErr, os.Remove(filepath.Join(dir, lockName)), os.Chmod(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
}
