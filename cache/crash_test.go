package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/keyring"
)

// Test 7: a real SIGKILL at each step of all that writes. Every folder tells a
// crash's process of its steps, and at the one it was told it kills itself.

// crash is something that may be killed half-way.
type crash struct {
	open func(dir string) (*Store, error)
	// before makes what is there when it begins.
	before func(dir string, s *Store) error
	do     func(s *Store) error
	// Load gives one of these payloads afterwards; "" is a miss.
	left []string
	// kept is a text that lies in some file throughout.
	kept  string
	steps int // at least, at which it can be killed
}

const damage = "what cannot be opened"

func crashes() map[string]crash {
	all := map[string]crash{
		"an older entry is removed with the newest": {
			open: bothHomes, before: entryInBothHomes, do: removeEntry, left: []string{"old", ""}, steps: 4,
		},
		"the other home's entry is superseded": {
			open: bothHomes, before: entryInTheKernel, do: saveNew, left: []string{"old", "new"}, steps: 8,
		},
	}
	for home, open := range map[string]func(string) (*Store, error){"file": fileHome, "keyring": ringStore} {
		all["the first entry, "+home] = crash{open, nothing, saveNew, []string{"", "new"}, "", 8}
		all["the folder is tried, "+home] = crash{open, nothing, prepare, []string{""}, "", 8}
		all["over an older one, "+home] = crash{open, saveOld, saveNew, []string{"old", "new"}, "", 4}
		all["a damaged one is set aside, "+home] = crash{open, saveDamaged, saveNew, []string{"", "new"}, damage, 5}
		all["one is removed, "+home] = crash{open, saveOld, removeEntry, []string{"old", ""}, "", 2}
		all["the name of the data key is lost, "+home] = crash{open, loseCurrent, saveNew, []string{"old", "new"}, "", 8}
	}
	return all
}

func TestKilledWriterLeavesOldOrNew(t *testing.T) {
	for name, c := range crashes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := 1
			for dir := crashDir(t, c); killed(t, name, dir, step); dir = crashDir(t, c) {
				c.check(t, dir, step)
				c.heals(t, dir, step)
				step++
			}
			if step <= c.steps {
				t.Errorf("killed at %d steps only", step-1)
			}
		})
	}
}

// What killed processes leave behind is taken up or replaced by the next, and
// no key is in a keyring that nothing names.
func TestManyKilledWritersLeaveNoHeap(t *testing.T) {
	for name, c := range crashes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := crashDir(t, c)
			keys := dataKeys(t, dir)
			for step := range 2 * c.steps {
				killed(t, name, dir, step/2+1)
			}
			c.heals(t, dir, 0)
			if got := dataKeys(t, dir); got > keys+1 {
				t.Errorf("%d data keys, %d before", got, keys)
			}
		})
	}
}

