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

// replace writes a change beside the file, reads it back, and renames it over
// the file, if that is still as it was.
func replace(c Change) error {
	info, err := os.Stat(c.Path)
	switch {
	case c.Made && errors.Is(err, fs.ErrNotExist):
	case c.Made && err == nil:
		return &ChangedError{c.Path}
	case err != nil:
		return err
	case info.Mode()&0o200 == 0:
		return &FileError{Path: c.Path, Reason: "is read-only"}
	}
	temp := c.Path + tempSuffix
	if err := fill(temp, c.After, info); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := unchanged(c); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, c.Path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	syncFolder(filepath.Dir(c.Path))
	return nil
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
	_, err = file.Write(data)
	if like != nil {
		keepOwner(file, like)
		err = errors.Join(err, file.Chmod(like.Mode().Perm()))
	}
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	written, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(written, data) {
		err = &FileError{Path: path, Reason: "did not keep what was written to it"}
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
