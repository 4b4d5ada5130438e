package settings

// One typed error for all that can be wrong with a setting. It never holds a
// value that may be a secret; the hint that goes with it is cmd's.

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Problem is what is wrong with a setting.
type Problem string

// The problems.
const (
	// Missing: a setting that is required, or a profile that is named, is not there.
	Missing Problem = "missing"
	// Invalid: the value breaks the setting's rules, or contradicts another.
	Invalid Problem = "invalid"
	// Unknown: there is no such flag or key.
	Unknown Problem = "unknown"
	// Mixed: a part of the bundle comes from another source than the issuer.
	Mixed Problem = "mixed"
	// Unbound: a secret in a variable, and nothing says which issuer it is for.
	Unbound Problem = "unbound"
	// Denied: the policy forbids it.
	Denied Problem = "denied"
	// Unreadable: a file cannot be opened or read.
	Unreadable Problem = "unreadable"
	// Untrusted: a file of the policy or the configuration could have been
	// written by someone else.
	Untrusted Problem = "untrusted"
)

// Error is a setting that cannot be used.
type Error struct {
	Problem Problem
	Setting string // its name, or "" where a whole source is meant
	Source  Source // where it came from; the zero Source where nobody gave it
	Detail  string // what is wrong, without a secret
	Err     error  // the cause, if any
}

// Error names the setting, its source and what is wrong.
func (e *Error) Error() string {
	if e.Problem == Missing && e.Source == (Source{Kind: FromDefault}) {
		return e.Setting + " " + e.Detail
	}
	parts := []string{e.subject(), e.Detail}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return strings.Join(parts, ": ")
}

// subject leaves the setting's name out where the source's says it.
func (e *Error) subject() string {
	switch e.Source.Kind {
	case "", FromDefault:
		return e.Setting
	case FromFlag, FromKubeconfig, FromVariable:
		return e.Source.String()
	}
	if e.Setting == "" {
		return e.Source.String()
	}
	return e.Setting + " (" + e.Source.String() + ")"
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func invalid(format string, args ...any) *Error {
	return &Error{Problem: Invalid, Detail: fmt.Sprintf(format, args...)}
}

// printable makes text from outside fit for one line of a message: at most max
// runes, and nothing that a terminal would act on.
func printable(s string, max int) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
	if runes := []rune(clean); len(runes) > max {
		return string(runes[:max]) + "…"
	}
	return clean
}
