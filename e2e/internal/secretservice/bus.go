// Package secretservice breaks a person's keyring in the ways that real ones break: a bus that is not
// there, that says nothing, that has no Secret Service or one that never starts, and a Secret Service
// whose prompt never ends. What works is package keyring's.
package secretservice

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/kubecred/kubecred/e2e/internal/proc"
	"github.com/kubecred/kubecred/e2e/internal/sessionbus"
)

const (
	name = "org.freedesktop.secrets"
	path = dbus.ObjectPath("/org/freedesktop/secrets")
)

// Bus is a real session bus that knows none of the machine's services.
type Bus struct {
	Address string // for DBUS_SESSION_BUS_ADDRESS

	dir     string
	process *proc.Process
}

// StartBus starts a bus with no Secret Service on it. Where script is not "", the bus takes it, a shell
// script, for the program that provides one, and waits ten minutes for it.
func StartBus(script string) (*Bus, error) {
	dir, err := os.MkdirTemp("", "kubecred-bus-")
	if err != nil {
		return nil, err
	}
	b := &Bus{dir: dir}
	if err := errors.Join(b.configure(script), b.start()); err != nil {
		b.Stop()
		return nil, err
	}
	return b, nil
}

// Stop ends the bus, and what it started.
func (b *Bus) Stop() {
	b.process.Stop() // its process group is all it started
	os.RemoveAll(b.dir)
}

func (b *Bus) configure(script string) error {
	services := filepath.Join(b.dir, "services")
	config := fmt.Sprintf(`<busconfig>
<type>session</type>
<listen>unix:tmpdir=%s</listen>
<auth>EXTERNAL</auth>
<servicedir>%s</servicedir>
<policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy>
<limit name="service_start_timeout">600000</limit>
</busconfig>
`, escape(os.TempDir()), escape(services))
	err := errors.Join(os.Mkdir(services, 0o700), os.WriteFile(filepath.Join(b.dir, "bus.conf"), []byte(config), 0o600))
	if err != nil || script == "" {
		return err
	}
	program := filepath.Join(b.dir, "program")
	service := "[D-BUS Service]\nName=" + name + "\nExec=" + program + "\n"
	return errors.Join(
		os.WriteFile(program, []byte("#!/bin/sh\n"+script+"\n"), 0o700),
		os.WriteFile(filepath.Join(services, name+".service"), []byte(service), 0o600),
	)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder never fails
	return b.String()
}

func (b *Bus) start() (err error) {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir}
	b.process, b.Address, err = sessionbus.Start(b.dir, env, "--config-file="+filepath.Join(b.dir, "bus.conf"))
	return err
}

// connect is a connection of the test's own to the bus at the address.
func connect(ctx context.Context, address string) (*dbus.Conn, error) {
	return dbus.Connect(address, dbus.WithContext(ctx))
}
