package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/kubecred/kubecred/internal/term"
)

// ExitConfig is the exit code of a Mistake, in both programs.
const ExitConfig = 2

// Failure is an error that says what to do: an error line, a hint line and an
// exit code.
type Failure struct {
	err  error
	Hint string // may be empty
	Code int
}

// Fail makes a Failure of err.
func Fail(err error, hint string, code int) *Failure { return &Failure{err, hint, code} }

// Mistake is a wrong call.
func Mistake(hint, format string, args ...any) error {
	return Fail(fmt.Errorf(format, args...), hint, ExitConfig)
}

// Error implements error.
func (f *Failure) Error() string { return f.err.Error() }

// Unwrap returns the error that was made a Failure.
func (f *Failure) Unwrap() error { return f.err }

// MaxLine bounds a line of an error, in runes.
const MaxLine = 1000

// Report writes err in at most as many lines as are given, then its hint, and
// returns the exit code. What is no Failure, explain makes one.
func Report(w io.Writer, err error, lines int, explain func(error) *Failure) int {
	var f *Failure
	if !errors.As(err, &f) {
		f = explain(err)
	}
	var text strings.Builder
	lead := "error: "
	for _, line := range strings.SplitN(strings.TrimSpace(err.Error()), "\n", lines) {
		text.WriteString(lead + OneLine(line) + "\n")
		lead = "       "
	}
	if f.Hint != "" {
		text.WriteString("hint: " + strings.Map(visible, f.Hint) + "\n")
	}
	io.WriteString(w, text.String())
	return f.Code
}

// OneLine makes of any text one line to show.
func OneLine(s string) string {
	return term.Clean(strings.ReplaceAll(strings.TrimSpace(s), "\n", "; "), MaxLine)
}

// visible drops what is no ink and no ASCII space. A hint may hold a command,
// which has to work as it is printed: it is not cut, and its blanks stay.
func visible(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}
