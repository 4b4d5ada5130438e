package caller

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/keyring"
)

// Cache is a cache folder of a caller's, and where the key lies that seals it.
type Cache struct {
	Dir     string
	storage cache.Storage
	kernel  cache.KernelMode // "" where nothing asks for it
	bus     []string         // the variables by which the Secret Service is found
}

// SealedByFile makes a new cache whose data key lies in a file beside the entries.
func (c *Caller) SealedByFile() (*Cache, error) {
	return c.newCache(&Cache{storage: cache.File})
}

// SealedByKeyring makes a new cache whose data key lies in the Secret Service that env leads to,
// with a copy in the kernel's keyring.
func (c *Caller) SealedByKeyring(env []string) (*Cache, error) {
	return c.newCache(&Cache{storage: cache.Keyring, kernel: "on", bus: env})
}

func (c *Caller) newCache(in *Cache) (*Cache, error) {
	dir, err := os.MkdirTemp(c.Root, "cache-")
	in.Dir = dir
	c.caches = append(c.caches, in)
	return in, err
}

// KernelLacks says why the kernel's keyring cannot be used here, or "" where it can: a container's
// seccomp profile may refuse it, and only Linux has one.
func KernelLacks(ctx context.Context) string {
	kernel, key := keyring.NewKernel(keyring.KernelOn, keyring.CopyLifetime), keyring.NewKey()
	if err := errors.Join(kernel.Put(ctx, key), kernel.Remove(key.ID())); err != nil {
		return err.Error()
	}
	return ""
}

// WithoutKernel is the same cache to one who does not use the kernel's keyring: the Secret Service
// is asked each time.
func (in *Cache) WithoutKernel() *Cache {
	other := *in
	other.kernel = "off"
	return &other
}

// WithoutKeyring is the same cache to one who finds no Secret Service.
func (in *Cache) WithoutKeyring() *Cache {
	other := *in
	other.bus = []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=" + filepath.Join(in.Dir, "no-bus")}
	return &other
}

func (in *Cache) flags() []string {
	flags := []string{"--token-cache-dir=" + in.Dir, "--token-cache-storage=" + string(in.storage)}
	if in.kernel != "" {
		flags = append(flags, "--kernel-keyring="+string(in.kernel))
	}
	return flags
}

func (in *Cache) open() (*cache.Store, error) {
	return cache.Open(cache.Options{Dir: in.Dir, Storage: in.storage, Kernel: in.kernel})
}

func (in *Cache) dropCopies() error {
	store, err := in.open()
	if err != nil {
		return err
	}
	return store.DropCopies()
}

// Stock adds entries like the one that is there until there are n.
func (in *Cache) Stock(ctx context.Context, n int) error {
	store, held, err := in.held(ctx)
	if err != nil {
		return err
	}
	for len(held) < n {
		var random [32]byte
		rand.Read(random[:])
		like := held[0].Record
		if err := save(ctx, store, cache.NewID(random[:]), like); err != nil {
			return err
		}
		held = append(held, held[0])
	}
	return nil
}

// Expire makes every entry one whose token ended a minute ago. What renews it is as good as before.
func (in *Cache) Expire(ctx context.Context) error {
	store, held, err := in.held(ctx)
	for _, item := range held {
		item.Record.Expiry = time.Now().Add(-time.Minute)
		err = errors.Join(err, save(ctx, store, item.ID, item.Record))
	}
	return err
}

// held returns what lies in the cache: at least one entry that opens.
func (in *Cache) held(ctx context.Context) (*cache.Store, []cache.Item, error) {
	store, err := in.open()
	if err != nil {
		return nil, nil, err
	}
	items, err := store.List(ctx)
	if err == nil && len(items) == 0 {
		err = fmt.Errorf("nothing lies in %s", in.Dir)
	}
	for _, item := range items {
		err = errors.Join(err, item.Err)
	}
	return store, items, err
}

func save(ctx context.Context, store *cache.Store, id cache.ID, r cache.Record) error {
	unlock, err := store.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	return store.Save(ctx, id, r)
}
