// Package directory answers one question: who is this, and may they in? It
// asks an LDAP directory (LDAP) or a file of users (Users).
//
// Who somebody is comes from the directory's attributes and never from what
// was typed: "ALICE" and "alice " are one user. A name or a password that
// cannot be right is refused before anything is dialled; above all an empty
// password, which LDAP takes for an anonymous bind that succeeds (RFC 4513,
// section 5.1.2; CVE-2017-14623).
//
// An unknown user and a wrong password are one error. They take like time as
// far as this package can see to it: a file of users is asked for one hash
// either way; a directory is sent one search and one bind either way, and a
// refusal is told no sooner than Options.RefuseAfter. What the guarantee does
// not cover is a directory that takes longer than that to hash a password, and
// an account that the directory itself tells apart, such as a locked one.
//
// No error holds a password, a name or a DN that was typed, nor the words of a
// server.
package directory

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kubecred/kubecred/internal/secret"
)

// The longest input that is looked at, in bytes.
const (
	MaxName     = 256
	MaxPassword = 1024
)

// Identity is who somebody is, from the directory's attributes.
type Identity struct {
	ID     string   // stable in the directory: entryUUID, objectGUID, or the name in a file of users
	Name   string   // the user name
	Email  string   // may be empty
	Groups []string // names, sorted, each once
}

// checkInput returns the name without the blanks around it, or an *InputError.
func checkInput(name string, password secret.Text) (string, error) {
	name, err := checkName(name)
	if err != nil {
		return "", err
	}
	return name, checkPassword(password)
}

func checkName(name string) (string, error) {
	if len(name) > MaxName {
		return "", &InputError{"the user name", fmt.Sprintf("is longer than %d bytes", MaxName)}
	}
	if !utf8.ValidString(name) {
		return "", &InputError{"the user name", "is not UTF-8"}
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return "", &InputError{"the user name", "holds control characters"}
	}
	if name = strings.TrimSpace(name); name == "" {
		return "", &InputError{"the user name", "is empty"}
	}
	return name, nil
}

// checkPassword refuses a NUL too: a server in C may read an empty password
// before it.
func checkPassword(password secret.Text) error {
	text := password.Reveal()
	switch {
	case text == "":
		return &InputError{"the password", "is empty"}
	case len(text) > MaxPassword:
		return &InputError{"the password", fmt.Sprintf("is longer than %d bytes", MaxPassword)}
	case !utf8.ValidString(text):
		return &InputError{"the password", "is not UTF-8"}
	case strings.ContainsRune(text, 0):
		return &InputError{"the password", "holds a NUL"}
	}
	return nil
}

// sorted returns the names in order, each once and none empty.
func sorted(names []string) []string {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
	slices.Sort(names)
	return slices.Compact(names)
}
