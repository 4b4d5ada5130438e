package control

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/windows"
)

// notRunning tells a socket that is not there, or that nobody listens on, from
// one that may not be opened.
func notRunning(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, windows.WSAECONNREFUSED) {
		return ErrNotRunning
	}
	return fmt.Errorf("the service cannot be reached: %w", err)
}
