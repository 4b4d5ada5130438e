package main

// The teller prints: plain text, and bold titles where a terminal shows them.

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

type teller struct {
	out  io.Writer
	bold bool
}

func newTeller(out io.Writer) *teller { return &teller{out: out, bold: isTerminal(out)} }

// isTerminal reports whether bold text would show as such. Older Windows
// consoles would show the codes.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok || runtime.GOOS == "windows" || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (t *teller) title(text string) {
	if t.bold {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	fmt.Fprintf(t.out, "\n%s\n", text)
}

func (t *teller) line(format string, args ...any) {
	fmt.Fprintf(t.out, "  "+format+"\n", args...)
}

func (t *teller) blank() { fmt.Fprintln(t.out) }

// text prints several lines, set in.
func (t *teller) text(text string) {
	for line := range strings.Lines(text) {
		fmt.Fprint(t.out, "    ", line)
	}
	fmt.Fprintln(t.out)
}

// command prints what is run, one argument a line.
func (t *teller) command(args []string) {
	t.text("$ kubecred " + strings.Join(args, " \\\n    "))
}
