package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/settings"
)

const (
	maxSecret      = 64 << 10 // bytes of a secret's file or command's output
	commandTimeout = 30 * time.Second
)

var errTooBig = errors.New("is larger than 64 KB") // maxSecret

// ownError is a secret that is not where the person's configuration says.
type ownError struct {
	what string
	err  error
}

func (e *ownError) Error() string { return e.what + ": " + e.err.Error() }
func (e *ownError) Unwrap() error { return e.err }

// readSecret returns a secret's text: as it is, from its file, or from what
// its command prints. Files and commands come from the person's own
// configuration or the policy alone (package settings).
func (a *app) readSecret(ctx context.Context, s settings.Secret) (secret.Text, error) {
	switch {
	case s.File != "":
		data, err := readSmallFile(s.File)
		return trimmed(data), err
	case len(s.Command) > 0:
		data, err := output(ctx, s.Command)
		return trimmed(data), err
	}
	return s.Text, nil
}

// trimmed drops the one line end that editors and commands add.
func trimmed(data []byte) secret.Text {
	return secret.New(strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"))
}

func readSmallFile(path string) ([]byte, error) {
	// A pipe would be waited for without an end.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxSecret:
		return nil, fmt.Errorf("%s %w", path, errTooBig)
	}
	return checked(data, path)
}

func checked(data []byte, name string) ([]byte, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("%s is empty", name)
	}
	return data, nil
}

// output runs a command without a shell. Its stderr is dropped: it could hold
// the secret, and ours is shown. A child that it leaves behind (an agent) is
// not waited for, though it holds the pipe.
func output(ctx context.Context, command []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	printed := &bounded{full: cancel}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stdout = printed
	c.WaitDelay = time.Second
	err := c.Run()
	switch {
	case printed.over:
		return nil, fmt.Errorf("the output of %s %w", command[0], errTooBig)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return nil, fmt.Errorf("%s failed: %w", command[0], err)
	}
	return checked(printed.data, "the output of "+command[0])
}

// bounded keeps maxSecret bytes, and calls full when there are more.
type bounded struct {
	data []byte
	over bool
	full func()
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.data)+len(p) > maxSecret {
		b.over = true
		b.full()
		return 0, errTooBig
	}
	b.data = append(b.data, p...)
	return len(p), nil
}
