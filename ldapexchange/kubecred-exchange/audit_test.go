package main

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// narrow takes a few bytes and then no more.
type narrow struct {
	bytes.Buffer
	left int
}

func (n *narrow) Write(p []byte) (int, error) {
	if len(p) > n.left {
		p = p[:n.left]
	}
	n.left -= len(p)
	wrote, _ := n.Buffer.Write(p)
	if n.left == 0 {
		return wrote, errors.New("no space left on device")
	}
	return wrote, nil
}

// A line that a full disk cut off spoils no other.
func TestTornLineEnds(t *testing.T) {
	t.Parallel()
	to := &narrow{left: 7}
	w := &wholeLines{to: to}
	for _, c := range []struct {
		line string
		room int
		want error
	}{
		{"one\n", 0, nil}, {"two\n", 0, io.ErrShortWrite}, {"three\n", 0, io.ErrShortWrite},
		{"four\n", 100, nil}, {"five\n", 0, nil},
	} {
		to.left += c.room
		if n, err := w.Write([]byte(c.line)); (err == nil) != (c.want == nil) || err == nil && n != len(c.line) {
			t.Errorf("%q: %d, %v", c.line, n, err)
		}
	}
	if got := to.String(); got != "one\ntwo\nfour\nfive\n" {
		t.Errorf("%q", got)
	}
}
