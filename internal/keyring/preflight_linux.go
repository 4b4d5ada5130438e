package keyring

// The look before the leap on Linux. go-keyring would run dbus-launch where it
// finds no bus (orphan daemons, and later calls that hang: cli/cli#7582), wait
// for ever on a bus that says nothing, and prompt where nobody is. So the
// address is found first, and the service is asked, without a side effect,
// whether it is there and open.

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/godbus/dbus/v5"
)

const (
	secretsName   = "org.freedesktop.secrets"
	secretsPath   = dbus.ObjectPath("/org/freedesktop/secrets")
	loginPath     = secretsPath + "/collection/login"
	addressEnv    = "DBUS_SESSION_BUS_ADDRESS"
	propertiesGet = "org.freedesktop.DBus.Properties.Get"
)

// asks: what is locked is told apart before it is read.
const asks = false

// preflight reports how the collection is that go-keyring would use. With start
// it may activate the service; it never prompts. Errors are *Error with
// ErrAbsent or ErrFailed; the caller holds the deadline, since connecting knows
// none.
func preflight(ctx context.Context, start bool) (state, error) {
	address, err := busAddress(os.Getenv(addressEnv), filepath.Join("/run/user", strconv.Itoa(os.Getuid())))
	if err != nil {
		return open, fail(ErrAbsent, err.Error())
	}
	// As godbus itself does when it finds one: from here on neither it nor
	// go-keyring can come to the idea of launching a bus.
	if err := os.Setenv(addressEnv, address); err != nil {
		return open, fail(ErrFailed, err.Error())
	}
	conn, err := dbus.SessionBus() // shared with go-keyring: one Hello for both
	if err != nil {
		return open, fail(ErrAbsent, err.Error())
	}
	running, err := find(ctx, conn.BusObject(), start)
	if err != nil || !running {
		return asleep, err
	}
	isLocked, err := collectionLocked(ctx, conn.Object(secretsName, secretsPath), conn)
	if isLocked {
		return locked, err
	}
	return open, err
}

// busAddress returns the session bus's address, looking where godbus looks but
// nowhere else. Only sockets count: an address may also name a program to run
// (unixexec:), and the variable may come from a kubeconfig's exec.env.
func busAddress(env, runtimeDir string) (string, error) {
	address := env
	if address == "" || address == "autolaunch:" {
		address = discover(runtimeDir)
	}
	if address == "" {
		return "", errors.New("no session bus")
	}
	for one := range strings.SplitSeq(address, ";") {
		if one != "" && !strings.HasPrefix(one, "unix:") {
			return "", errors.New("the session bus is not a local socket")
		}
	}
	return address, nil
}

func discover(runtimeDir string) string {
	socket := filepath.Join(runtimeDir, "bus")
	if _, err := os.Stat(socket); err == nil {
		return "unix:path=" + dbus.EscapeBusAddressValue(socket)
	}
	text, err := os.ReadFile(filepath.Join(runtimeDir, "dbus-session"))
	if err != nil {
		return ""
	}
	address, _ := strings.CutPrefix(string(text), addressEnv+"=")
	return strings.TrimSpace(address)
}

// find reports whether the service runs. One that could be activated is
// activated with start, and counts as there but not running without.
func find(ctx context.Context, bus dbus.BusObject, start bool) (running bool, err error) {
	if err := call(ctx, bus, "org.freedesktop.DBus.NameHasOwner", secretsName).Store(&running); err != nil {
		return false, ofBus(err)
	}
	if running {
		return true, nil
	}
	var names []string
	if err := call(ctx, bus, "org.freedesktop.DBus.ListActivatableNames").Store(&names); err != nil {
		return false, ofBus(err)
	}
	if !slices.Contains(names, secretsName) {
		return false, fail(ErrAbsent, "no Secret Service on the session bus")
	}
	if !start {
		return false, nil
	}
	if err := call(ctx, bus, "org.freedesktop.DBus.StartServiceByName", secretsName, uint32(0)).Err; err != nil {
		return false, fail(ErrAbsent, "the Secret Service does not start: "+err.Error())
	}
	return true, nil
}

// collectionLocked looks at the collection that go-keyring takes: the login
// one, else the default one. Where there is neither, go-keyring can only fail.
func collectionLocked(ctx context.Context, service dbus.BusObject, conn *dbus.Conn) (bool, error) {
	var collections []dbus.ObjectPath
	err := property(ctx, service, "org.freedesktop.Secret.Service", "Collections", &collections)
	if err != nil {
		return false, ofBus(err)
	}
	path := loginPath
	if !slices.Contains(collections, path) {
		err := call(ctx, service, "org.freedesktop.Secret.Service.ReadAlias", "default").Store(&path)
		if err != nil {
			return false, ofBus(err)
		}
	}
	if path == "/" {
		return false, fail(ErrAbsent, "the Secret Service holds no collection")
	}
	var locked bool
	err = property(ctx, conn.Object(secretsName, path), "org.freedesktop.Secret.Collection", "Locked", &locked)
	if err != nil {
		return false, ofBus(err)
	}
	return locked, nil
}

// ofBus says what a call's failure means. A bus that dies is the end of a
// stream, or godbus's word for what it then did itself; for a service that
// dies the bus answers in its place.
func ofBus(err error) error {
	var answer dbus.Error
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, dbus.ErrClosed):
		return fail(ErrFailed, "the session bus hung up")
	case errors.As(err, &answer) && answer.Name == "org.freedesktop.DBus.Error.NoReply":
		return fail(ErrFailed, "the Secret Service ended before it answered")
	}
	return fail(ErrFailed, err.Error())
}

func call(ctx context.Context, object dbus.BusObject, method string, args ...any) *dbus.Call {
	return object.CallWithContext(ctx, method, dbus.FlagNoAutoStart, args...)
}

func property(ctx context.Context, object dbus.BusObject, iface, name string, into any) error {
	var variant dbus.Variant
	if err := call(ctx, object, propertiesGet, iface, name).Store(&variant); err != nil {
		return err
	}
	return variant.Store(into)
}

// platformKind: what the preflight let through and still failed is neither
// absent nor locked.
func platformKind(error) error { return ErrFailed }
