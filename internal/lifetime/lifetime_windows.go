package lifetime

import (
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

func ending() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

// parentGone holds the parent's handle: Windows keeps an orphan's parent ID
// and may give it to another process.
func parentGone() func() bool {
	parent, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(os.Getppid()))
	if err != nil {
		return func() bool { return false }
	}
	return func() bool {
		event, err := windows.WaitForSingleObject(parent, 0)
		return err == nil && event == windows.WAIT_OBJECT_0
	}
}
