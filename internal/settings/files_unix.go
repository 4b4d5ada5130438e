//go:build !windows

package settings

import (
	"errors"
	"io/fs"
	"os"
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

// checkOwner refuses a file that someone else owns or may write to.
func checkOwner(_ *os.File, info fs.FileInfo, by writer) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("has an owner that cannot be told")
	}
	if stat.Uid != 0 && by == byAdministrator {
		return errors.New("is not owned by root")
	}
	if stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return errors.New("is owned by neither you nor root")
	}
	if info.Mode().Perm()&0o022 != 0 {
		return errors.New("may be written by its group or by others")
	}
	return nil
}
