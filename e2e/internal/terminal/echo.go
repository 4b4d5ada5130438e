package terminal

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Echoes says whether the terminal shows what is typed, as a shell's does and a password prompt's does not.
func (t *Terminal) Echoes() (bool, error) {
	// Not Fd, which would make reads of the terminal block for good.
	raw, err := t.pty.SyscallConn()
	if err != nil {
		return false, err
	}
	var attributes *unix.Termios
	var failed error
	err = raw.Control(func(fd uintptr) { attributes, failed = unix.IoctlGetTermios(int(fd), getAttributes) })
	if err := errors.Join(err, failed); err != nil {
		return false, err
	}
	return attributes.Lflag&unix.ECHO != 0, nil
}
