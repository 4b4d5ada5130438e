package kubeconfig

import (
	"errors"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// nobody is who may not read what is others'.
const nobody = 65534

func TestForbiddenFile(t *testing.T) {
	path := write(t, one)[0]
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	loaded := make(chan error)
	go func() {
		if os.Geteuid() == 0 { // root reads everything; this thread, which ends with its goroutine, does not
			runtime.LockOSThread()
			if _, err := unix.SetfsuidRetUid(nobody); err != nil {
				t.Error(err)
			}
		}
		_, err := Load([]string{path})
		loaded <- err
	}()
	var broken *FileError
	if err := <-loaded; !errors.As(err, &broken) || broken.Path != path {
		t.Errorf("%v", err)
	}
}
