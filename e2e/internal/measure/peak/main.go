// Command peak runs a program and prints the most memory it had resident, in bytes. It links next
// to nothing, because what it starts is counted as no smaller than itself: see measure.Peak.
package main

import (
	"os"
	"runtime"
	"strconv"
	"syscall"
)

func main() {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		fail(err)
	}
	child, err := os.StartProcess(os.Args[1], os.Args[1:], &os.ProcAttr{Files: []*os.File{null, null, os.Stderr}})
	if err != nil {
		fail(err)
	}
	state, err := child.Wait()
	if err != nil || !state.Success() {
		os.Stderr.WriteString(state.String() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString(strconv.FormatInt(peak(state), 10) + "\n")
}

// peak is in kibibytes everywhere but on macOS, getrusage(2).
func peak(state *os.ProcessState) int64 {
	usage := state.SysUsage().(*syscall.Rusage)
	if runtime.GOOS == "darwin" {
		return int64(usage.Maxrss)
	}
	return int64(usage.Maxrss) << 10
}

func fail(err error) {
	os.Stderr.WriteString(err.Error() + "\n")
	os.Exit(1)
}
