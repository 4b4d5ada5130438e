package keyring

import (
	"context"
	"fmt"
	"os"
	"time"
)

// How long the kernel keeps a key, counted from when it was put there and not
// from its last use.
const (
	// CopyLifetime bounds a copy of a key whose home is the OS keyring.
	CopyLifetime = time.Hour
	// HomeLifetime bounds a key that only the kernel holds.
	HomeLifetime = 12 * time.Hour
)

// Mode says whether the kernel's keyring may be used. The empty Mode is
// KernelAuto.
type Mode string

// KernelAuto uses it except inside containers: pods that share a user ID share
// its keyring.
const (
	KernelAuto Mode = "auto"
	KernelOn   Mode = "on"
	KernelOff  Mode = "off"
)

// ParseMode reads a Mode; "" is KernelAuto.
func ParseMode(s string) (Mode, error) {
	switch mode := Mode(s); mode {
	case "":
		return KernelAuto, nil
	case KernelAuto, KernelOn, KernelOff:
		return mode, nil
	}
	return "", fmt.Errorf("unknown mode %q: use auto, on or off", s)
}

// Kernel is the user keyring of the Linux kernel. It belongs to the user ID:
// it outlives sessions and screen locks (on kernels before 5.3 the user's last
// process takes it along), and ends with the machine. Elsewhere than on Linux
// every call is ErrRefused.
type Kernel struct {
	mode      Mode
	lifetime  time.Duration
	container func() bool
}

// NewKernel returns the door; keys put through it vanish after lifetime.
func NewKernel(mode Mode, lifetime time.Duration) *Kernel {
	return &Kernel{mode: mode, lifetime: lifetime, container: inContainer}
}

func (k *Kernel) allowed() error {
	switch {
	case k.mode == KernelOff:
		return fail(ErrRefused, "it is turned off")
	case k.mode != KernelOn && k.container():
		return fail(ErrRefused, "this is a container")
	}
	return nil
}

// Get returns the key with the ID. Errors are *Error: ErrNotFound, ErrRefused
// or ErrFailed.
func (k *Kernel) Get(_ context.Context, id ID) (Key, error) {
	if err := k.allowed(); err != nil {
		return Key{}, err
	}
	raw, err := kernelRead(id)
	if err != nil {
		return Key{}, err
	}
	key, err := KeyFromBytes(raw)
	if err != nil || key.ID() != id {
		return Key{}, fail(ErrNotFound, "another key lies under its name")
	}
	return key, nil
}

// Put stores the key for the door's lifetime; a copy that is there already is
// replaced and starts anew. Errors are *Error: ErrRefused or ErrFailed.
func (k *Kernel) Put(_ context.Context, key Key) error {
	if err := k.allowed(); err != nil {
		return err
	}
	return kernelAdd(key, k.lifetime)
}

// Check reports whether the kernel lets this process have a user keyring.
func (k *Kernel) Check(context.Context) error {
	if err := k.allowed(); err != nil {
		return err
	}
	return kernelCheck()
}

// Remove takes the key out of the kernel, in every mode: one that was turned
// off shall hold nothing. No key there is no error.
func (k *Kernel) Remove(id ID) error { return kernelRemove(id) }

// inContainer guesses by the marks that Docker, podman, systemd-nspawn, LXC
// and Kubernetes leave. A wrong guess costs a slower hit or a clear error.
func inContainer() bool {
	if os.Getenv("container") != "" || os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		return true
	}
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}
