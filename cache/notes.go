package cache

// Notes are what one run of the program tells the next: a few bytes about an
// entry, in the clear and without a secret, that are worth nothing tomorrow.
// They lie in the runtime folder, which on Linux is no disk and ends with the
// person's session; where there is none, in the cache's own folder.
//
// What was handed to whom is noted at every hit, so it has only the runtime
// folder, and a form that costs a few microseconds.
//
// All of it is best effort. A note that cannot be written, read or trusted is
// no note.

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	notesName = "notes"
	// maxNote bounds a note, in bytes.
	maxNote = 4096

	handedName = "handed"
	// handedSlots bounds the file of what was handed to whom: 64 KB.
	handedSlots = 4096
	slotSize    = 16
)

// notes says where notes lie.
type notes struct {
	dir     string // the cache's own folder, which tells two caches apart
	runtime folder // zero where there is none
}

// newNotes returns the notes of the cache at dir. Either may be empty.
func newNotes(dir, runtime string) notes {
	n := notes{dir: dir}
	if runtime != "" {
		n.runtime = newFolder(filepath.Clean(runtime), "kubecred")
	}
	return n
}

// place is the folder to use now; ok is false where there is none.
func (n notes) place() (f folder, ok bool) {
	if n.volatile() {
		return n.runtime, true
	}
	return newFolder(n.dir, notesName), n.dir != ""
}

// volatile reports whether there is a runtime folder. It is never made: who
// makes it sees to its end as well.
func (n notes) volatile() bool {
	return n.runtime.root != "" && checkFolder(n.runtime.root) == nil
}

// name hides nothing; it is as long for every cache folder.
func (n notes) name(id ID) string {
	sum := sha256.Sum256(append([]byte(n.dir+"\x00"), id[:]...))
	return hex.EncodeToString(sum[:16])
}

// Note returns what SetNote noted of an entry, or nil.
func (s *Store) Note(id ID) []byte {
	place, ok := s.notes.place()
	if !ok {
		return nil
	}
	data, err := place.read(s.notes.name(id))
	if err != nil || len(data) > maxNote {
		return nil
	}
	return data
}

// SetNote notes something of an entry, in the place of what was noted before;
// an empty note is none. The caller holds the entry's Lock. A note MUST NOT
// hold a secret. After an error the caller does without.
func (s *Store) SetNote(id ID, note []byte) error {
	place, ok := s.notes.place()
	switch {
	case !ok:
		return fs.ErrNotExist
	case len(note) > maxNote:
		return ErrTooBig
	case len(note) == 0:
		return place.remove(s.notes.name(id))
	}
	return place.write(s.notes.name(id), note)
}

// Handed notes that something was handed to someone, both together named by
// sum, and reports whether that had been noted before. It knows at most
// handedSlots, and may forget any of them for another that falls into its
// place. Without a runtime folder it knows nothing.
//
// The file is a table, and a sum's place in it follows from the sum: no lock
// is needed, and nothing is ever cleaned up.
func (s *Store) Handed(sum [sha256.Size]byte) (before bool) {
	file, err := s.notes.openHanded()
	if err != nil {
		return false
	}
	defer file.Close()
	slot := int64(sum[0])<<8 | int64(sum[1])
	offset := slot % handedSlots * slotSize
	var held [slotSize]byte
	want := [slotSize]byte(sum[sha256.Size-slotSize:])
	if n, _ := file.ReadAt(held[:], offset); n == slotSize && held == want {
		return true
	}
	_, _ = file.WriteAt(want[:], offset)
	return false
}

func (n notes) openHanded() (*os.File, error) {
	if n.runtime.root == "" {
		return nil, fs.ErrNotExist
	}
	path := n.runtime.join(handedName)
	err := n.runtime.check()
	if errors.Is(err, fs.ErrNotExist) && n.volatile() {
		err = n.runtime.create()
	}
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, fileMode)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		err = checkFile(path, info)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
