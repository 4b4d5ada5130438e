// Package keyring runs a real Secret Service, gnome-keyring, on a D-Bus session of its own,
// with a HOME of its own. The session of whoever runs the tests is never touched.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/proc"
	"github.com/kubecred/kubecred/e2e/internal/sessionbus"
)

// Keyring is a session bus with an unlocked keyring on it.
type Keyring struct {
	home    string
	runtime string
	address string
	bus     *proc.Process
	daemon  *proc.Process
}

// Start makes a new keyring under home, which must exist, and unlocks it.
func Start(ctx context.Context, home string) (*Keyring, error) {
	k := &Keyring{home: home, runtime: filepath.Join(home, "run")}
	if err := errors.Join(os.MkdirAll(k.runtime, 0o700), k.startBus(), k.Unlock(ctx)); err != nil {
		k.Stop()
		return nil, err
	}
	return k, nil
}

// Stop ends the keyring and its bus. What was stored stays under home.
func (k *Keyring) Stop() {
	k.daemon.Stop()
	k.bus.Stop()
}

// Env is what a program needs in its environment to find this keyring.
func (k *Keyring) Env() []string {
	return []string{"HOME=" + k.home, "XDG_RUNTIME_DIR=" + k.runtime, "DBUS_SESSION_BUS_ADDRESS=" + k.address}
}

// Address is the bus's.
func (k *Keyring) Address() string { return k.address }

// Pid is the number of the keyring's daemon.
func (k *Keyring) Pid() int { return k.daemon.Pid() }

// BusPid is the number of the bus's.
func (k *Keyring) BusPid() int { return k.bus.Pid() }

// Quit ends the daemon and leaves the bus without one, until Unlock starts another.
func (k *Keyring) Quit() { k.daemon.Stop() }

func (k *Keyring) startBus() (err error) {
	env := append(base(), "HOME="+k.home, "XDG_RUNTIME_DIR="+k.runtime)
	k.bus, k.address, err = sessionbus.Start(k.home, env, "--session")
	return err
}

// Unlock starts the keyring's daemon with the password that opens, or first makes, the login keyring.
func (k *Keyring) Unlock(ctx context.Context) error {
	return k.start(ctx, "password of the keyring", "--unlock")
}

// Relock starts the daemon anew as a session does that nobody has unlocked.
func (k *Keyring) Relock(ctx context.Context) error {
	k.daemon.Stop()
	return k.start(ctx, "")
}

// Reopen ends that session and starts one that is unlocked again.
func (k *Keyring) Reopen(ctx context.Context) error {
	k.daemon.Stop()
	return k.Unlock(ctx)
}

func (k *Keyring) start(ctx context.Context, password string, flags ...string) error {
	path, err := parts.Command("gnome-keyring-daemon")
	if err != nil {
		return err
	}
	k.daemon, err = proc.Start(proc.Spec{
		Path: path, Args: append(flags, "--foreground", "--components=secrets"), Dir: k.home,
		Env: append(base(), k.Env()...), Stdin: strings.NewReader(password),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return k.daemon.Ready(ctx, k.answers)
}

// answers asks the bus for the service's owner; asking the service itself would start a second one.
func (k *Keyring) answers(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "dbus-send", "--session", "--print-reply=literal", "--dest=org.freedesktop.DBus",
		"/org/freedesktop/DBus", "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets")
	cmd.Env = append(base(), k.Env()...)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "true") {
		return errors.Join(fmt.Errorf("org.freedesktop.secrets has no owner: %s", out), err)
	}
	return nil
}

func base() []string { return []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8"} }
