package cache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// notedStore returns a way to open one cache with a runtime folder.
func notedStore(t *testing.T) (reopen func() *Store, dir, runtime string) {
	t.Helper()
	dir, runtime = filepath.Join(t.TempDir(), "kubecred"), filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	return func() *Store { return openStore(t, Options{Dir: dir, Storage: File, Runtime: runtime}) }, dir, runtime
}

func setNote(t *testing.T, s *Store, id ID, text string) {
	t.Helper()
	if err := s.SetNote(id, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func wantNote(t *testing.T, s *Store, id ID, want string) {
	t.Helper()
	if got := s.Note(id); string(got) != want {
		t.Errorf("note %q, want %q", got, want)
	}
}

func TestNoteIsReadByTheNextProcess(t *testing.T) {
	reopen, dir, runtime := notedStore(t)
	wantNote(t, reopen(), entry, "")
	setNote(t, reopen(), entry, "first")
	setNote(t, reopen(), entry, "second")
	wantNote(t, reopen(), entry, "second")
	wantNote(t, reopen(), NewID([]byte("another")), "")
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the cache's folder was touched: %v", err)
	}
	other := openStore(t, Options{Dir: dir + "-2", Storage: File, Runtime: runtime})
	wantNote(t, other, entry, "") // the same entry in another cache
	setNote(t, reopen(), entry, "")
	wantNote(t, reopen(), entry, "")
	setNote(t, reopen(), entry, "")
	if files := snapshot(t, runtime); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestNoteThatIsTooBig(t *testing.T) {
	reopen, _, runtime := notedStore(t)
	setNote(t, reopen(), entry, "note")
	if err := reopen().SetNote(entry, make([]byte, maxNote+1)); !errors.Is(err, ErrTooBig) {
		t.Errorf("error %v", err)
	}
	wantNote(t, reopen(), entry, "note")
	path := filepath.Join(runtime, "kubecred", reopen().notes.name(entry))
	overwrite(t, path, bytes.Repeat([]byte("x"), maxNote+1))
	wantNote(t, reopen(), entry, "")
}

func TestNoFolderNoNotes(t *testing.T) {
	s := openStore(t, Options{Storage: None})
	if err := s.SetNote(entry, []byte("note")); err == nil {
		t.Error("a note without a place was taken")
	}
	wantNote(t, s, entry, "")
}

func TestHandedIsKnownByTheNextProcess(t *testing.T) {
	reopen, _, runtime := notedStore(t)
	one, two := sha256.Sum256([]byte("one")), sha256.Sum256([]byte("two"))
	for i, want := range []struct {
		sum    [sha256.Size]byte
		before bool
	}{{one, false}, {one, true}, {two, false}, {two, true}, {one, true}} {
		if got := reopen().Handed(want.sum); got != want.before {
			t.Errorf("%d: %v", i, got)
		}
	}
	if _, err := os.Stat(filepath.Join(runtime, "kubecred", "handed")); err != nil {
		t.Error(err)
	}
}

// The table stays as big as it is, and what is written over is forgotten.
func TestHandedIsBounded(t *testing.T) {
	reopen, _, runtime := notedStore(t)
	s := reopen()
	first := sha256.Sum256([]byte("0"))
	for i := range 5 * handedSlots {
		if s.Handed(sha256.Sum256(fmt.Append(nil, i))) {
			t.Fatalf("%d was known before", i)
		}
	}
	if s.Handed(first) {
		t.Error("the first of 20,000 was known still")
	}
	info, err := os.Stat(filepath.Join(runtime, "kubecred", "handed"))
	if err != nil || info.Size() > handedSlots*slotSize {
		t.Errorf("%v bytes, %v", info.Size(), err)
	}
}

func BenchmarkHanded(b *testing.B) {
	runtime := filepath.Join(b.TempDir(), "run")
	s, err := Open(Options{Dir: b.TempDir(), Storage: File, Runtime: runtime})
	if err := errors.Join(err, os.Mkdir(runtime, 0o700)); err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		s.Handed(sha256.Sum256(fmt.Append(nil, i)))
		i++
	}
}
