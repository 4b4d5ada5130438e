package keyring

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// What a door answers when it does not answer with a key. Test for them with
// errors.Is; none of them proves that a key is lost.
var (
	// ErrNotFound: the door is open and no key of that ID was seen. It is no
	// proof: Linux falls back from the login collection to another, and a
	// missing keychain on macOS reads alike.
	ErrNotFound = errors.New("the key was not found")
	// ErrAbsent: there is no such keyring on this machine or in this session.
	ErrAbsent = errors.New("there is no keyring")
	// ErrLocked: it is there and must be unlocked by a person first.
	ErrLocked = errors.New("the keyring is locked")
	// ErrTimeout: it did not answer within the deadline.
	ErrTimeout = errors.New("the keyring did not answer in time")
	// ErrRefused: the kernel's keyring is turned off, or the kernel (a
	// container's seccomp) refuses it.
	ErrRefused = errors.New("the kernel's keyring is not to be used")
	// ErrFailed: anything else.
	ErrFailed = errors.New("the keyring failed")
)

// Error is what every door returns. It carries no secret, and nothing of a
// bus's answer that could move a terminal's cursor.
type Error struct {
	Kind   error  // one of the Err values above
	Detail string // what the system said, cleaned; may be empty
}

// Error implements error.
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Kind.Error()
	}
	return fmt.Sprintf("%v: %s", e.Kind, e.Detail)
}

// Unwrap lets errors.Is find Kind.
func (e *Error) Unwrap() error { return e.Kind }

const maxDetail = 200

func fail(kind error, detail string) error {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, detail)
	if len(clean) > maxDetail {
		clean = strings.ToValidUTF8(clean[:maxDetail], "")
	}
	return &Error{Kind: kind, Detail: clean}
}
