package kubeconfig

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// tempSuffix ends the name of the file that is being written. One that lies
// about belongs to a program that was killed.
const tempSuffix = ".kubecred.tmp"

var (
	errReadOnly = errors.New("it is read-only")
	errNotKept  = errors.New("the disk did not keep what was written")
)

// replace writes a change beside the file, reads it back, and renames it over
// the file, if that is still as it was.
func replace(c Change) error {
	info, err := os.Stat(c.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.Made:
	case errors.Is(err, fs.ErrNotExist):
		return &ChangedError{c.Path}
	case err != nil:
		return &UnwritableError{c.Path, err}
	case info.Mode()&0o200 == 0:
		return &UnwritableError{c.Path, errReadOnly}
	}
	temp := c.Path + tempSuffix
	err = fill(temp, c.After, info)
	if err == nil {
		err = unchanged(c)
	}
	if err == nil {
		err = os.Rename(temp, c.Path)
	}
	if err != nil {
		_ = os.Remove(temp) // the next one does, where this cannot
		return unwritable(c.Path, err)
	}
	syncFolder(filepath.Dir(c.Path))
	return nil
}

func unwritable(path string, err error) error {
	if changed := (*ChangedError)(nil); errors.As(err, &changed) {
		return err
	}
	return &UnwritableError{path, err}
}

// fill makes a file with the mode and owner of the one it is to replace, which
// may be nil, and holds what the disk has against what was written.
func fill(path string, data []byte, like fs.FileInfo) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := fillFile(file, data, like); err != nil {
		return err
	}
	written, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(written, data) {
		err = errNotKept
	}
	return err
}

// fillFile fills a file and closes it. Its error is the first.
func fillFile(file *os.File, data []byte, like fs.FileInfo) error {
	_, err := file.Write(data)
	mode := fs.FileMode(0o600) // whatever the umask says
	if like != nil {
		keepOwner(file, like)
		mode = like.Mode().Perm()
	}
	for _, step := range []func() error{func() error { return file.Chmod(mode) }, file.Sync, file.Close} {
		if e := step(); err == nil {
			err = e
		}
	}
	return err
}

// unchanged looks whether a file is still as it was read.
func unchanged(c Change) error {
	now, err := read(c.Path)
	switch {
	case c.Made && errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case c.Made || err != nil || !bytes.Equal(now, c.Before):
		return &ChangedError{c.Path}
	}
	return nil
}