// Who logs out after a crash leaves nothing behind that could be opened.
func TestRemoveTakesWhatAKilledWriterLeft(t *testing.T) {
	const name = "over an older one, file"
	c := crashes()[name]
	dir := crashDir(t, c)
	path := filepath.Join(dir, "kubecred", "file", entry.String())
	for step := 1; ; step++ {
		if !killed(t, name, dir, step) {
			t.Fatal("no killed writer left a temporary file")
		}
		if info, err := os.Stat(path + tempSuffix); err == nil && info.Size() > 0 {
			break
		}
	}
	if err := removeEntry(c.reopen(t, dir)); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// crashDir returns a folder in which the crash may begin.
func crashDir(t *testing.T, c crash) string {
	t.Helper()
	dir := t.TempDir()
	s, err := c.open(dir)
	for _, ring := range []string{"ring", "kernel"} {
		err = errors.Join(err, os.Mkdir(filepath.Join(dir, ring), 0o700))
	}
	if err == nil {
		err = c.before(dir, s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// killed runs the crash in a process of its own, and reports whether this was
// killed before it came to its end.
func killed(t *testing.T, name, dir string, step int) bool {
	t.Helper()
	out, err := child(t, "crash", dir, stepEnv+"="+strconv.Itoa(step)+" "+name).CombinedOutput()
	if len(out) > 0 {
		t.Fatalf("step %d: %s", step, out)
	}
	return err != nil
}

func childCrash(dir string) error {
	text, name, _ := strings.Cut(os.Getenv(stepEnv), " ")
	left, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	c := crashes()[name]
	s, err := c.open(dir)
	if err != nil {
		return err
	}
	tell(s, func(string) {
		if left--; left == 0 {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			fmt.Println("still alive:", err)
			select {}
		}
	})
	return c.do(s)
}

// tell has every folder of the Store tell of its steps.
func tell(s *Store, step func(string)) {
	s.locks.folder.step = step
	for _, v := range s.vaults {
		v.folder.step = step
		if _, ok := v.keys.(fileKeys); ok {
			v.keys = fileKeys{v.folder}
		}
	}
}

// check looks at what a killed process left.
func (c crash) check(t *testing.T, dir string, step int) {
	t.Helper()
	s := c.reopen(t, dir)
	got, err := s.Load(context.Background(), entry)
	fine := false
	for _, payload := range c.left {
		fine = fine || err == nil && payload == string(got.Payload) || payload == "" && errors.Is(err, ErrMiss)
	}
	if !fine {
		t.Errorf("killed at step %d: Load = %q, %v", step, got.Payload, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, name := range []string{entry.String(), "key-file", "key-keyring", "key-kernel"} {
		unlock, err := s.locks.lock(ctx, name)
		if err != nil {
			t.Fatalf("killed at step %d: the lock %s: %v", step, name, err)
		}
		unlock()
	}
	c.keeps(t, dir, step)
}

func (c crash) keeps(t *testing.T, dir string, step int) {
	t.Helper()
	found := false
	for _, text := range snapshot(t, dir) {
		found = found || text == c.kept
	}
	if c.kept != "" && !found {
		t.Errorf("killed at step %d: %q is gone", step, c.kept)
	}
}

// heals holds that the next login finds nothing in its way.
func (c crash) heals(t *testing.T, dir string, step int) {
	t.Helper()
	if _, err := c.reopen(t, dir).Prepare(context.Background()); err != nil {
		t.Fatalf("killed at step %d: Prepare: %v", step, err)
	}
	mustSave(t, c.reopen(t, dir), entry, record("next"))
	wantLoad(t, c.reopen(t, dir), entry, record("next"))
	c.keeps(t, dir, step)
	items, err := c.reopen(t, dir).List(context.Background())
	for _, item := range items {
		if err != nil || item.Err == nil && string(item.Record.Payload) != "next" {
			t.Errorf("killed at step %d: an older entry stayed: %s, %v", step, item.Path, err)
		}
	}
	for path := range snapshot(t, dir) {
		if strings.HasSuffix(path, tempSuffix) {
			t.Errorf("killed at step %d: %s was left behind", step, path)
		}
	}
}

func (c crash) reopen(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := c.open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// dataKeys counts the data keys in every home.
func dataKeys(t *testing.T, dir string) (n int) {
	t.Helper()
	for path := range snapshot(t, dir) {
		if strings.HasSuffix(path, ".key") || strings.Contains(path, "data-key-") {
			n++
		}
	}
	return n
}

func fileHome(dir string) (*Store, error) {
	return Open(Options{Dir: filepath.Join(dir, "kubecred"), Storage: File})
}

// bothHomes is Linux, in processes of their own.
func bothHomes(dir string) (*Store, error) {
	return Open(Options{
		Dir:        filepath.Join(dir, "kubecred"),
		Keys:       keyring.NewOS(keyring.Options{Ring: folderRing(filepath.Join(dir, "ring"))}),
		KernelKeys: keyring.NewOS(keyring.Options{Ring: folderRing(filepath.Join(dir, "kernel"))}),
	})
}

func nothing(string, *Store) error     { return nil }
func saveOld(_ string, s *Store) error { return save(s, entry, record("old")) }
func saveNew(s *Store) error           { return save(s, entry, record("new")) }

func prepare(s *Store) error {
	_, err := s.Prepare(context.Background())
	return err
}

func removeEntry(s *Store) error {
	unlock, err := s.Lock(context.Background(), entry)
	if err != nil {
		return err
	}
	defer unlock()
	return s.Remove(context.Background(), entry)
}

func saveDamaged(dir string, s *Store) error {
	return saveThen(dir, s, entry.String(), func(path string) error { return os.WriteFile(path, []byte(damage), 0o600) })
}

func loseCurrent(dir string, s *Store) error { return saveThen(dir, s, currentName, os.Remove) }

func saveThen(dir string, s *Store, name string, spoil func(path string) error) error {
	if err := saveOld(dir, s); err != nil {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(dir, "kubecred", "*", name))
	if err != nil || len(paths) != 1 {
		return fmt.Errorf("%s: %v, %w", name, paths, err)
	}
	return spoil(paths[0])
}

func entryInTheKernel(dir string, s *Store) error {
	return saveOld(dir, &Store{vaults: s.vaults[1:], locks: s.locks, log: s.log})
}

func entryInBothHomes(dir string, s *Store) error {
	older := &Store{vaults: s.vaults[1:], locks: s.locks, log: s.log}
	newest := &Store{vaults: s.vaults[:1], locks: s.locks, log: s.log}
	return errors.Join(save(older, entry, record("older")), saveOld(dir, newest))
}
