package cache

// A look from outside: what lies in a cache's folder, and who could change it.
// No entry is opened, no keyring is asked, and nothing is made.

import (
	"errors"
	"io/fs"
	"os"
)

// Census is what Look saw.
type Census struct {
	Entries int     // that a Load may find
	Aside   int     // that did not open, and were set aside by a Save
	Unsafe  []error // *UnsafeError, of each folder and file that is refused
}

// Look counts what lies in the cache's folder, in all of its homes. No folder
// is an empty Census. Its error is the system's.
func Look(dir string) (Census, error) {
	var c Census
	if refused, err := c.refuse(checkFolder(dir)); refused || err != nil {
		return c, err
	}
	for _, name := range []string{string(InKeyring), string(InKernel), string(InFile), "locks", notesName} {
		if err := c.folder(newFolder(dir, name)); err != nil {
			return c, err
		}
	}
	return c, nil
}

// refuse notes an UnsafeError. What is not there is not looked at either.
func (c *Census) refuse(err error) (refused bool, other error) {
	var unsafe *UnsafeError
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case errors.As(err, &unsafe):
		c.Unsafe = append(c.Unsafe, err)
		return true, nil
	}
	return true, err
}

func (c *Census) folder(f folder) error {
	if refused, err := c.refuse(checkFolder(f.path)); refused || err != nil {
		return err
	}
	files, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, file := range files {
		info, err := file.Info()
		if err == nil {
			err = checkFile(f.join(file.Name()), info)
		}
		if _, err := c.refuse(err); err != nil {
			return err
		}
		if _, aside, ok := entryName(file.Name()); ok && aside {
			c.Aside++
		} else if ok {
			c.Entries++
		}
	}
	return nil
}
