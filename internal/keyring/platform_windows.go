package keyring

import (
	"errors"

	"golang.org/x/sys/windows"
)

// platformKind: a service or a network logon has no credential set at all.
func platformKind(err error) error {
	if errors.Is(err, windows.ERROR_NO_SUCH_LOGON_SESSION) {
		return ErrAbsent
	}
	return ErrFailed
}
