//go:build unix

package kubeconfig

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestEditKeepsTheMode(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o277))
	for _, mode := range []os.FileMode{0o600, 0o640, 0o644, 0o660} {
		path := write(t, one)[0]
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Edit(t.Context(), path, sealBob); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%04o became %v, %v", mode, info.Mode(), err)
		}
	}
	path := filepath.Join(t.TempDir(), "config")
	if _, err := Edit(t.Context(), path, sealBob); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a new file is %v, %v", info.Mode(), err)
	}
}

// Of a link the file is changed, be it there yet or not.
func TestEditFollowsLinks(t *testing.T) {
	for name, before := range map[string]string{"file": one, "none": ""} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "real")
			if before != "" {
				target = write(t, before)[0]
			}
			folder := t.TempDir()
			first, second := filepath.Join(folder, "first"), filepath.Join(folder, "second")
			relative, err := filepath.Rel(folder, target)
			if err := errors.Join(err, os.Symlink("second", first), os.Symlink(relative, second)); err != nil {
				t.Fatal(err)
			}
			c, err := Edit(t.Context(), first, sealBob)
			if err != nil || c.Made != (before == "") {
				t.Errorf("%v, %v", c, err)
			}
			for _, link := range []string{first, second} {
				if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
					t.Errorf("%s is %v, %v", link, info, err)
				}
			}
			if contentOf(t, target) != string(c.After) {
				t.Errorf("the file is\n%s", contentOf(t, target))
			}
			alone(t, target)
		})
	}
}

// What cannot be a kubeconfig ends at once, with one line.
func TestEditRefusesWhatIsNoFile(t *testing.T) {
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	err := errors.Join(syscall.Mkfifo(path("pipe"), 0o600), os.Mkdir(path("folder"), 0o700), os.Symlink("loop", path("loop")),
		os.Symlink("pipe", path("link")), os.WriteFile(path("plain"), nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"pipe": "is not a regular file", "folder": "is not a regular file", "link": "is not a regular file",
		"loop": "leads back to itself", "plain/config": "not a directory",
	} {
		_, err := Edit(t.Context(), path(name), sealBob)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Preview(path(name), sealBob); err == nil {
			t.Errorf("%s: a preview took it", name)
		}
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 5 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestEditRefusesAReadOnlyFile(t *testing.T) {
	path := write(t, one)[0]
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	_, err := Edit(t.Context(), path, sealBob)
	if closed := (*UnwritableError)(nil); !errors.As(err, &closed) || !strings.Contains(err.Error(), "read-only") || contentOf(t, path) != one {
		t.Errorf("error %v\n%s", err, contentOf(t, path))
	}
	alone(t, path)
}

// What a killed writer left is in nobody's way, and is not written through.
func TestEditBesideWhatWasLeft(t *testing.T) {
	path, other := write(t, one)[0], write(t, two)[0]
	if err := os.Symlink(other, path+tempSuffix); err != nil {
		t.Fatal(err)
	}
	if _, err := Edit(t.Context(), path, sealBob); err != nil {
		t.Fatal(err)
	}
	if contentOf(t, other) != two {
		t.Error("a link was written through")
	}
	alone(t, path)
}
