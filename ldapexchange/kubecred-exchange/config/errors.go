package config

import (
	"fmt"
	"strings"

	"github.com/kubecred/kubecred/internal/term"
)

// Error is one thing that is wrong with a configuration.
type Error struct {
	File    string // as it was named; empty until Load knows it
	Line    int    // 0 where the whole file is meant
	Key     string // the path of a key: clusters[0].audience
	Problem string // never repeats a value
}

func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	switch {
	case e.File != "" && e.Line > 0:
		parts = append(parts, fmt.Sprintf("%s, line %d", e.File, e.Line))
	case e.File != "":
		parts = append(parts, e.File)
	case e.Line > 0:
		parts = append(parts, fmt.Sprintf("line %d", e.Line))
	}
	if e.Key != "" {
		parts = append(parts, e.Key)
	}
	return strings.Join(append(parts, e.Problem), ": ")
}

// problems are all that is wrong, so that a file is mended in one go.
type problems []*Error

func (p problems) Error() string {
	var text []string
	for i, e := range p {
		if i == maxProblems {
			text = append(text, fmt.Sprintf("and %d more", len(p)-i))
			break
		}
		text = append(text, e.Error())
	}
	return strings.Join(text, "\n")
}

// Unwrap lets errors.As find the first one.
func (p problems) Unwrap() []error {
	all := make([]error, len(p))
	for i, e := range p {
		all[i] = e
	}
	return all
}

// in names the file in every problem; nil stays nil.
func (p problems) in(file string) error {
	if len(p) == 0 {
		return nil
	}
	for _, e := range p {
		e.File = file
	}
	return p
}

const maxKey = 80 // runes of a key that are repeated

func printable(s string) string { return term.Clean(s, maxKey) }
