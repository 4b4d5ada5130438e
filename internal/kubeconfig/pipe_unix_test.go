//go:build unix

package kubeconfig

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe without a writer would be waited for without an end, and kubectl with
// it.
func TestPipeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load([]string{path})
	var file *FileError
	if !errors.As(err, &file) {
		t.Errorf("error %v", err)
	}
}
