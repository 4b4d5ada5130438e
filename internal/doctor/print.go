package doctor

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	narrowest = 60
	widest    = 100
	usual     = 80

	markColumns = len("  warning  ")
)

// Print writes the report for a person, in lines of at most width columns; 0 is
// a width that is not known.
func (r Report) Print(w io.Writer, width int) {
	if width == 0 {
		width = usual
	}
	width = min(max(width, narrowest), widest)
	names := 0
	for _, line := range r.Checks {
		names = max(names, len(line.Check))
	}
	group := ""
	for _, line := range r.Checks {
		if line.Group != group {
			if group != "" {
				fmt.Fprintln(w)
			}
			group = line.Group
			fmt.Fprintln(w, group)
		}
		line.print(w, names, width)
	}
	fmt.Fprintf(w, "\n%s\n", wrap(r.summary(), 0, width))
}

func (l Line) print(w io.Writer, names, width int) {
	indent := markColumns + names + 2
	fmt.Fprintf(w, "  %-7s  %-*s  %s\n", l.Mark, names, l.Check, wrap(l.Found, indent, width))
	if l.Do == "" {
		return
	}
	margin := strings.Repeat(" ", indent)
	text, command, found := strings.Cut(l.Do, runs)
	if !found {
		fmt.Fprintf(w, "%s> %s\n", margin[2:], wrap(l.Do, indent, width))
		return
	}
	// A command is copied, and stays on one line.
	fmt.Fprintf(w, "%s> %s\n%s%s\n", margin[2:], wrap(text+strings.TrimSpace(runs), indent, width), margin, command)
}

// runs stands before a command that works as it is printed, up to the end.
const runs = "run: "

// wrap breaks text at its blanks, behind an indent. A word that is longer than a
// line stays whole: it may be a path or part of a command.
func wrap(text string, indent, width int) string {
	var out strings.Builder
	column := indent
	for i, word := range strings.Fields(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+length > width:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += length
	}
	return out.String()
}

// summary names what a person has to look at: a long report has scrolled by.
func (r Report) summary() string {
	if r.Mark == OK {
		return "Nothing is wrong."
	}
	var text strings.Builder
	if failed := r.named(Failed); len(failed) > 0 {
		fmt.Fprintf(&text, "%d failed: %s. ", len(failed), strings.Join(failed, ", "))
	}
	if warned := r.named(Warning); len(warned) > 0 {
		fmt.Fprintf(&text, "%s: %s. ", counted(len(warned), "warning"), strings.Join(warned, ", "))
	}
	return text.String() + "After each > stands what to do; docs/doctor.md says more."
}

// named returns the checks that ended with a mark.
func (r Report) named(m Mark) (names []string) {
	for _, line := range r.Checks {
		if line.Mark == m {
			names = append(names, line.Check)
		}
	}
	return names
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
