package kubeconfig

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Change is what an edit does, or would do, to a file. It prints as nothing:
// Before and After hold secrets.
type Change struct {
	Path          string // the file itself, links followed
	Before, After []byte
	Made          bool // the file is new
}

// String shows the path alone.
func (c Change) String() string { return "change of " + c.Path }

// GoString is String.
func (c Change) GoString() string { return c.String() }

// Changed reports whether there is a difference.
func (c Change) Changed() bool { return c.Made || !bytes.Equal(c.Before, c.After) }

// ChangedError is a file that another program wrote while it was being
// changed here. It is as that program left it.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string {
	return e.Path + " was changed by another program at the same moment; nothing was written"
}

// UnwritableError is a file that may not or cannot be written. It is as it was.
type UnwritableError struct {
	Path string
	Err  error
}

func (e *UnwritableError) Error() string { return "cannot change " + e.Path + ": " + e.Err.Error() }

func (e *UnwritableError) Unwrap() error { return e.Err }

// Edit changes the file at path. One that is missing is made, for its owner
// alone, and its folder with it. Of a link the file that it leads to is changed.
//
// It holds the lock that kubectl takes. A program that takes none and writes
// meanwhile is noticed until the last moment before the rename. The file is
// replaced at once or not at all; its mode stays, and its owner where that may
// be. Access lists, extended attributes and second hard links are not kept.
//
// Errors: that of change, *FileError, *LockError, *ChangedError,
// *UnwritableError, and the system's for what cannot be read.
func Edit(ctx context.Context, path string, change func(*Document) error) (Change, error) {
	target, err := follow(path)
	if err != nil {
		return Change{}, err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return Change{}, &UnwritableError{path, err}
	}
	unlock, err := lock(ctx, path, target)
	if err != nil {
		return Change{}, err
	}
	c, err := preview(target, change)
	if err == nil && c.Changed() {
		err = replace(c)
	}
	if left := unlock(); err == nil && left != nil {
		return c, &UnwritableError{path, left} // it is changed, and nobody can change it again
	}
	return c, err
}

// Preview returns what Edit would do, and changes nothing.
func Preview(path string, change func(*Document) error) (Change, error) {
	target, err := follow(path)
	if err != nil {
		return Change{}, err
	}
	return preview(target, change)
}

func preview(path string, change func(*Document) error) (Change, error) {
	before, err := read(path)
	made := errors.Is(err, fs.ErrNotExist)
	if err != nil && !made {
		return Change{}, err
	}
	d, err := newDocument(path, before)
	if err == nil {
		err = change(d)
	}
	if err != nil {
		return Change{}, err
	}
	made = made && len(d.src.text) > 0
	return Change{path, before, slices.Clone(d.src.text), made}, nil
}

// maxLinks is how many links are followed, as Linux has it.
const maxLinks = 40

// follow returns the file that a link leads to, which may be missing.
func follow(path string) (string, error) {
	at := path
	for range maxLinks {
		info, err := os.Lstat(at)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			return at, err
		}
		to, err := os.Readlink(at)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(at), to)
		}
		at = to
	}
	return "", &FileError{Path: path, Reason: "is a link that leads back to itself"}
}
