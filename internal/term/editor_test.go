package term

import (
	"bytes"
	"strings"
	"testing"
)

// typed feeds text to an editor and returns what is left after the answer.
func typed(e *editor, text string) (outcome, string) {
	for i := range len(text) {
		if o := e.feed(text[i]); o != more {
			return o, text[i+1:]
		}
	}
	return more, ""
}

func TestEditor(t *testing.T) {
	tests := []struct {
		name, keys string
		want       outcome
		text, rest string
	}{
		{"a line", "hello\r", submitted, "hello", ""},
		{"line feed", "hello\n", submitted, "hello", ""},
		{"empty", "\r", submitted, "", ""},
		{"what follows stays", "user\rpass\r", submitted, "user", "pass\r"},
		{"no end", "hel", more, "hel", ""},
		{"backspace", "helo\x7flo\r", submitted, "hello", ""},
		{"the other backspace", "x\x08y\r", submitted, "y", ""},
		{"backspace on nothing", "\x7f\x08a\r", submitted, "a", ""},
		{"backspace takes a whole rune", "aé漢\x7f\x7f\r", submitted, "a", ""},
		{"backspace in broken UTF-8", "a\xc3\x7f\r", submitted, "a", ""},
		{"Ctrl-U", "wrong\x15right\r", submitted, "right", ""},
		{"Ctrl-C", "abc\x03rest", canceled, "abc", "rest"},
		{"Ctrl-D on nothing", "\x04", canceled, "", ""},
		{"Ctrl-D in a line does nothing", "ab\x04c\r", submitted, "abc", ""},
		{"NUL and control characters", "a\x00b\x01\x1a\x1cc\r", submitted, "abc", ""},
		{"tab", "a\tb\r", submitted, "ab", ""},
		{"bytes that are not UTF-8 stay", "a\xff\xfeb\r", submitted, "a\xff\xfeb", ""},
		{"arrows", "a\x1b[D\x1b[1;5Cb\x1bOAc\r", submitted, "abc", ""},
		{"Escape, then Enter", "a\x1b\r", submitted, "a", ""},
		{"Escape, then Ctrl-C", "a\x1b\x03", canceled, "a", ""},
		{"Escape twice", "a\x1b\x1b[Ab\r", submitted, "ab", ""},
		{"Alt-x", "a\x1bxb\r", submitted, "axb", ""},
		{"broken sequence, then Enter", "a\x1b[12\r", submitted, "a", ""},
		{"endless sequence", "\x1b[" + strings.Repeat("1", 100) + "\r", submitted, strings.Repeat("1", 100-maxSequence+2), ""},
		{"pasted", "\x1b[200~abc\x1b[201~\r", submitted, "abc", ""},
		{"pasted over several lines", "\x1b[200~http://localhost\r\n:8000\n\x1b[201~/x\r", submitted, "http://localhost:8000/x", ""},
		{"a pasted command is not run", "\x1b[200~code\rrm -rf /\r\x1b[201~\r", submitted, "coderm -rf /", ""},
		{"paste without an end can be left", "\x1b[200~abc\r\x03", canceled, "abc", ""},
		{"pasted twice", "\x1b[200~a\x1b[201~\x1b[200~b\x1b[201~\r", submitted, "ab", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := &editor{limit: 1000}
			got, rest := typed(e, tt.keys)
			if got != tt.want || string(e.text) != tt.text || rest != tt.rest {
				t.Errorf("%v %q, then %q; want %v %q, then %q", got, e.text, rest, tt.want, tt.text, tt.rest)
			}
			if e.interrupted != strings.Contains(tt.keys, "\x03") {
				t.Errorf("interrupted: %v", e.interrupted)
			}
		})
	}
}

func TestEditorKeepsATabInAPassword(t *testing.T) {
	e := &editor{limit: 10, tabs: true}
	if typed(e, "a\tb\r"); string(e.text) != "a\tb" {
		t.Errorf("%q", e.text)
	}
}

func TestEditorIsBounded(t *testing.T) {
	e := &editor{limit: 4}
	if typed(e, "abcd"); e.overflow {
		t.Error("the limit itself is too long")
	}
	if typed(e, "e"); !e.overflow || string(e.text) != "abcd" {
		t.Errorf("%q, overflow %v", e.text, e.overflow)
	}
	if typed(e, "\x15ab"); e.overflow || string(e.text) != "ab" {
		t.Errorf("after Ctrl-U: %q, overflow %v", e.text, e.overflow)
	}
}

func FuzzEditor(f *testing.F) {
	f.Add([]byte("a\x7f\x1b[200~b\r\x1b[201~\x15c\r"), false)
	f.Add([]byte("\x1b[\x1bO\x03\xc3"), true)
	f.Fuzz(func(t *testing.T, keys []byte, tabs bool) {
		e := &editor{limit: 50, tabs: tabs}
		end := -1
		for i, b := range keys {
			if e.feed(b) != more {
				end = i
				break
			}
		}
		if len(e.text) > e.limit || len(e.sequence) > maxSequence {
			t.Fatalf("unbounded: %q, %q", e.text, e.sequence)
		}
		if i := bytes.IndexFunc(e.text, func(r rune) bool { return r < ' ' && (r != '\t' || !tabs) || r == 0x7f }); i >= 0 {
			t.Fatalf("a control character in %q", e.text)
		}
		if e.interrupted != (end >= 0 && keys[end] == ctrlC) {
			t.Fatalf("interrupted %v, ended by %d", e.interrupted, end)
		}
		if i := bytes.IndexByte(keys, ctrlC); i >= 0 && (end < 0 || end > i) {
			t.Fatal("Ctrl-C did not end the line")
		}
	})
}
