package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/kubecred/kubecred/internal/term"
)

// A failure is two lines on stderr and an exit code, as kubecred's own are.

// Exit codes. People's scripts read them: they are documented in
// docs/operations.md and do not change their meaning.
const (
	exitOther       = 1   // anything else
	exitConfig      = 2   // a flag, the configuration or a file that it names is wrong
	exitNetwork     = 4   // the directory cannot be reached; later may help
	exitDenied      = 5   // the directory refused the service account or the user
	exitState       = 7   // the state cannot be used: another process has it, the disk is full
	exitInterrupted = 130 // Ctrl-C where it ends nothing well
)

// failure is an error that says what to do.
type failure struct {
	err  error
	hint string
	code int
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// mistake is a wrong call.
func mistake(hint, format string, args ...any) error {
	return &failure{fmt.Errorf(format, args...), hint, exitConfig}
}

const (
	maxLine  = 1000 // runes of one line
	maxLines = 25   // a configuration may have several problems
)

// report writes the lines and returns the exit code. Whatever err holds, there
// are no control characters in them.
func report(w io.Writer, err error) int {
	var f *failure
	if !errors.As(err, &f) {
		f = explain(err)
	}
	var text strings.Builder
	for i, line := range strings.SplitN(strings.TrimSpace(err.Error()), "\n", maxLines) {
		if i == 0 {
			text.WriteString("error: ")
		} else {
			text.WriteString("       ")
		}
		text.WriteString(oneLine(line) + "\n")
	}
	if f.hint != "" {
		text.WriteString("hint: " + strings.Map(visible, f.hint) + "\n")
	}
	io.WriteString(w, text.String())
	return f.code
}

func oneLine(s string) string {
	return term.Clean(strings.ReplaceAll(strings.TrimSpace(s), "\n", "; "), maxLine)
}

// visible drops what is no ink and no ASCII space. A hint may hold a command,
// which has to work as it is printed.
func visible(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}
