package control

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// operator answers what the test says.
type operator struct {
	replaced bool
	target   Target
	err      error
	backup   func(io.Writer) error
}

func (o *operator) Rotate(_ context.Context, replace bool) (Rotation, error) {
	o.replaced = replace
	return Rotation{Key: "k", Signs: time.Unix(1, 0).UTC()}, o.err
}

func (o *operator) Revoke(_ context.Context, t Target) (int, error) {
	o.target = t
	return 3, o.err
}

func (o *operator) Sessions(context.Context) ([]Session, error) {
	return []Session{{ID: "s", User: "alice", Expires: time.Unix(2, 0).UTC()}}, o.err
}

func (o *operator) Backup(_ context.Context, w io.Writer) error { return o.backup(w) }

// serve starts a server in a folder whose path is short.
func serve(t *testing.T, op Operator) (*Server, string) {
	t.Helper()
	folder := filepath.Join(short(t), "control")
	s, err := Serve(folder, op)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, folder
}

func short(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "x")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

func dial(t *testing.T, folder string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCommandsReachTheService(t *testing.T) {
	op := &operator{backup: func(w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte("state"), 1<<16))
		return err
	}}
	_, folder := serve(t, op)
	c := dial(t, folder)
	if got, err := c.Rotate(t.Context(), true); err != nil || got.Key != "k" || !got.Signs.Equal(time.Unix(1, 0)) || !op.replaced {
		t.Errorf("Rotate: %+v, %v", got, err)
	}
	want := Target{OneUser, "ülf \"x\""}
	if n, err := c.Revoke(t.Context(), want); err != nil || n != 3 || op.target != want {
		t.Errorf("Revoke: %d, %v, %+v", n, err, op.target)
	}
	if got, err := c.Sessions(t.Context()); err != nil || len(got) != 1 || got[0].User != "alice" {
		t.Errorf("Sessions: %+v, %v", got, err)
	}
	var copied bytes.Buffer
	if err := c.Backup(t.Context(), &copied); err != nil || copied.Len() != 5<<16 {
		t.Errorf("Backup: %d bytes, %v", copied.Len(), err)
	}
}

func TestErrorsComeBack(t *testing.T) {
	op := &operator{err: ErrTarget}
	_, folder := serve(t, op)
	c := dial(t, folder)
	if _, err := c.Revoke(t.Context(), Target{Kind: OneUser, Name: "bob"}); !errors.Is(err, ErrTarget) {
		t.Errorf("not ErrTarget: %v", err)
	}
	op.err = errors.New("the disk is full")
	if _, err := c.Sessions(t.Context()); err == nil || err.Error() != "the disk is full" {
		t.Errorf("another error: %v", err)
	}
}

// Half a copy must not pass for a whole one.
func TestABackupThatBreaksOffFails(t *testing.T) {
	_, folder := serve(t, &operator{backup: func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
		return errors.New("broken")
	}})
	if err := dial(t, folder).Backup(t.Context(), io.Discard); err == nil {
		t.Error("half a copy is a whole one")
	}
}

func TestNobodyListens(t *testing.T) {
	folder := short(t)
	if _, err := Dial(t.Context(), filepath.Join(folder, "none")); !errors.Is(err, ErrNotRunning) {
		t.Errorf("no folder: %v", err)
	}
	s, at := serve(t, &operator{})
	s.Close()
	if _, err := Dial(t.Context(), at); !errors.Is(err, ErrNotRunning) {
		t.Errorf("it has ended: %v", err)
	}
	left := filepath.Join(folder, "left")
	leave(t, left)
	if _, err := Dial(t.Context(), left); !errors.Is(err, ErrNotRunning) {
		t.Errorf("it was killed: %v", err)
	}
}

// leave leaves a socket behind, as a process does that is killed.
func leave(t *testing.T, folder string) {
	t.Helper()
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket(folder), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestASocketThatWasLeftBehindIsReplaced(t *testing.T) {
	folder := filepath.Join(short(t), "control")
	leave(t, folder)
	s, err := Serve(folder, &operator{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := dial(t, folder).Sessions(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheOwnerMayOpenIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes mean nothing there")
	}
	_, folder := serve(t, &operator{})
	for path, want := range map[string]os.FileMode{folder: 0o700, socket(folder): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	open := filepath.Join(short(t), "open")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o750)); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(short(t), "link")
	if err := os.Symlink(folder, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{open, link} {
		if s, err := Serve(path, &operator{}); err == nil {
			s.Close()
			t.Errorf("%s is taken", path)
		}
	}
}

func TestALongPathIsNoHindrance(t *testing.T) {
	folder := filepath.Join(short(t), strings.Repeat("x", 100))
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	folder = filepath.Join(folder, "control")
	s, err := Serve(folder, &operator{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, folder).Sessions(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(socket(folder)); err == nil {
		t.Error("the socket stays")
	}
	if _, err := Dial(t.Context(), folder); !errors.Is(err, ErrNotRunning) {
		t.Errorf("it has ended: %v", err)
	}
}
