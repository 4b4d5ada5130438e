package cache

import (
	"errors"
	"fmt"

	"github.com/kubecred/kubecred/internal/keyring"
)

// ErrMiss: there is no usable entry. Find it with errors.Is; an
// *UnreadableError is a miss as well and says why.
var ErrMiss = errors.New("no usable entry in the cache")

// ErrTooBig: a payload is larger than MaxPayload.
var ErrTooBig = errors.New("the credential is too big for the cache")

// UnreadableError is a miss: the file is there but does not open. The next
// Save renames it aside.
type UnreadableError struct {
	Path, Reason string
	// KeyMissing: with its data key back, as in another session's keyring, it
	// opens again.
	KeyMissing bool
}

// Error implements error.
func (e *UnreadableError) Error() string { return e.Path + ": " + e.Reason }

// Is makes it an ErrMiss.
func (e *UnreadableError) Is(target error) bool { return target == ErrMiss }

// NewerFormatError: a later version of the program wrote the entry. It is
// neither read nor replaced.
type NewerFormatError struct {
	Path    string
	Version int
}

// Error implements error.
func (e *NewerFormatError) Error() string {
	return fmt.Sprintf("%s: written by a newer version (format %d; this one knows %d)", e.Path, e.Version, version)
}

// LockedError: the keyring that holds the data key is locked. Nothing is lost.
type LockedError struct {
	Home Home
	Err  error
}

// Error implements error.
func (e *LockedError) Error() string { return e.Err.Error() }

// Unwrap returns the keyring's own error.
func (e *LockedError) Unwrap() error { return e.Err }

// Reason says in which way a keyring is unavailable.
type Reason string

// The reasons.
const (
	Absent   Reason = "absent"    // there is none, or none in this session
	TimedOut Reason = "timed out" // it did not answer within the deadline
	Refused  Reason = "refused"   // the kernel's: turned off, a container, seccomp
	Failed   Reason = "failed"    // anything else
)

// UnavailableError: the home of the data key cannot be used. Nothing is lost.
type UnavailableError struct {
	Home   Home
	Reason Reason
	Err    error
}

// Error implements error.
func (e *UnavailableError) Error() string { return e.Err.Error() }

// Unwrap returns the keyring's own error.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Is finds one of the same Reason.
func (e *UnavailableError) Is(target error) bool {
	other, ok := target.(*UnavailableError)
	return ok && other.Reason == e.Reason
}

// UnsafeError: a file or folder that another user could have made or changed,
// or a symbolic link. It is not used.
type UnsafeError struct{ Path, Reason string }

// Error implements error.
func (e *UnsafeError) Error() string { return e.Path + ": " + e.Reason }

// UnwritableError: the folder holds entries but takes none (read-only, full).
type UnwritableError struct {
	Path string
	Err  error
}

// Error implements error.
func (e *UnwritableError) Error() string { return "cannot write to " + e.Path + ": " + e.Err.Error() }

// Unwrap returns the system's error.
func (e *UnwritableError) Unwrap() error { return e.Err }

// failure gives a home's error its type. Those of the context, of folders and
// files pass as they are.
func failure(home Home, err error) error {
	switch {
	case errors.Is(err, keyring.ErrLocked):
		return &LockedError{home, err}
	case errors.Is(err, keyring.ErrAbsent):
		return &UnavailableError{home, Absent, err}
	case errors.Is(err, keyring.ErrTimeout):
		return &UnavailableError{home, TimedOut, err}
	case errors.Is(err, keyring.ErrRefused):
		return &UnavailableError{home, Refused, err}
	case errors.Is(err, keyring.ErrFailed), errors.Is(err, keyring.ErrNotFound):
		return &UnavailableError{home, Failed, err}
	}
	return err
}

func isAbsent(err error) bool {
	var unavailable *UnavailableError
	return errors.As(err, &unavailable) && unavailable.Reason == Absent
}
