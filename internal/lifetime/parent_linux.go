package lifetime

import (
	"bytes"
	"os"
	"strconv"
)

// began is field 22 of /proc/PID/stat, in clock ticks since the machine
// started (proc_pid_stat(5)). The second field is the program's name, with
// whatever it holds in parentheses.
func began(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	const startTime = 22 - 3 // the third is the first here
	if len(fields) <= startTime {
		return ""
	}
	return string(fields[startTime])
}
