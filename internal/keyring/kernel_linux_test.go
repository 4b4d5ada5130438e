package keyring

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const keyEnv = "KUBECRED_KEYRING_TEST_KEY"

func TestKernelKeepsAKeyForItsLifetime(t *testing.T) {
	needKernel(t)
	ctx := context.Background()
	shown := regexp.MustCompile(` (1h|59m) 3f0b0000 | (12h|11h) 3f0b0000 `)
	for _, lifetime := range []time.Duration{CopyLifetime, HomeLifetime} {
		kernel, key := NewKernel(KernelOn, lifetime), NewKey()
		if _, err := kernel.Get(ctx, key.ID()); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get of nothing: %v", err)
		}
		if err := kernel.Put(ctx, key); err != nil {
			t.Fatal(err)
		}
		defer forget(t, key)
		if got, err := kernel.Get(ctx, key.ID()); err != nil || !got.Equal(key) {
			t.Errorf("Get = %v, %v", got, err)
		}
		match := shown.FindStringSubmatch(procLine(t, key))
		if match == nil || (match[1] != "") != (lifetime == CopyLifetime) {
			t.Errorf("want rights 3f0b0000 and %v left: %s", lifetime, procLine(t, key))
		}
	}
	if err := NewKernel(KernelOn, 0).Check(ctx); err != nil {
		t.Errorf("Check: %v", err)
	}
}

// procLine returns what the kernel shows of a key.
func procLine(t *testing.T, key Key) string {
	t.Helper()
	text, err := os.ReadFile("/proc/keys")
	if err != nil {
		t.Skipf("no /proc/keys here: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, description(key.ID())) {
			return line
		}
	}
	t.Fatal("the key is not in /proc/keys")
	return ""
}

func TestKernelForgetsAnExpiredKey(t *testing.T) {
	needKernel(t)
	ctx, key := context.Background(), NewKey()
	kernel := NewKernel(KernelOn, time.Second)
	if err := kernel.Put(ctx, key); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err := kernel.Get(ctx, key.ID())
		if errors.Is(err, ErrNotFound) {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the key is still there: %v", err)
		}
	}
	if err := kernel.Remove(key.ID()); err != nil {
		t.Errorf("Remove of what is gone: %v", err)
	}
	if err := kernel.Put(ctx, key); err != nil {
		t.Errorf("Put after the end: %v", err)
	}
	forget(t, key)
}

func TestKernelCopyWithAnotherFingerprintIsPassedOver(t *testing.T) {
	needKernel(t)
	ctx, key := context.Background(), NewKey()
	defer forget(t, key)
	plant(t, description(key.ID()), NewKey().Bytes(), keyRights)
	home := NewOS(Options{Ring: newFakeRing()})
	if err := home.Put(ctx, key); err != nil {
		t.Fatal(err)
	}
	kernel := NewKernel(KernelOn, CopyLifetime)
	if _, err := kernel.Get(ctx, key.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get of the wrong key: %v", err)
	}
	if got, err := WithCopy(home, kernel).Get(ctx, key.ID()); err != nil || !got.Equal(key) {
		t.Errorf("Get = %v, %v", got, err)
	}
	if got, err := kernel.Get(ctx, key.ID()); err != nil || !got.Equal(key) {
		t.Errorf("the copy was not mended: %v", err)
	}
}

// A copy ends an hour after it was put there, however often it is read.
func TestHitsDoNotProlongACopy(t *testing.T) {
	needKernel(t)
	ctx, key := context.Background(), NewKey()
	defer forget(t, key)
	fake := newFakeRing()
	// Two, since the kernel counts whole seconds: one may be over at once.
	door := WithCopy(NewOS(Options{Ring: fake}), NewKernel(KernelOn, 2*time.Second))
	if err := door.Put(ctx, key); err != nil {
		t.Fatal(err)
	}
	if _, err := door.Get(ctx, key.ID()); err != nil { // which leaves the copy
		t.Fatal(err)
	}
	home := fake.calls.Load()
	for deadline := time.Now().Add(5 * time.Second); fake.calls.Load() == home; time.Sleep(20 * time.Millisecond) {
		if _, err := door.Get(ctx, key.ID()); err != nil || time.Now().After(deadline) {
			t.Fatalf("the copy still serves: %v", err)
		}
	}
}

// plant puts a key into the user keyring as another program might.
func plant(t *testing.T, description string, payload []byte, rights uint32) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	serial, err := unix.AddKey(keyType, description, payload, unix.KEY_SPEC_THREAD_KEYRING)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		unix.KeyctlSetperm(serial, rights),
		keyctl(unix.KEYCTL_LINK, serial, unix.KEY_SPEC_USER_KEYRING),
		keyctl(unix.KEYCTL_UNLINK, serial, unix.KEY_SPEC_THREAD_KEYRING),
	)
	if err != nil {
		t.Fatal(err)
	}
}

