//go:build !windows

package settings

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// odd has no owner.
type odd struct{ fs.FileInfo }

func (odd) Sys() any { return nil }

func TestCheckOwner(t *testing.T) {
	const me, other = 1000, 12345
	for _, test := range []struct {
		owner int
		mode  fs.FileMode
		by    writer
		ok    bool
	}{
		{0, 0o644, byAdministrator, true},
		{0, 0o600, byAdministrator, true},
		{0, 0o664, byAdministrator, false},
		{0, 0o646, byAdministrator, false},
		{me, 0o600, byAdministrator, false},
		{other, 0o644, byAdministrator, false},
		{0, 0o644, byUser, true},
		{me, 0o600, byUser, true},
		{me, 0o620, byUser, false},
		{me, 0o602, byUser, false},
		{other, 0o600, byUser, false},
	} {
		err := checkOwned(test.owner, me, test.mode, test.by)
		if (err == nil) != test.ok {
			t.Errorf("%+v: %v", test, err)
		}
	}
	if checkOwner(nil, odd{}, byUser) == nil {
		t.Error("a file without an owner was accepted")
	}
}

// The checks of a real file, which only root can give away.
func TestOwnerOfARealFile(t *testing.T) {
	p := newPlace(t)
	p.check = nil
	p.write(p.User, "profiles: {p: {account: a}}")
	in := Input{Files: p.Files, Flags: usual(t, "--profile=p")}
	if s := mustResolve(t, in); s.Account != "a" {
		t.Errorf("account %q", s.Account)
	}
	if err := os.Chmod(p.User, 0o666); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, in, Untrusted, "")
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	if err := errors.Join(os.Chmod(p.User, 0o600), os.Chown(p.User, 12345, 12345)); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, in, Untrusted, "")
	p.write(p.Policy, "deny-insecure: true\n")
	mustResolve(t, Input{Files: p.Files, Flags: usual(t)})
	if err := os.Chown(p.Policy, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, Input{Files: p.Files, Flags: usual(t)}, Untrusted, "")
}

// A pipe that nobody writes to would hold kubectl for ever.
func TestPipeIsRefusedAtOnce(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := new(Files).read(pipe, 10, byAnyone)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, errNotRegular) {
			t.Errorf("read: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("reading waits for a writer")
	}
}

// A relative XDG_RUNTIME_DIR is none (XDG Base Directory Specification).
func TestRuntimeFolder(t *testing.T) {
	t.Setenv("TMPDIR", "/tmp/of-macos")
	fallback := ""
	if runtime.GOOS == "darwin" {
		fallback = "/tmp/of-macos"
	}
	for value, want := range map[string]string{"/run/user/1": "/run/user/1", "run": fallback, "": fallback} {
		t.Setenv("XDG_RUNTIME_DIR", value)
		if got := SystemFiles().Runtime; got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}
