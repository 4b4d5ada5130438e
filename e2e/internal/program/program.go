// Package program builds the program under test, and what it is compared with.
package program

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// Release builds kubecred as it is released and returns the executable.
func Release() (string, error) {
	path := parts.Build("program", "kubecred")
	return path, Like(context.Background(), path, ".")
}

// Exchange builds kubecred-exchange as it is released.
func Exchange() (string, error) {
	path := parts.Build("program", "kubecred-exchange")
	return path, Service(context.Background(), path, "ldapexchange/kubecred-exchange")
}

// Race builds kubecred with the race detector, which ends it with code 66 when it finds a race.
func Race() (string, error) {
	path := parts.Build("program", "kubecred-race")
	return path, build(context.Background(), parts.Root(), path, "CGO_ENABLED=1", "-race")
}

// Service builds the main package in folder, a path from the repository's root, as the exchange is released,
// into the file out.
func Service(ctx context.Context, out, folder string) error {
	return build(ctx, filepath.Join(parts.Root(), folder), out, "CGO_ENABLED=0", "-trimpath", "-ldflags=-s -w")
}

// Like builds the main package in folder, a path from the repository's root, as a release is built,
// into the file out. Further flags may be given.
func Like(ctx context.Context, out, folder string, more ...string) error {
	flags := []string{"-trimpath", "-tags=nethttpomithttp2", "-ldflags=-s -w -funcalign=16"}
	for _, gcflags := range []string{"all=-l", "runtime/...=", "internal/...=", "sync/...="} { // the Makefile's GCFLAGS
		flags = append(flags, "-gcflags="+gcflags)
	}
	flags = append(flags, more...)
	return build(ctx, filepath.Join(parts.Root(), folder), out, "CGO_ENABLED=0", flags...)
}

func build(ctx context.Context, dir, out, env string, flags ...string) error {
	args := append([]string{"build", "-o", out}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, ".")...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", filepath.Base(out), err, text)
	}
	return nil
}
