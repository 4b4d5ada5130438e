package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/secretservice"
)

// No bus: no dbus-launch, no orphan processes. With dbus-launch within reach go-keyring alone would start
// a daemon per call, and later calls would hang on it (cli/cli#7582).
func TestNoBusLaunchesNothing(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(*member) (address, detail string){
		"no variable":                  noBus,
		"autolaunch":                   autolaunch,
		"a socket that is gone":        goneBus,
		"an address that is a program": programBus,
		"a bus without the service":    bareBus,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newSealed(t)
			launched := m.plantLauncher()
			before := m.processes()
			address, detail := address(m)
			m.at(address)
			m.refuses("login", lines("there is no keyring: "+detail, absentHint))
			// Whoever could sign in gets a credential that is used once; here nobody can.
			alone := m.call(desk.Null, "get-token", "--grant-type=device-code")
			if alone.Code != 3 || alone.Stdout != "" || alone.Took > bounded {
				t.Errorf("exited with %d after %s, printed %q", alone.Code, alone.Took, alone.Stdout)
			}
			m.unchanged()
			if _, err := os.Stat(launched); err == nil {
				t.Error("dbus-launch was started")
			}
			if after := m.processes(); !maps.Equal(before, after) {
				t.Errorf("processes before: %v\nafter: %v", before, after)
			}
			m.at(m.keyring.Address())
			m.serves()
		})
	}
}

// plantLauncher puts programs of dbus-x11's names on PATH, and returns the file that they leave behind.
func (m *member) plantLauncher() string {
	m.t.Helper()
	mark := filepath.Join(m.Home, "run", "launched")
	script := fmt.Sprintf("#!/bin/sh\n: > '%s'\n", mark)
	for _, program := range []string{"dbus-launch", "dbus-daemon"} {
		m.must(os.WriteFile(filepath.Join(m.Home, "bin", program), []byte(script), 0o700))
	}
	return mark
}

// noBus is neither a variable nor a socket at the place where systemd puts it.
func noBus(m *member) (string, string) {
	m.t.Helper()
	for _, place := range []string{"bus", "dbus-session"} {
		if _, err := os.Stat(filepath.Join("/run/user", fmt.Sprint(os.Getuid()), place)); err == nil {
			m.t.Skip("this user has a session bus at its well-known place")
		}
	}
	return "", "no session bus"
}

func autolaunch(m *member) (string, string) {
	noBus(m)
	return "autolaunch:", "no session bus"
}

func goneBus(m *member) (string, string) {
	socket := filepath.Join(m.Home, "run", "gone")
	return "unix:path=" + socket, "dial unix " + socket + ": connect: no such file or directory"
}

func programBus(m *member) (string, string) {
	return "unixexec:path=" + filepath.Join(m.Home, "bin", "dbus-launch"), "the session bus is not a local socket"
}

func bareBus(m *member) (string, string) {
	m.t.Helper()
	bus, err := secretservice.StartBus("")
	m.must(err)
	m.t.Cleanup(bus.Stop)
	return bus.Address, "no Secret Service on the session bus"
}
