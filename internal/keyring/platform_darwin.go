package keyring

import (
	"errors"
	"os/exec"
)

// The security tool ends with the low byte of an OSStatus.
const (
	errSecInteractionNotAllowed = 36  // -25308: locked, and no window to ask in (ssh)
	errSecAuthFailed            = 51  // -25293: the wrong password
	errSecUserCanceled          = 128 // -128: the person closed the window
)

func platformKind(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return ErrFailed
	}
	switch exit.ExitCode() {
	case errSecInteractionNotAllowed, errSecAuthFailed, errSecUserCanceled:
		return ErrLocked
	}
	return ErrFailed
}
