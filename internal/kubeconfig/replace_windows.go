package kubeconfig

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner does nothing: a new file belongs to whom its folder does.
func keepOwner(*os.File, fs.FileInfo) {}

// syncFolder does nothing: Windows has no such call.
func syncFolder(string) {}

// busy reports whether a file cannot be made yet because it is going away:
// Windows refuses its name until nobody has it open.
func busy(err error) bool { return errors.Is(err, syscall.ERROR_ACCESS_DENIED) }
