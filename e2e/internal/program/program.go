// Package program builds the program under test.
package program

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// Release builds kubecred as it is released and returns the executable.
func Release() (string, error) {
	return build("kubecred", []string{"CGO_ENABLED=0"}, "-trimpath", "-ldflags=-s -w")
}

// Race builds kubecred with the race detector, which ends it with code 66 when it finds a race.
func Race() (string, error) {
	return build("kubecred-race", []string{"CGO_ENABLED=1"}, "-race")
}

func build(name string, env []string, flags ...string) (string, error) {
	path := parts.Build("program", name)
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), ".")...)
	cmd.Dir = parts.Root()
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return path, nil
}
