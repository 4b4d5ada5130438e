//go:build !windows

package cache

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// noFollow refuses a symbolic link, and does not wait for a pipe's writer.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

func openFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &UnsafeError{path, "is a symbolic link"}
	}
	return file, err
}

func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

func openTo(info fs.FileInfo, others fs.FileMode) bool { return info.Mode().Perm()&others != 0 }

func busy(error) bool { return false }

// syncFolder makes a rename outlive a power cut. Some file systems refuse to
// sync a folder; the rename stands all the same.
func syncFolder(path string) {
	if file, err := os.Open(path); err == nil {
		_ = file.Sync()
		_ = file.Close()
	}
}
