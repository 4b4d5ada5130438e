// Package secret keeps passwords, tokens and keys out of everything that is
// printed.
//
// A Text holds its value behind a pointer. The fmt package follows pointers
// only at the top level, where Text's own methods answer, so a Text buried in
// an unexported field of a struct prints as an address, and encoding/json
// prints it as {}. Nothing marshals a Text by accident: whoever stores one
// calls Reveal, and those calls are few and easy to find.
//
// The guarantee ends at Reveal, and it does not cover memory: Go copies
// strings and does not wipe them.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Redacted stands wherever a secret would have been printed.
const Redacted = "[REDACTED]"

// Text is a string that must not be shown. The zero Text is empty.
type Text struct{ value *string }

// New wraps s.
func New(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{&s}
}

// Reveal returns the string itself. Its result MUST NOT reach a log, an error
// or an argument list.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// Empty reports whether there is nothing to hide.
func (t Text) Empty() bool { return t.value == nil }

// Equal compares in time that does not depend on where the texts differ.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// String returns Redacted, or "" for an empty Text.
func (t Text) String() string {
	if t.Empty() {
		return ""
	}
	return Redacted
}

// Format implements fmt.Formatter, so that no verb and no flag gets through.
func (t Text) Format(f fmt.State, _ rune) { io.WriteString(f, t.String()) }

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }
