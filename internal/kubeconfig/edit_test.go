package kubeconfig

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func sealBob(d *Document) error { return d.SetExec("bob", sealed) }

func contentOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// alone fails where something lies beside a file that was not there before.
func alone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the file lies %v, %v", entries, err)
	}
}

func TestEdit(t *testing.T) {
	path := write(t, one)[0]
	dry, err := Preview(path, sealBob)
	if err != nil {
		t.Fatal(err)
	}
	if contentOf(t, path) != one {
		t.Error("a preview wrote")
	}
	alone(t, path)
	done, err := Edit(t.Context(), path, sealBob)
	if err != nil {
		t.Fatal(err)
	}
	if now := contentOf(t, path); now != string(dry.After) || now != string(done.After) || string(done.Before) != one || done.Made {
		t.Errorf("wrote\n%s", now)
	}
	alone(t, path)
}

// What stays as it was is not written.
func TestEditOfNothing(t *testing.T) {
	path := write(t, one)[0]
	was, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Edit(t.Context(), path, func(*Document) error { return nil })
	if err != nil || c.Changed() || c.Diff() != "" {
		t.Errorf("%v, %v", c, err)
	}
	if is, err := os.Stat(path); err != nil || !os.SameFile(was, is) {
		t.Errorf("another file stands there: %v", err)
	}
}

func TestEditMakesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".kube", "config")
	if c, err := Preview(path, sealBob); err != nil || !c.Made {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := os.Stat(filepath.Dir(path)); err == nil {
		t.Error("a preview made a folder")
	}
	c, err := Edit(t.Context(), path, sealBob)
	if err != nil || !c.Made || !strings.HasPrefix(c.Diff(), "--- /dev/null\n") {
		t.Errorf("%v, %v\n%s", c, err, c.Diff())
	}
	if _, err := document(t, contentOf(t, path)).User("bob"); err != nil {
		t.Error(err)
	}
	alone(t, path)
}

// An error of the change itself comes out as it is, and nothing is written.
func TestEditGivesUp(t *testing.T) {
	path := write(t, one)[0]
	wrong := errors.New("no")
	_, err := Edit(t.Context(), path, func(d *Document) error { return errors.Join(sealBob(d), wrong) })
	if !errors.Is(err, wrong) || contentOf(t, path) != one {
		t.Errorf("error %v\n%s", err, contentOf(t, path))
	}
	alone(t, path)
}

// A program that takes no lock writes while the file is being changed.
func TestEditNoticesAnotherProgram(t *testing.T) {
	for name, meddle := range map[string]func(path string) error{
		"written": func(path string) error { return os.WriteFile(path, []byte(two), 0o600) },
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+"2", []byte(two), 0o600), os.Rename(path+"2", path))
		},
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, one)[0]
			_, err := Edit(t.Context(), path, func(d *Document) error { return errors.Join(sealBob(d), meddle(path)) })
			if changed := (*ChangedError)(nil); !errors.As(err, &changed) {
				t.Errorf("error %v", err)
			}
			data, err := os.ReadFile(path)
			if (name == "removed") != errors.Is(err, fs.ErrNotExist) || err == nil && string(data) != two {
				t.Errorf("the file is %v\n%s", err, data)
			}
		})
	}
	t.Run("made", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "config")
		_, err := Edit(t.Context(), path, func(d *Document) error { return errors.Join(sealBob(d), os.WriteFile(path, []byte(two), 0o600)) })
		if changed := (*ChangedError)(nil); !errors.As(err, &changed) || contentOf(t, path) != two {
			t.Errorf("error %v\n%s", err, contentOf(t, path))
		}
		alone(t, path)
	})
}

// Whoever holds kubectl's lock is waited for.
func TestEditWaitsForTheLock(t *testing.T) {
	path := write(t, one)[0]
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	entered := make(chan struct{})
	go func() {
		_, err := Edit(t.Context(), path, func(d *Document) error { close(entered); return sealBob(d) })
		done <- err
	}()
	select {
	case <-entered:
		t.Error("it did not wait")
	case <-time.After(3 * lockPoll):
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	alone(t, path)
}

// A lock that stays is named, and left where it is. No wait outlives its
// context.
func TestStaleLock(t *testing.T) {
	path := write(t, one)[0]
	if err := os.WriteFile(path+lockSuffix, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*lockPoll)
	defer cancel()
	_, err := Edit(ctx, path, sealBob)
	if locked := (*LockError)(nil); !errors.As(err, &locked) || locked.Path != path+lockSuffix || locked.Since.IsZero() {
		t.Errorf("error %v", err)
	}
	stopped := errors.New("stopped")
	cause, stop := context.WithCancelCause(t.Context())
	stop(stopped)
	if _, err := Edit(cause, path, sealBob); !errors.Is(err, stopped) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Lstat(path + lockSuffix); err != nil || contentOf(t, path) != one {
		t.Errorf("%v\n%s", err, contentOf(t, path))
	}
}

// Two who change the same file at once both count.
func TestEditsAtOnce(t *testing.T) {
	path := write(t, one)[0]
	const many = 8
	failed := make(chan error, many)
	name := func(i int) string { return string(rune('p' + i)) }
	for i := range many {
		go func() {
			_, err := Edit(t.Context(), path, func(d *Document) error { return d.SetExec(name(i), sealed) })
			failed <- err
		}()
	}
	for range many {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	d := document(t, contentOf(t, path))
	for i := range many {
		if _, err := d.User(name(i)); err != nil {
			t.Error(err)
		}
	}
	alone(t, path)
}

func TestFind(t *testing.T) {
	paths := append([]string{filepath.Join(t.TempDir(), "none")}, write(t, one, two)...)
	for user, want := range map[string]string{"alice": paths[1], "carol": paths[2]} {
		if got, found, err := Find(paths, user); err != nil || !found || got != want {
			t.Errorf("%s: %s, %v, %v", user, got, found, err)
		}
	}
	if got, found, err := Find(paths, "nobody"); err != nil || found || got != paths[1] {
		t.Errorf("%s, %v, %v", got, found, err)
	}
	if got, found, err := FindContext(paths, "prod"); err != nil || !found || got != paths[1] {
		t.Errorf("%s, %v, %v", got, found, err)
	}
	if got := Default([]string{paths[0], paths[0] + "2"}); got != paths[0]+"2" {
		t.Errorf("none of them there: %s", got)
	}
}
