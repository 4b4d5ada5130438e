//go:build unix

package cmd

import (
	"syscall"
	"testing"

	"github.com/kubecred/kubecred/internal/settings"
)

// A pipe that nobody writes to is not waited for.
func TestReadSecretOfAPipe(t *testing.T) {
	p := newPlace(t)
	pipe := p.path("pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := p.app(nil, nil).readSecret(t.Context(), settings.Secret{File: pipe})
		ended <- err
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("a secret came out of it")
		}
	case <-within(t).Done():
		t.Error("it waits")
	}
}
