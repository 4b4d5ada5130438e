//go:build !windows

package private

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// noFollow refuses a symbolic link, and does not wait for a pipe's writer.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

func open(path string, by Policy) (*os.File, error) {
	flags := os.O_RDONLY | syscall.O_NONBLOCK
	if by == Ours {
		flags |= noFollow
	}
	file, err := os.OpenFile(path, flags, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &UnsafeError{path, "is a symbolic link"}
	}
	return file, err
}

// owned reports whether a file is this user's, or root's where that will do.
func owned(info fs.FileInfo, orRoot bool) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (int(stat.Uid) == os.Geteuid() || orRoot && stat.Uid == 0)
}

func openTo(info fs.FileInfo, others fs.FileMode) bool { return info.Mode().Perm()&others != 0 }

// Inode names a file for as long as it exists; 0 is unknown. A copy has
// another.
func Inode(path string) uint64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Ino)
	}
	return 0
}

// SyncFolder makes what was renamed or removed in a folder outlive a power
// cut. Some file systems refuse; the change stands all the same.
func SyncFolder(path string) {
	if file, err := os.Open(path); err == nil {
		_ = file.Sync()
		_ = file.Close()
	}
}
