package server

import (
	"fmt"
	"strings"
	"testing"
)

// digestOf signs in and returns what the audit calls the name.
func (w *world) digestOf(name string) string {
	w.t.Helper()
	w.login("username", name, "password", "wrong")
	digest, _ := w.lastLine("password")["name_digest"].(string)
	if len(digest) != 8 {
		w.t.Errorf("%q is told as %q", name, digest)
	}
	return digest
}

// A password in the user name's field stays with who typed it.
func TestTypedNameIsNotTold(t *testing.T) {
	const typed = "Tr0ub4dor&3"
	w := newWorld(t)
	w.digestOf(typed)
	w.certificate("a", basic(typed, "wrong"))
	w.state.set(func(s *fakeState) { s.limit = 1 })
	w.login("username", typed)
	w.state.set(func(s *fakeState) { s.err = fmt.Errorf("no count of %s", typed) })
	w.login("username", typed)
	w.state.set(func(s *fakeState) { s.err, s.limit = nil, 0 })
	w.directory.set(func(d *fakeDirectory) { d.err = ErrGone })
	w.login("username", typed)
	w.directory.set(func(d *fakeDirectory) { d.err = fmt.Errorf("no answer about uid=%s", typed) })
	w.login("username", typed)
	if lines := w.lines("password"); len(lines) != 5 {
		t.Errorf("%v", lines)
	}
	if told := w.told.String(); strings.Contains(strings.ToLower(told), strings.ToLower(typed)) || strings.Count(told, "request failed") != 2 {
		t.Error(told)
	}
}

func TestFailuresOfOneNameAreSeen(t *testing.T) {
	w := newWorld(t)
	mallory := w.digestOf("mallory")
	if w.digestOf(" MALLORY ") != mallory || w.digestOf("mallory2") == mallory {
		t.Error("names cannot be told apart, or spellings can")
	}
	if newWorld(t).digestOf("mallory") == mallory {
		t.Error("another process has the same key")
	}
	o := w.server.o
	o.Replaces = w.server
	next, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.handler = next.Handler()
	if w.digestOf("mallory") != mallory {
		t.Error("a reload changes the key")
	}
}

// A name that the directory knows is told.
func TestKnownNameIsTold(t *testing.T) {
	w := newWorld(t)
	w.login("username", "ALICE").tokens(t)
	if line := w.lastLine("password"); line["name"] != "Alice" || line["name_digest"] != w.digestOf("alice") {
		t.Errorf("%v", line)
	}
	if line := w.lastLine("password"); line["name"] != nil {
		t.Errorf("%v", line)
	}
	w.directory.set(func(d *fakeDirectory) { d.err = &AccountError{AccountLocked} })
	w.login("username", "alice")
	if line := w.lastLine("password"); line["name"] != "alice" || line["reason"] != "account locked" {
		t.Errorf("%v", line)
	}
}
