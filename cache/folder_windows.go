package cache

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// On Windows the access list of the user's profile keeps others out; modes and
// owners say nothing there.

const noFollow = 0

func openFile(path string) (file *os.File, err error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, &UnsafeError{path, "is a symbolic link"}
	}
	err = patiently(func() error {
		file, err = os.Open(path)
		return err
	})
	return file, err
}

func ours(fs.FileInfo) bool { return true }

func openTo(fs.FileInfo, fs.FileMode) bool { return false }

// busy: another process has the file open, or it is about to go.
func busy(err error) bool {
	return errors.Is(err, windows.ERROR_ACCESS_DENIED) ||
		errors.Is(err, windows.ERROR_SHARING_VIOLATION) ||
		errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}

func syncFolder(string) {}
