package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/kubecred/kubecred/internal/term"
)

// A failure is two lines on stderr and an exit code. The packages below return
// typed errors; what a person can do about them is said here and in hints.go.

// Exit codes. No Kubernetes client interprets them, people's scripts do: they
// are documented in docs/signing-in.md and do not change their meaning.
const (
	exitOther       = 1   // anything else
	exitConfig      = 2   // a flag, a setting or the kubeconfig is wrong
	exitLoginNeeded = 3   // a person must sign in, and none can be asked here
	exitNetwork     = 4   // the provider cannot be reached; later may help
	exitDenied      = 5   // the provider said no, or its answer was refused
	exitTimeout     = 6   // nobody signed in in time
	exitCache       = 7   // the keyring or the cache cannot be used
	exitInterrupted = 130 // Ctrl-C, or the parent died
)

// failure is an error that says what to do.
type failure struct {
	err  error
	hint string
	code int
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usageError is a mistake in how the program was called.
func usageError(format string, args ...any) error {
	return mistake("kubecred --help lists the commands, and their --help the flags", format, args...)
}

// mistake is a usageError with a hint of its own.
func mistake(hint, format string, args ...any) error {
	return &failure{fmt.Errorf(format, args...), hint, exitConfig}
}

// maxLine bounds the error line, in runes.
const maxLine = 1000

// report writes the two lines and returns the exit code. Whatever err holds,
// the lines stay two, and without control characters.
func report(w io.Writer, err error) int {
	var f *failure
	if !errors.As(err, &f) {
		f = explain(err)
	}
	text := "error: " + oneLine(err.Error()) + "\n"
	if f.hint != "" {
		text += "hint: " + strings.Map(visible, f.hint) + "\n"
	}
	io.WriteString(w, text)
	return f.code
}

func oneLine(s string) string {
	return term.Clean(strings.ReplaceAll(strings.TrimSpace(s), "\n", "; "), maxLine)
}

// visible drops what is no ink and no ASCII space. A hint may hold a command,
// which has to work as it is printed: it is not cut, and its blanks stay.
func visible(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}

// interrupted reports whether ctx ended by Ctrl-C or with the parent.
func interrupted(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return cause != nil && !errors.Is(cause, context.DeadlineExceeded)
}
