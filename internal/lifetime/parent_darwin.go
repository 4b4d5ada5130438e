package lifetime

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// began is in microseconds since 1970.
func began(pid int) string {
	process, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return ""
	}
	start := process.Proc.P_starttime
	return strconv.FormatInt(start.Nano()/1000, 10)
}
