//go:build !windows

package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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

// Test 10: symlinks and foreign owners refused, and what others may change.
func TestUnsafePlacesAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(dir, path string) error{
		"the folder is a link": func(dir, _ string) error {
			return errors.Join(os.Rename(dir, dir+"2"), os.Symlink(dir+"2", dir))
		},
		"the home's folder is a link": func(dir, _ string) error {
			home := filepath.Join(dir, "file")
			return errors.Join(os.Rename(home, dir+"2"), os.Symlink(dir+"2", home))
		},
		"the entry is a link": func(dir, path string) error {
			return errors.Join(os.Rename(path, dir+"2"), os.Symlink(dir+"2", path))
		},
		"the entry is a link to nothing": func(dir, path string) error {
			return errors.Join(os.Remove(path), os.Symlink(dir+"2", path))
		},
		"the entry is a pipe":                func(_, path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
		"the entry is a folder":              func(_, path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"the folder is a file":               func(dir, _ string) error { return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)) },
		"others may write to the folder":     func(dir, _ string) error { return os.Chmod(dir, 0o722) },
		"the group may write to the home":    func(dir, _ string) error { return os.Chmod(filepath.Join(dir, "file"), 0o720) },
		"others may read the entry":          func(_, path string) error { return os.Chmod(path, 0o604) },
		"the group may write the entry":      func(_, path string) error { return os.Chmod(path, 0o620) },
		"the folder belongs to another user": func(dir, _ string) error { return chown(dir) },
		"the home belongs to another user":   func(dir, _ string) error { return chown(filepath.Join(dir, "file")) },
		"the entry belongs to another user":  func(_, path string) error { return chown(path) },
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := fileStore(t)
			mustSave(t, s, entry, record("token"))
			path := filepath.Join(dir, "file", entry.String())
			if err := spoil(dir, path); errors.Is(err, errNeedsRoot) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			fresh := openStore(t, Options{Dir: dir + "/", Storage: File}) // a slash would follow a link
			_, loadErr := fresh.Load(context.Background(), entry)
			for _, err := range []error{loadErr, save(fresh, entry, record("new"))} {
				var unsafe *UnsafeError
				if !errors.As(err, &unsafe) || errors.Is(err, ErrMiss) {
					t.Errorf("error = %v", err)
				}
			}
		})
	}
}

var errNeedsRoot = errors.New("needs root to give a file away")

func chown(path string) error {
	if os.Getuid() != 0 {
		return errNeedsRoot
	}
	return os.Chown(path, nobody, nobody)
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

func TestUnsafeLocksAreRefused(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	for name, spoil := range map[string]func(folder, lock string) error{
		"the folder is a link": func(folder, _ string) error {
			return errors.Join(os.RemoveAll(folder), os.Mkdir(target, 0o700), os.Symlink(target, folder))
		},
		"the lock is a link": func(_, lock string) error {
			return errors.Join(os.Remove(lock), os.Symlink(target, lock))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := fileStore(t)
			lockNow(t, s, entry)()
			folder := filepath.Join(dir, "locks")
			if err := spoil(folder, filepath.Join(folder, entry.String()+".lock")); err != nil {
				t.Fatal(err)
			}
			var unsafe *UnsafeError
			if _, err := s.Lock(context.Background(), entry); !errors.As(err, &unsafe) {
				t.Errorf("Lock: %v", err)
			}
		})
	}
}

// Remove goes through no link: it could delete in a folder of somebody else's.
func TestRemoveFollowsNoLink(t *testing.T) {
	s, dir := fileStore(t)
	mustSave(t, s, entry, record("token"))
	home := filepath.Join(dir, "file")
	if err := errors.Join(os.Rename(home, dir+"2"), os.Symlink(dir+"2", home)); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir+"2")
	var unsafe *UnsafeError
	if err := s.Remove(context.Background(), entry); !errors.As(err, &unsafe) {
		t.Errorf("Remove: %v", err)
	}
	if !maps.Equal(before, snapshot(t, dir+"2")) {
		t.Error("a file went")
	}
}