// A jump host: the session that logged in ends, another begins.
func TestKernelKeyOutlivesSessions(t *testing.T) {
	needKernel(t)
	key := NewKey()
	env := keyEnv + "=" + base64.StdEncoding.EncodeToString(key.Bytes())
	output(t, child(t, "session put", env))
	defer forget(t, key)
	if got := output(t, child(t, "session get", env)); got != "the same key" {
		t.Errorf("the next session: %s", got)
	}
	if got, err := NewKernel(KernelOn, 0).Get(context.Background(), key.ID()); err != nil || !got.Equal(key) {
		t.Errorf("this session: %v", err)
	}
}

func TestKernelKeyBelongsToTheUser(t *testing.T) {
	needKernel(t)
	ctx, key := context.Background(), NewKey()
	env := keyEnv + "=" + base64.StdEncoding.EncodeToString(key.Bytes())
	put, get := child(t, "session put", env), child(t, "session get", env)
	asNobody(t, put)
	asNobody(t, get)
	output(t, put)
	if got := output(t, get); got != "the same key" {
		t.Errorf("an ordinary user's next session: %s", got)
	}
	if _, err := NewKernel(KernelOn, 0).Get(ctx, key.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("another user sees the key: %v", err)
	}
}

// A key with the kernel's default rights is found in a fresh session, and the
// read is EACCES.
func TestUnreadableCopyIsPassedOver(t *testing.T) {
	needKernel(t)
	key := NewKey()
	plant(t, description(key.ID()), key.Bytes(), 0x3f0b0000&^0x00020000)
	defer forget(t, key)
	env := keyEnv + "=" + base64.StdEncoding.EncodeToString(key.Bytes())
	if got := output(t, child(t, "session denied", env)); got != "the same key" {
		t.Error(got)
	}
}

// session moves the calling thread, as pam_keyinit moves a login, into a new
// session keyring that has no link to the user's, and returns the test's key.
func session() (Key, error) {
	runtime.LockOSThread()
	if err := keyctl(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0); err != nil {
		return Key{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(os.Getenv(keyEnv))
	if err != nil {
		return Key{}, err
	}
	return KeyFromBytes(raw)
}

func childSessionPut() error {
	key, err := session()
	if err != nil {
		return err
	}
	return NewKernel(KernelOn, time.Minute).Put(context.Background(), key)
}

func childSessionGet() error {
	key, err := session()
	if err != nil {
		return err
	}
	return compare(NewKernel(KernelOn, 0), key)
}

func childSessionDenied() error {
	key, err := session()
	if err != nil {
		return err
	}
	if _, err := NewKernel(KernelOn, 0).Get(context.Background(), key.ID()); !errors.Is(err, ErrRefused) {
		return fmt.Errorf("the read was meant to be refused: %w", err)
	}
	fake := newFakeRing()
	fake.items[service+"/"+itemName(key.ID())] = encodeValue(key)
	return compare(WithCopy(NewOS(Options{Ring: fake}), NewKernel(KernelOn, time.Minute)), key)
}

func compare(door interface {
	Get(context.Context, ID) (Key, error)
}, key Key) error {
	got, err := door.Get(context.Background(), key.ID())
	if err != nil {
		return err
	}
	if !got.Equal(key) {
		return errors.New("another key")
	}
	fmt.Println("the same key")
	return nil
}

func TestKernelErrors(t *testing.T) {
	for errno, want := range map[error]error{
		unix.ENOKEY: ErrNotFound, unix.EKEYEXPIRED: ErrNotFound, unix.EKEYREVOKED: ErrNotFound,
		unix.EPERM: ErrRefused, unix.EACCES: ErrRefused, unix.ENOSYS: ErrRefused,
		unix.EDQUOT: ErrFailed, unix.ENOMEM: ErrFailed,
	} {
		if err := kernelError("call", errno); !errors.Is(err, want) {
			t.Errorf("%v becomes %v, want %v", errno, err, want)
		}
	}
}

func TestContainerKeepsOutOfTheKernel(t *testing.T) {
	ctx := context.Background()
	kernel := &Kernel{mode: KernelAuto, container: func() bool { return true }}
	_, getErr := kernel.Get(ctx, ID{})
	for _, err := range []error{getErr, kernel.Put(ctx, NewKey()), kernel.Check(ctx)} {
		if !errors.Is(err, ErrRefused) {
			t.Errorf("in a container: %v", err)
		}
	}
	for _, name := range []string{"container", "KUBERNETES_SERVICE_HOST"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "x")
			if !inContainer() {
				t.Error("not seen as a container")
			}
		})
	}
}
