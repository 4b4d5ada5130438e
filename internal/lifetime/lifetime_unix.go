//go:build unix

package lifetime

import (
	"os"
	"syscall"
)

func ending() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} }

// parentGone remembers who started this process: an orphan is given to
// another parent.
func parentGone() func() bool {
	first := os.Getppid()
	return func() bool { return os.Getppid() != first }
}
