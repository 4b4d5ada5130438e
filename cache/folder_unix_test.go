//go:build !windows

package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const nobody = 65534

func systemChildren() map[string]func(dir string) error {
	return map[string]func(dir string) error{"umask": childUmask, "read only": childReadOnly, "roots folder": childRootsFolder}
}

// ordinary returns a folder that an ordinary user owns, and makes cmd run as
// this user: root's rights would hide what is tested.
func ordinary(t *testing.T, cmd *exec.Cmd) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "kubecred")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if os.Getuid() != 0 {
		return dir
	}
	program := filepath.Join(dir, "cache.test")
	// cp and not this process: a test that forks while the copy is open for
	// writing would keep it so, and running it fail (golang.org/issue/22315).
	if err := errors.Join(exec.Command("cp", cmd.Path, program).Run(), os.Chown(dir, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Dir = program, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return dir
}

// output runs cmd and returns what it printed.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// Test 10: 0700 and 0600 despite umask.
func TestModesDespiteUmask(t *testing.T) {
	for _, mask := range []string{"0", "022", "0777"} {
		t.Run(mask, func(t *testing.T) {
			t.Parallel()
			cmd := child(t, "umask", "", stepEnv+"="+mask)
			dir := ordinary(t, cmd)
			cmd.Env = append(cmd.Env, dirEnv+"="+dir)
			output(t, cmd)
			err := filepath.WalkDir(filepath.Join(dir, "a"), func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := d.Info()
				want := fs.FileMode(fileMode)
				if d.IsDir() {
					want = fs.ModeDir | folderMode
				}
				if err == nil && info.Mode() != want {
					t.Errorf("%s is %v, want %v", path, info.Mode(), want)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func childUmask(dir string) error {
	mask, err := strconv.ParseInt(os.Getenv(stepEnv), 8, 32)
	if err != nil {
		return err
	}
	syscall.Umask(int(mask))
	for _, text := range []string{"first", "second"} { // the second meets what the first made
		s, err := Open(Options{Dir: filepath.Join(dir, "a", "b", "kubecred"), Storage: File})
		if err != nil {
			return err
		}
		if _, err := s.Prepare(context.Background()); err != nil {
			return err
		}
		if err := save(s, entry, record(text)); err != nil {
			return err
		}
	}
	return nil
}

func TestReadOnlyFolderServesWhatItHolds(t *testing.T) {
	cmd := child(t, "read only", "")
	dir := ordinary(t, cmd)
	cmd.Env = append(cmd.Env, dirEnv+"="+dir)
	if got := output(t, cmd); got != "served" {
		t.Error(got)
	}
}

func childReadOnly(dir string) error {
	ctx := context.Background()
	dir = filepath.Join(dir, "kubecred")
	s, err := Open(Options{Dir: dir, Storage: File})
	if err != nil {
		return err
	}
	if err := save(s, entry, record("token")); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(dir, "locks", entry.String()+".lock"), 0); err != nil {
		return err
	}
	for _, folder := range []string{"file", "locks", ""} {
		if err := os.Chmod(filepath.Join(dir, folder), 0o500); err != nil {
			return err
		}
	}
	if r, err := s.Load(ctx, entry); err != nil || string(r.Payload) != "token" {
		return fmt.Errorf("Load = %q, %w", r.Payload, err)
	}
	_, prepareErr := s.Prepare(ctx)
	for _, err := range []error{save(s, entry, record("new")), prepareErr, s.Remove(ctx, entry)} {
		var unwritable *UnwritableError
		if !errors.As(err, &unwritable) || !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("error = %w", err)
		}
	}
	// Where no lock file can be made or opened, this process is on its own.
	for _, id := range []ID{NewID([]byte("another")), entry, entry} {
		unlock, err := s.Lock(ctx, id)
		if err != nil {
			return err
		}
		unlock()
	}
	fmt.Println("served")
	return nil
}

func TestRootsFolderIsRefused(t *testing.T) {
	cmd := child(t, "roots folder", "")
	ordinary(t, cmd)
	if got := output(t, cmd); got != "refused" {
		t.Error(got)
	}
}

func childRootsFolder(string) error {
	s, err := Open(Options{Dir: "/usr", Storage: File})
	if err != nil {
		return err
	}
	_, err = s.Lock(context.Background(), entry)
	var unsafe *UnsafeError
	if !errors.As(err, &unsafe) {
		return fmt.Errorf("Lock: %v", err)
	}
	fmt.Println("refused")
	return nil
}
