package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/keyring"
)

// door answers Check with an error, or hangs until its context ends.
type door struct {
	err   error
	hangs bool
}

func (d door) Check(ctx context.Context) error {
	if d.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return d.err
}

func kind(of error) door { return door{err: &keyring.Error{Kind: of}} }

func TestKeyring(t *testing.T) {
	for name, test := range map[string]struct {
		mode         cache.Storage
		home, kernel door
		mark         Mark
		found        string
	}{
		"open":               {cache.Auto, door{}, door{}, OK, "is there"},
		"locked":             {cache.Auto, kind(keyring.ErrLocked), door{}, Failed, "is locked"},
		"silent":             {cache.Keyring, kind(keyring.ErrTimeout), door{}, Failed, "did not answer"},
		"absent":             {cache.Keyring, kind(keyring.ErrAbsent), door{}, Failed, "there is no keyring"},
		"absent, the kernel": {cache.Auto, kind(keyring.ErrAbsent), door{}, Note, "takes its place"},
		"absent, no kernel":  {cache.Auto, kind(keyring.ErrAbsent), kind(keyring.ErrRefused), Failed, "there is no keyring"},
		"broken":             {cache.Auto, kind(keyring.ErrFailed), door{}, Failed, "the keyring failed"},
		"a file":             {cache.File, kind(keyring.ErrFailed), door{}, Note, "whoever can read your files"},
		"nothing":            {cache.None, kind(keyring.ErrFailed), door{}, Note, "nothing is kept"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Storage{Mode: test.mode, Dir: t.TempDir(), home: test.home, kernelDoor: test.kernel}
			run(t, s.Checks(), "keyring").is(t, test.mark, test.found)
		})
	}
}

func TestKeyringThatHangs(t *testing.T) {
	s := Storage{Mode: cache.Auto, Dir: t.TempDir(), home: door{hangs: true}, kernelDoor: door{}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r := Run(ctx, "1", s.Checks())
	if r.Count(Failed) != 1 || !strings.Contains(r.Checks[0].Found, "did not answer") {
		t.Errorf("%+v", r.Checks)
	}
}

func TestKernel(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has one")
	}
	for name, test := range map[string]struct {
		mode   cache.Storage
		kernel door
		mark   Mark
	}{
		"there": {cache.Auto, door{}, OK}, "refused": {cache.Keyring, kind(keyring.ErrRefused), Note},
		"a file": {cache.File, door{}, Skipped}, "nothing": {cache.None, door{}, Skipped},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, (&Storage{Mode: test.mode, Dir: t.TempDir(), kernelDoor: test.kernel}).Checks(), "kernel").is(t, test.mark, "")
		})
	}
}

// stored is a cache with an entry in a file.
func stored(t *testing.T) (dir string, save func()) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "kubecred")
	return dir, func() {
		t.Helper()
		s, err := cache.Open(cache.Options{Dir: dir, Storage: cache.File})
		if err == nil {
			err = s.Save(t.Context(), cache.NewID([]byte("x")), cache.Record{Payload: []byte("canary")})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFolder(t *testing.T) {
	dir, save := stored(t)
	look := func() Finding { return run(t, (&Storage{Mode: cache.File, Dir: dir}).Checks(), "folder") }
	look().is(t, OK, "holds nothing yet")
	if _, err := os.Stat(dir); err == nil {
		t.Fatal("the folder was made")
	}
	save()
	look().is(t, OK, "holds 1 entry")
	if err := os.WriteFile(filepath.Join(dir, "file", cache.NewID([]byte("x")).String()), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	save()
	look().is(t, Note, "1 that did not open")
	run(t, (&Storage{Mode: cache.None}).Checks(), "folder").is(t, Skipped, "")
	if runtime.GOOS == "windows" {
		return
	}
	for _, path := range []string{filepath.Join(dir, "file"), filepath.Join(dir, "locks")} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	look().is(t, Failed, "other users may write to it, and 1 more")
}

func TestSpace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for name, test := range map[string]struct {
		bytes    uint64
		writable bool
		err      error
		mark     Mark
	}{
		"enough": {1 << 30, true, nil, OK}, "little": {5 << 20, true, nil, Warning}, "full": {4096, true, nil, Failed},
		"read-only": {1 << 30, false, nil, Failed}, "unknown": {0, false, errors.New("why"), Skipped},
	} {
		t.Run(name, func(t *testing.T) {
			s := Storage{Mode: cache.Auto, Dir: dir, free: func(path string) (uint64, bool, error) {
				if path != filepath.Dir(filepath.Dir(dir)) {
					t.Errorf("asked about %s", path)
				}
				return test.bytes, test.writable, test.err
			}}
			run(t, s.Checks(), "space").is(t, test.mark, "")
		})
	}
	if bytes, writable, err := free(t.TempDir()); err != nil || bytes == 0 || !writable {
		t.Errorf("of this disk: %d, %v, %v", bytes, writable, err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder was made")
	}
}

func TestStorageThatIsNotKnown(t *testing.T) {
	for _, line := range Run(t.Context(), "1", (&Storage{home: kind(keyring.ErrFailed)}).Checks()).Checks {
		if line.Mark != Skipped {
			t.Errorf("%+v", line)
		}
	}
}
