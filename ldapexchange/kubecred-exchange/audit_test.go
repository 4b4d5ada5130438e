package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
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

// Nor does one that was cut off before the file was opened: a reload is what
// people do once a disk has room.
func TestTornLineEndsAfterAReload(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "audit.log")
	for _, torn := range []string{"", "{\"half", "{}\n"} {
		if err := os.WriteFile(file, []byte(torn), 0o600); err != nil {
			t.Fatal(err)
		}
		audit, closer, err := openAudit(config.Audit{File: file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		audit.Info("whole")
		closer.Close()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if last := lines[len(lines)-1]; !json.Valid([]byte(last)) || strings.Contains(string(text), "\n\n") {
			t.Errorf("after %q: %q", torn, text)
		}
	}
}
