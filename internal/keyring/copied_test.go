package keyring

import (
	"context"
	"errors"
	"testing"
)

// needKernel skips where the kernel's keyring is refused, and says why.
func needKernel(t *testing.T) {
	t.Helper()
	kernel, key := NewKernel(KernelOn, CopyLifetime), NewKey()
	if err := kernel.Put(context.Background(), key); err != nil {
		t.Skipf("the kernel's keyring cannot be used here: %v", err)
	}
	forget(t, key)
}

func forget(t *testing.T, key Key) {
	t.Helper()
	if err := NewKernel(KernelOn, 0).Remove(key.ID()); err != nil {
		t.Error(err)
	}
}

func TestCopySparesTheKeyring(t *testing.T) {
	needKernel(t)
	ctx, key := context.Background(), NewKey()
	defer forget(t, key)
	fake := newFakeRing()
	door := WithCopy(NewOS(Options{Ring: fake}), NewKernel(KernelOn, CopyLifetime))
	if err := door.Put(ctx, key); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got, err := door.Get(ctx, key.ID()); err != nil || !got.Equal(key) {
			t.Fatalf("Get = %v, %v", got, err)
		}
	}
	if fake.calls.Load() != 2 {
		t.Errorf("%d calls to the keyring, want one Set and one Get", fake.calls.Load())
	}
	if err := door.DropCopy(key.ID()); err != nil {
		t.Fatal(err)
	}
	if got, err := door.Get(ctx, key.ID()); err != nil || !got.Equal(key) || fake.calls.Load() != 3 {
		t.Errorf("after DropCopy: %v, %v, %d calls", got, err, fake.calls.Load())
	}
}

func TestKeyringIsAskedWhereThereIsNoCopy(t *testing.T) {
	ctx, key := context.Background(), NewKey()
	for name, kernel := range map[string]*Kernel{
		"turned off":  NewKernel(KernelOff, CopyLifetime),
		"a container": {mode: KernelAuto, lifetime: CopyLifetime, container: func() bool { return true }},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFakeRing()
			door := WithCopy(NewOS(Options{Ring: fake}), kernel)
			if err := door.Put(ctx, key); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if got, err := door.Get(ctx, key.ID()); err != nil || !got.Equal(key) {
					t.Errorf("Get = %v, %v", got, err)
				}
			}
			if fake.calls.Load() != 3 {
				t.Errorf("%d calls, want 3", fake.calls.Load())
			}
		})
	}
}

func TestTurningTheKernelOffTakesTheCopyAway(t *testing.T) {
	needKernel(t)
	ctx, key := context.Background(), NewKey()
	home, on := NewOS(Options{Ring: newFakeRing()}), NewKernel(KernelOn, CopyLifetime)
	if err := errors.Join(home.Put(ctx, key), on.Put(ctx, key)); err != nil {
		t.Fatal(err)
	}
	if _, err := WithCopy(home, NewKernel(KernelOff, CopyLifetime)).Get(ctx, key.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := on.Get(ctx, key.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("the kernel still has it: %v", err)
	}
}

func TestCheckAsksTheHome(t *testing.T) {
	home := NewOS(Options{Ring: newFakeRing()})
	home.check = func(context.Context, bool) (state, error) { return locked, nil }
	if err := WithCopy(home, NewKernel(KernelOff, 0)).Check(context.Background()); !errors.Is(err, ErrLocked) {
		t.Errorf("Check: %v", err)
	}
}

func TestParseMode(t *testing.T) {
	for s, want := range map[string]Mode{"": KernelAuto, "auto": KernelAuto, "on": KernelOn, "off": KernelOff} {
		if got, err := ParseMode(s); err != nil || got != want {
			t.Errorf("ParseMode(%q) = %q, %v", s, got, err)
		}
	}
	if _, err := ParseMode("yes"); err == nil {
		t.Error("ParseMode(yes) is a mode")
	}
}

// A passive door reads what lies there: the kernel gets no copy, and keeps the
// one it has though its keyring was turned off.
func TestPassiveReadLeavesTheKernelAsItIs(t *testing.T) {
	needKernel(t)
	ctx, key := context.Background(), NewKey()
	defer forget(t, key)
	home, on := NewOS(Options{Ring: newFakeRing(), Passive: true}), NewKernel(KernelOn, CopyLifetime)
	if err := home.Put(ctx, key); err != nil {
		t.Fatal(err)
	}
	if _, err := WithCopy(home, on).Get(ctx, key.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := on.Get(ctx, key.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("the kernel got a copy: %v", err)
	}
	if err := on.Put(ctx, key); err != nil {
		t.Fatal(err)
	}
	if _, err := WithCopy(home, NewKernel(KernelOff, CopyLifetime)).Get(ctx, key.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := on.Get(ctx, key.ID()); err != nil {
		t.Errorf("the kernel lost its copy: %v", err)
	}
}
