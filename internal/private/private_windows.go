package private

import (
	"io/fs"
	"os"
)

const noFollow = 0

func open(path string, by Policy) (*os.File, error) {
	if info, err := os.Lstat(path); by == Ours && err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, &UnsafeError{path, "is a symbolic link"}
	}
	return os.Open(path)
}

func owned(fs.FileInfo, bool) bool { return true }

func openTo(fs.FileInfo, fs.FileMode) bool { return false }

// Inode is not known here.
func Inode(string) uint64 { return 0 }

// SyncFolder does nothing: Windows has no such call.
func SyncFolder(string) {}
