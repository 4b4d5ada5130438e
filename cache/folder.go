package cache

// Files and folders of the cache. Folders are 0700 and files 0600 whatever the
// umask says. What is a symbolic link, belongs to another user or may be
// written by others is refused. A file changes by rename only: a reader sees
// the old one or the new one.

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const (
	folderMode = 0o700
	fileMode   = 0o600
	tempSuffix = ".tmp"
	probeName  = "probe" + tempSuffix
)

// folder is one folder directly below the cache's own.
type folder struct {
	root, path string
	step       func(string) // told of each step of a write; a seam for tests
}

func newFolder(root, name string) folder {
	return folder{root: root, path: filepath.Join(root, name), step: func(string) {}}
}

func (f folder) join(name string) string { return filepath.Join(f.path, name) }

// check looks at both folders. Errors: *UnsafeError, or fs.ErrNotExist.
func (f folder) check() error {
	if err := checkFolder(f.root); err != nil {
		return err
	}
	return checkFolder(f.path)
}

func checkFolder(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return &UnsafeError{path, "is a symbolic link"}
	case !info.IsDir():
		return &UnsafeError{path, "is not a folder"}
	case !ours(info):
		return &UnsafeError{path, "belongs to another user"}
	case openTo(info, 0o022):
		return &UnsafeError{path, "other users may write to it"}
	}
	return nil
}

func checkFile(path string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return &UnsafeError{path, "is not a plain file"}
	case !ours(info):
		return &UnsafeError{path, "belongs to another user"}
	case openTo(info, 0o077):
		return &UnsafeError{path, "other users may read or write it"}
	}
	return nil
}

// create makes what is missing of both folders and looks at them. Errors:
// *UnsafeError, *UnwritableError.
func (f folder) create() error {
	for _, path := range []string{f.root, f.path} {
		if err := makeFolder(path); err != nil {
			return &UnwritableError{path, err}
		}
		if err := checkFolder(path); err != nil {
			return err
		}
	}
	f.step("folders")
	return nil
}

func makeFolder(path string) error {
	err := os.Mkdir(path, folderMode)
	if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
		err = os.Mkdir(path, folderMode)
	}
	if err == nil {
		return os.Chmod(path, folderMode)
	}
	if _, statErr := os.Lstat(path); statErr == nil {
		return nil // it is there: made by another process, or in a read-only place
	}
	return err
}

// read returns a file's content. Errors: fs.ErrNotExist, *UnsafeError,
// *UnreadableError for one that is larger than maxFile.
func (f folder) read(name string) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	path := f.join(name)
	file, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkFile(path, info); err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, &UnreadableError{Path: path, Reason: "it is too big"}
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, &UnreadableError{Path: path, Reason: err.Error()}
	}
	return data, nil
}

// write replaces a file at once or not at all. Errors: *UnsafeError,
// *UnwritableError.
func (f folder) write(name string, data []byte) error {
	return f.writeBy(name+tempSuffix, name, data)
}

// writeBy is write by a temporary file that the caller names.
func (f folder) writeBy(temp, name string, data []byte) error {
	if err := f.writeTemp(temp, data); err != nil {
		return err
	}
	defer os.Remove(f.join(temp)) // still there only after an error
	return f.rename(temp, name)
}

// writeTemp is the first half of write; after an error there is no file.
// Temporary files have few names, and one process at a time writes one of
// them: what a killed one left behind is replaced by the next and does not pile
// up.
func (f folder) writeTemp(name string, data []byte) error {
	if err := f.create(); err != nil {
		return err
	}
	if err := f.fill(f.join(name), data); err != nil {
		return &UnwritableError{f.path, err}
	}
	return nil
}

func (f folder) fill(path string, data []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|noFollow, fileMode)
	if err != nil {
		return err
	}
	f.step("created")
	err = errors.Join(file.Chmod(fileMode), writeAll(file, data), file.Sync(), file.Close())
	f.step("written")
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

func writeAll(file *os.File, data []byte) error {
	_, err := file.Write(data)
	return err
}

// rename is what makes a change visible; it outlives a power cut.
func (f folder) rename(from, to string) error {
	err := patiently(func() error { return os.Rename(f.join(from), f.join(to)) })
	if err != nil {
		return &UnwritableError{f.path, err}
	}
	f.step("renamed")
	syncFolder(f.path)
	return nil
}

// aside renames an entry's file so that nothing overwrites it. The new name
// has the file's own time in it, and is free: the caller holds the entry's
// lock.
func (f folder) aside(name string) error {
	info, err := os.Lstat(f.join(name))
	if err != nil {
		return &UnwritableError{f.path, err}
	}
	for n := info.ModTime().UnixNano(); ; n++ {
		to := name + asideMark + strconv.FormatInt(n, 10)
		if _, err := os.Lstat(f.join(to)); errors.Is(err, fs.ErrNotExist) {
			return f.rename(name, to)
		}
	}
}

// tryWrite makes a file and removes it. One process at a time does.
func (f folder) tryWrite() error {
	if err := f.writeTemp(probeName, make([]byte, 512)); err != nil {
		return err
	}
	return f.removeOne(probeName)
}

// touch makes an empty file if there is none.
func (f folder) touch(name string) error {
	if err := f.create(); err != nil {
		return err
	}
	path := f.join(name)
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE|os.O_EXCL|noFollow, fileMode)
	if err == nil {
		f.step("touched")
		return errors.Join(file.Chmod(fileMode), file.Close())
	}
	if info, statErr := os.Lstat(path); statErr == nil {
		return checkFile(path, info)
	}
	return &UnwritableError{f.path, err}
}

// remove deletes a file, and before it what a killed writer of it left behind,
// which holds as much. None there is no error.
func (f folder) remove(name string) error {
	err := f.check()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range []string{name + tempSuffix, name} {
		if err == nil {
			err = f.removeOne(name)
		}
	}
	return err
}

func (f folder) removeOne(name string) error {
	err := patiently(func() error { return os.Remove(f.join(name)) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &UnwritableError{f.path, err}
	}
	f.step("removed")
	return nil
}

// patiently repeats what fails because another process has the file open,
// which is an error on Windows only.
func patiently(call func() error) error {
	for pause := time.Millisecond; ; pause *= 2 {
		err := call()
		if err == nil || !busy(err) || pause > 500*time.Millisecond {
			return err
		}
		time.Sleep(pause)
	}
}
