//go:build !windows

package private

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func write(t *testing.T, path string, mode os.FileMode) string {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, []byte("content"), 0o600), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadWantsAFileThatIsPrivate(t *testing.T) {
	dir := t.TempDir()
	plain := write(t, filepath.Join(dir, "plain"), 0o600)
	link := filepath.Join(dir, "link")
	pipe := filepath.Join(dir, "pipe")
	if err := errors.Join(os.Symlink(plain, link), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		by         Policy
		wrong      string
	}{
		{"0600", plain, Ours, ""},
		{"0400", write(t, filepath.Join(dir, "0400"), 0o400), Ours, ""},
		{"the world's", write(t, filepath.Join(dir, "0644"), 0o644), Ours, "0644"},
		{"the group's", write(t, filepath.Join(dir, "0640"), 0o640), Ours, "0640"},
		{"a link", link, Ours, "link"},
		{"a pipe", pipe, Ours, "plain file"},
		{"a folder", dir, Ours, "plain file"},
		{"a mounted link", link, Mounted, ""},
		{"a mounted file of the group", write(t, filepath.Join(dir, "0440"), 0o440), Mounted, ""},
		{"a mounted file that the group may write", write(t, filepath.Join(dir, "0660"), 0o660), Mounted, "0660"},
		{"a mounted file of the world", write(t, filepath.Join(dir, "0444"), 0o444), Mounted, "0444"},
		{"a mounted pipe", pipe, Mounted, "plain file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := Read(tt.path, 100, tt.by)
			checked := Check(tt.path, tt.by)
			if tt.wrong == "" {
				if err != nil || checked != nil || string(data) != "content" {
					t.Errorf("Read = %q, %v; Check = %v", data, err, checked)
				}
				return
			}
			var unsafe *UnsafeError
			if !errors.As(err, &unsafe) || !strings.Contains(err.Error(), tt.wrong) || unsafe.Path != tt.path {
				t.Errorf("Read: %v", err)
			}
			if !errors.As(checked, &unsafe) {
				t.Errorf("Check: %v", checked)
			}
		})
	}
	if _, err := Read(plain, 6, Ours); err == nil || !strings.Contains(err.Error(), "larger than 6 bytes") {
		t.Errorf("too large: %v", err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	fresh := filepath.Join(dir, "fresh")
	for range 2 {
		if err := Folder(fresh); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(fresh); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	open, link := filepath.Join(dir, "open"), filepath.Join(dir, "link")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o755), os.Symlink(fresh, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{open, link, write(t, filepath.Join(dir, "file"), 0o600)} {
		var unsafe *UnsafeError
		if err := Folder(path); !errors.As(err, &unsafe) || !strings.Contains(err.Error(), path) {
			t.Errorf("Folder(%s): %v", path, err)
		}
	}
}

func TestWriteReplacesAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	defer syscall.Umask(syscall.Umask(0o277)) // it would take our own right to write
	for _, text := range []string{"first", "second"} {
		// What a killed writer left behind is in nobody's way.
		if err := os.WriteFile(path+TempSuffix, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, []byte(text), nil); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if data, err := Read(path, 100, Ours); err != nil || string(data) != text {
			t.Errorf("%q, %v", data, err)
		}
		if _, err := os.Lstat(path + TempSuffix); err == nil {
			t.Error("a temporary file stayed")
		}
	}
	if Inode(path) == 0 || Inode(path) == Inode(filepath.Dir(path)) || Inode(path+"x") != 0 {
		t.Error("Inode is wrong")
	}
}
