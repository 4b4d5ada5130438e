//go:build !windows

package settings

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// nonblock keeps the opening of a named pipe from waiting for its writer.
const nonblock = syscall.O_NONBLOCK

func machineFolder() string {
	if runtime.GOOS == "darwin" {
		return "/Library/Application Support/kubecred"
	}
	return "/etc/kubecred"
}

// runtimeFolder is XDG_RUNTIME_DIR, which the XDG Base Directory Specification
// gives the user alone, or what macOS gives each user for files that may go.
func runtimeFolder() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return dir
	}
	if runtime.GOOS == "darwin" {
		return os.TempDir()
	}
	return ""
}

// checkOwner refuses a file that someone else owns or may write to.
func checkOwner(_ *os.File, info fs.FileInfo, by writer) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("has an owner that cannot be told")
	}
	return checkOwned(int(stat.Uid), os.Geteuid(), info.Mode().Perm(), by)
}

func checkOwned(owner, me int, mode fs.FileMode, by writer) error {
	switch {
	case owner != 0 && by == byAdministrator:
		return errors.New("is not owned by root")
	case owner != 0 && owner != me:
		return errors.New("is owned by neither you nor root")
	case mode&0o022 != 0:
		return errors.New("may be written by its group or by others")
	}
	return nil
}
