package keyring

import "context"

// Copied is the OS keyring with the kernel's in front of it: what the kernel
// holds costs two system calls and wakes no bus. Any answer of the kernel but
// the right key is passed over without a word.
type Copied struct {
	home *OS
	copy *Kernel
}

// WithCopy puts copy in front of home.
func WithCopy(home *OS, copy *Kernel) *Copied { return &Copied{home, copy} }

// Get returns the key with the ID, and leaves a copy of it with the kernel; or
// takes an older copy away where the kernel's keyring was turned off since. A
// passive home leaves the kernel as it is. Errors are the home's.
func (c *Copied) Get(ctx context.Context, id ID) (Key, error) {
	if c.home.passive {
		if key, err := c.copy.Get(ctx, id); err == nil {
			return key, nil
		}
		return c.home.Get(ctx, id)
	}
	if c.copy.mode == KernelOff {
		_ = c.copy.Remove(id)
		return c.home.Get(ctx, id)
	}
	if key, err := c.copy.Get(ctx, id); err == nil {
		return key, nil
	}
	key, err := c.home.Get(ctx, id)
	if err == nil {
		_ = c.copy.Put(ctx, key) // a bonus; without it the next read is slower
	}
	return key, err
}

// Put stores the key at home only, so that a Get right after it asks there.
func (c *Copied) Put(ctx context.Context, key Key) error { return c.home.Put(ctx, key) }

// Check asks the home.
func (c *Copied) Check(ctx context.Context) error { return c.home.Check(ctx) }

// DropCopy takes the copy out of the kernel and leaves the key at home.
func (c *Copied) DropCopy(id ID) error { return c.copy.Remove(id) }
