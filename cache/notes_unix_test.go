//go:build !windows

package cache

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Without a runtime folder notes lie in the cache's own, and what is only for
// the runtime folder lies nowhere.
func TestNotesWithoutARuntimeFolder(t *testing.T) {
	for name, spoil := range map[string]func(runtime string) error{
		"missing":   os.Remove,
		"writable":  func(runtime string) error { return os.Chmod(runtime, 0o770) },
		"a link":    func(runtime string) error { return errors.Join(os.Remove(runtime), os.Symlink(t.TempDir(), runtime)) },
		"not there": func(string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			reopen, dir, runtime := notedStore(t)
			if err := spoil(runtime); err != nil {
				t.Fatal(err)
			}
			if name == "not there" {
				reopen = func() *Store { return openStore(t, Options{Dir: dir, Storage: File}) }
			}
			setNote(t, reopen(), entry, "note")
			wantNote(t, reopen(), entry, "note")
			if _, err := os.Stat(filepath.Join(dir, "notes")); err != nil {
				t.Error(err)
			}
			before := snapshot(t, dir)
			for range 2 {
				if reopen().Handed(sha256.Sum256(nil)) {
					t.Error("something was known of what was handed out")
				}
			}
			if after := snapshot(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("the cache changed: %v", after)
			}
		})
	}
}

// A note that others could have written is none.
func TestForgedNoteIsNotRead(t *testing.T) {
	reopen, _, runtime := notedStore(t)
	setNote(t, reopen(), entry, "forged")
	path := filepath.Join(runtime, "kubecred", reopen().notes.name(entry))
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	wantNote(t, reopen(), entry, "")
}

// Whatever lies in the table's place, nothing is believed or followed.
func TestHandedOfAStrangeFile(t *testing.T) {
	victim := filepath.Join(t.TempDir(), "victim")
	overwrite(t, victim, []byte("precious"))
	for name, plant := range map[string]func(path string) error{
		"a link":         func(path string) error { return os.Symlink(victim, path) },
		"a folder":       func(path string) error { return os.Mkdir(path, 0o700) },
		"others read it": func(path string) error { return os.WriteFile(path, nil, 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			reopen, _, runtime := notedStore(t)
			path := filepath.Join(runtime, "kubecred", handedName)
			if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), plant(path)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if reopen().Handed(sha256.Sum256(nil)) {
					t.Error("it was believed")
				}
			}
			if data, err := os.ReadFile(victim); err != nil || string(data) != "precious" {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
}
