// Package private reads and writes files that nobody else may read: signing
// keys, a certificate authority's key, the exchange's state.
//
// A file of Ours is plain, belongs to the process's user and is closed to all
// others. A Mounted one may be what Kubernetes makes of a Secret: a link, root's,
// readable by the pod's group. Neither may be readable or writable by others.
// A file changes by rename only, and a rename outlives a power cut.
//
// The guarantee ends with modes and owners: access lists are not read, and on
// Windows, where the user's profile keeps others out, nothing is looked at.
package private

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Policy says whose a file may be.
type Policy int

const (
	// Ours is a plain file of mode 0600 (or less) that belongs to us.
	Ours Policy = iota
	// Mounted may also be a link, root's, and readable by its group.
	Mounted
)

// TempSuffix ends the name of a file that is being written. One that lies
// about belongs to a writer that was killed.
const TempSuffix = ".tmp"

// UnsafeError: a file or folder that somebody else could read or have made.
type UnsafeError struct{ Path, Reason string }

// Error implements error.
func (e *UnsafeError) Error() string { return e.Path + ": " + e.Reason }

// Read returns the content of a file of at most limit bytes. Errors:
// *UnsafeError, those of the file system.
func Read(path string, limit int64, by Policy) ([]byte, error) {
	file, err := open(path, by)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if err := check(path, info, by); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: it is larger than %d bytes", path, limit)
	}
	return data, err
}

// Check looks at a file as Read does, without reading it. Errors:
// *UnsafeError, those of the file system.
func Check(path string, by Policy) error {
	info, err := os.Lstat(path)
	if err == nil && by == Mounted {
		info, err = os.Stat(path)
	}
	if err != nil {
		return err
	}
	return check(path, info, by)
}

func check(path string, info fs.FileInfo, by Policy) error {
	forbidden, mode := fs.FileMode(0o077), "0600"
	if by == Mounted {
		forbidden, mode = 0o037, "0440"
	}
	switch {
	case !info.Mode().IsRegular():
		return &UnsafeError{path, "is not a plain file"}
	case !owned(info, by == Mounted):
		return &UnsafeError{path, "belongs to another user"}
	case openTo(info, forbidden):
		return &UnsafeError{path, fmt.Sprintf("others may read or write it (mode %04o; %s is right)", info.Mode().Perm(), mode)}
	}
	return nil
}

// Folder makes a folder if it is missing (its parent is there), and wants it
// to be ours alone, mode 0700. Errors: *UnsafeError, those of the file system.
func Folder(path string) error {
	if err := os.Mkdir(path, 0o700); err == nil {
		return os.Chmod(path, 0o700) // whatever the umask says
	} else if !errors.Is(err, fs.ErrExist) {
		if _, statErr := os.Lstat(path); statErr != nil {
			return err
		}
	}
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return &UnsafeError{path, "is not a folder"}
	case !owned(info, false):
		return &UnsafeError{path, "belongs to another user"}
	case openTo(info, 0o077):
		return &UnsafeError{path, fmt.Sprintf("other users may look into it (mode %04o; 0700 is right)", info.Mode().Perm())}
	}
	return nil
}

// Write replaces a file at once or not at all; its folder is there. step, which
// may be nil, is told of each step: a seam for tests.
func Write(path string, data []byte, step func(string)) error {
	if step == nil {
		step = func(string) {}
	}
	temp := path + TempSuffix
	if err := fill(temp, data, step); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		_ = os.Remove(temp)
		return err
	}
	step("renamed")
	SyncFolder(filepath.Dir(path))
	step("synced")
	return nil
}

func fill(path string, data []byte, step func(string)) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
	if err != nil {
		return err
	}
	step("created")
	_, err = file.Write(data)
	step("written")
	err = errors.Join(file.Chmod(0o600), err, file.Sync(), file.Close())
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}
