//go:build !windows

package cache

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kubecred/kubecred/internal/keyring"
)

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

// spoilings are what can lie in a file's place.
func spoilings() map[string]func(path string) error {
	instead := func(put func(path string) error) func(string) error {
		return func(path string) error { return errors.Join(os.Remove(path), put(path)) }
	}
	return map[string]func(path string) error{
		"a link": func(path string) error {
			return errors.Join(os.Rename(path, path+".moved"), os.Symlink(path+".moved", path))
		},
		"a link to nothing": instead(func(path string) error { return os.Symlink(path+".moved", path) }),
		"a pipe":            instead(func(path string) error { return syscall.Mkfifo(path, 0o600) }),
		"a folder":          instead(func(path string) error { return os.Mkdir(path, 0o700) }),
		"open to others":    func(path string) error { return os.Chmod(path, 0o604) },
		"open to the group": func(path string) error { return os.Chmod(path, 0o620) },
		"another user's":    chown,
		"another user's and a link": instead(func(path string) error {
			return errors.Join(os.Symlink(path+".moved", path), os.Lchown(path, nobody, nobody))
		}),
	}
}

// Not the entry alone: the data key, its name and the locks are looked at too.
func TestUnsafeKeysAndLocksAreRefused(t *testing.T) {
	ctx := context.Background()
	for pattern, uses := range map[string]map[string]func(s *Store) error{
		"file/*.key":   {"Save": saveNew, "Prepare": prepare, "Load": load},
		"file/current": {"Save": saveNew, "Prepare": prepare},
		"locks/" + entry.String() + ".lock": {"Save": saveNew, "TryLock": func(s *Store) error {
			_, _, err := s.TryLock(entry)
			return err
		}},
		"locks/key-file.lock": {"Prepare": prepare},
	} {
		for name, spoil := range spoilings() {
			t.Run(pattern+" is "+name, func(t *testing.T) {
				if strings.Contains(name, "user's") && os.Getuid() != 0 {
					t.Skip(errNeedsRoot)
				}
				s, dir := fileStore(t)
				mustSave(t, s, entry, record("token"))
				paths, err := filepath.Glob(filepath.Join(dir, pattern))
				if err != nil || len(paths) != 1 {
					t.Fatal(paths, err)
				}
				if err := spoil(paths[0]); err != nil {
					t.Fatal(err)
				}
				for name, use := range uses {
					var unsafe *UnsafeError
					if err := use(openStore(t, Options{Dir: dir, Storage: File})); !errors.As(err, &unsafe) {
						t.Errorf("%s: %v", name, err)
					}
				}
				if _, err := openStore(t, Options{Dir: dir, Storage: File}).List(ctx); err != nil {
					t.Errorf("List: %v", err)
				}
			})
		}
	}
}

func load(s *Store) error {
	_, err := s.Load(context.Background(), entry)
	return err
}

func TestUnsafeLockFolderIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(folder string) error{
		"a link": func(folder string) error {
			return errors.Join(os.Rename(folder, folder+"2"), os.Symlink(folder+"2", folder))
		},
		"a file":            func(folder string) error { return errors.Join(os.RemoveAll(folder), os.WriteFile(folder, nil, 0o600)) },
		"open to the group": func(folder string) error { return os.Chmod(folder, 0o770) },
		"another user's":    chown,
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := fileStore(t)
			lockNow(t, s, entry)()
			if err := spoil(filepath.Join(dir, "locks")); errors.Is(err, errNeedsRoot) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			var unsafe *UnsafeError
			if _, err := s.Lock(context.Background(), entry); !errors.As(err, &unsafe) {
				t.Errorf("Lock: %v", err)
			}
		})
	}
}

// A link leads nowhere: what lies behind it stays, whatever it is called.
func TestNothingBehindALinkIsTouched(t *testing.T) {
	for _, link := range []string{"", "file"} {
		dir, behind := filepath.Join(t.TempDir(), "kubecred"), t.TempDir()
		path := filepath.Join(dir, link)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.Symlink(behind, path)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{entry.String(), currentName, "new-key", "probe"} {
			for _, home := range []string{behind, filepath.Join(behind, "file")} {
				overwriteIn(t, home, name)
				overwriteIn(t, home, name+tempSuffix)
			}
		}
		before := snapshot(t, behind)
		for name, use := range map[string]func(*Store) error{
			"Save": saveNew, "Prepare": prepare, "Remove": removeEntry,
			"write":    func(s *Store) error { return s.vaults[0].folder.write(currentName, nil) },
			"tryWrite": func(s *Store) error { return s.vaults[0].folder.tryWrite() },
			"Put":      func(s *Store) error { return s.vaults[0].keys.Put(context.Background(), keyring.NewKey()) },
		} {
			if err := use(openStore(t, Options{Dir: dir, Storage: File})); err == nil {
				t.Errorf("%s went through %s", name, path)
			}
		}
		if !maps.Equal(before, snapshot(t, behind)) {
			t.Errorf("behind %s: %v", path, snapshot(t, behind))
		}
	}
}

func overwriteIn(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	overwrite(t, filepath.Join(dir, name), []byte("somebody's "+name))
}

// A second name of an entry's file is not written through.
func TestHardLinkKeepsWhatItHad(t *testing.T) {
	s, dir := fileStore(t)
	mustSave(t, s, entry, record("old"))
	path, second := filepath.Join(dir, "file", entry.String()), filepath.Join(dir, "second")
	if err := os.Link(path, second); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)["/second"]
	mustSave(t, s, entry, record("new"))
	wantLoad(t, s, entry, record("new"))
	if snapshot(t, dir)["/second"] != before {
		t.Error("a Save changed the file's other name")
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
