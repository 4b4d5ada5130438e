// Package sessionbus runs a real D-Bus session bus; what is on it, others put there.
package sessionbus

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/proc"
)

// Start runs dbus-daemon in dir, with env as its whole environment and its configuration chosen by
// the flags, and returns the address for DBUS_SESSION_BUS_ADDRESS. The caller stops the process.
func Start(dir string, env []string, flags ...string) (bus *proc.Process, address string, err error) {
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		return nil, "", err
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		return nil, "", err
	}
	defer out.Close()
	bus, err = proc.Start(proc.Spec{
		Path: daemon, Args: append(flags, "--nofork", "--print-address=1"), Dir: dir, Env: env, Stdout: stdout,
	})
	if err := errors.Join(err, stdout.Close(), out.SetReadDeadline(time.Now().Add(10*time.Second))); err != nil {
		bus.Stop()
		return nil, "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		bus.Stop()
		return nil, "", fmt.Errorf("the bus's address: %w\n%s", err, bus.Tail())
	}
	return bus, strings.TrimSpace(line), nil
}
