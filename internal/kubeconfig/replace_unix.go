//go:build !windows

package kubeconfig

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file another's owner and group. Only root may give files
// away, and a group only to its members; where it may not be, the file is ours.
func keepOwner(file *os.File, like fs.FileInfo) {
	if stat, ok := like.Sys().(*syscall.Stat_t); ok {
		_ = file.Chown(int(stat.Uid), int(stat.Gid))
	}
}

// syncFolder makes a rename outlive a power cut. Some file systems refuse; the
// rename stands all the same.
func syncFolder(path string) {
	if file, err := os.Open(path); err == nil {
		_ = file.Sync()
		_ = file.Close()
	}
}

// busy reports whether a file cannot be made yet because it is going away.
func busy(error) bool { return false }
