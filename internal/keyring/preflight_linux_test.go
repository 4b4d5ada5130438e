package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

func TestBusAddress(t *testing.T) {
	empty, withBus, withFile := t.TempDir(), t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(withBus, "bus"):           "",
		filepath.Join(withFile, "dbus-session"): addressEnv + "=unix:abstract=/tmp/x\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ name, env, runtime, want string }{
		{"nothing", "", empty, ""},
		{"autolaunch", "autolaunch:", empty, ""},
		{"the variable", "unix:path=/a", withBus, "unix:path=/a"},
		{"two sockets", "unix:path=/a;unix:path=/b", empty, "unix:path=/a;unix:path=/b"},
		{"systemd's socket", "", withBus, "unix:path=" + filepath.Join(withBus, "bus")},
		{"a file with the address", "", withFile, "unix:abstract=/tmp/x"},
		{"a program", "unixexec:path=/bin/true", withBus, ""},
		{"a program second", "unix:path=/a;unixexec:path=/bin/true", empty, ""},
		{"a network", "tcp:host=evil.example,port=1", empty, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := busAddress(test.env, test.runtime)
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("busAddress = %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestBusErrors(t *testing.T) {
	for want, err := range map[string]error{
		"the session bus hung up":                     &net.OpError{Op: "read", Net: "unix", Err: io.EOF},
		"the Secret Service ended before it answered": dbus.Error{Name: "org.freedesktop.DBus.Error.NoReply"},
		"no such object":                              dbus.Error{Name: "org.freedesktop.DBus.Error.UnknownObject", Body: []any{"no such object"}},
	} {
		if got := ofBus(err); !errors.Is(got, ErrFailed) || got.Error() != "the keyring failed: "+want {
			t.Errorf("%v becomes %q, want %q", err, got, want)
		}
	}
}

// A bus that accepts and says nothing.
func TestSilentBusTimesOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	if got := output(t, child(t, "silent bus", addressEnv+"=unix:path="+path)); got != "timed out" {
		t.Error(got)
	}
}

func childSilentBus() error {
	door := NewOS(Options{})
	door.quick = 200 * time.Millisecond
	begin := time.Now()
	_, err := door.Get(context.Background(), ID{})
	if !errors.Is(err, ErrTimeout) || time.Since(begin) > 2*time.Second {
		return fmt.Errorf("after %v: %w", time.Since(begin), err)
	}
	fmt.Println("timed out")
	return nil
}

// go-keyring alone would start dbus-launch here.
func TestNoBusIsAbsentAtOnceAndLaunchesNothing(t *testing.T) {
	if discover(filepath.Join("/run/user", fmt.Sprint(os.Getuid()))) != "" {
		t.Skip("this user has a session bus at its well-known place")
	}
	dir := t.TempDir()
	mark := filepath.Join(dir, "launched")
	script := "#!/bin/sh\n: >" + mark + "\n"
	if err := os.WriteFile(filepath.Join(dir, "dbus-launch"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"", "autolaunch:", "unix:path=" + filepath.Join(dir, "gone"), "unixexec:path=" + filepath.Join(dir, "dbus-launch")} {
		cmd := child(t, "no bus", addressEnv+"="+address, "PATH="+dir+":"+os.Getenv("PATH"))
		if got := output(t, cmd); got != "absent" {
			t.Errorf("with the address %q: %s", address, got)
		}
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("dbus-launch was started")
	}
}

func childNoBus() error {
	door := NewOS(Options{})
	_, getErr := door.Get(context.Background(), ID{})
	for _, err := range []error{getErr, door.Put(context.Background(), NewKey()), door.Check(context.Background())} {
		if !errors.Is(err, ErrAbsent) {
			return fmt.Errorf("not absent: %w", err)
		}
	}
	fmt.Println("absent")
	return nil
}

// The real thing, where Debian's gnome-keyring and dbus-daemon are installed.
func TestSecretService(t *testing.T) {
	for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	home, runtimeDir := t.TempDir(), t.TempDir()
	if err := os.Chmod(runtimeDir, 0o700); err != nil {
		t.Fatal(err)
	}
	test := child(t, "secret service", "HOME="+home, "XDG_RUNTIME_DIR="+runtimeDir)
	script := `printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; exec "$0"`
	cmd := exec.Command("dbus-run-session", "--", "sh", "-c", script, test.Path)
	for _, variable := range test.Env {
		if !strings.HasPrefix(variable, addressEnv+"=") && !strings.HasPrefix(variable, "DISPLAY=") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	if got := output(t, cmd); !strings.HasSuffix(got, "kept, locked") {
		t.Error(got)
	}
}

func childSecretService() error {
	ctx, key := context.Background(), NewKey()
	if err := waitForService(ctx); err != nil {
		return err
	}
	if err := NewOS(Options{}).Put(ctx, key); err != nil {
		return err
	}
	got, err := NewOS(Options{}).Get(ctx, key.ID())
	if err != nil || !got.Equal(key) {
		return fmt.Errorf("Get after Put: %w", err)
	}
	if _, err := NewOS(Options{}).Get(ctx, NewKey().ID()); !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("Get of nothing: %w", err)
	}
	conn, err := dbus.SessionBus()
	if err != nil {
		return err
	}
	lock := conn.Object(secretsName, secretsPath).Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{loginPath})
	if lock.Err != nil {
		return lock.Err
	}
	begin := time.Now()
	_, getErr := NewOS(Options{}).Get(ctx, key.ID())
	for _, err := range []error{getErr, NewOS(Options{}).Check(ctx)} {
		if !errors.Is(err, ErrLocked) || time.Since(begin) > time.Second {
			return fmt.Errorf("locked, after %v: %w", time.Since(begin), err)
		}
	}
	fmt.Println("kept, locked")
	return nil
}

// waitForService waits until the daemon has its name and its collection.
func waitForService(ctx context.Context) error {
	var err error
	for range 200 {
		if err = NewOS(Options{}).Check(ctx); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}
