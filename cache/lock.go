package cache

// Locks between processes. A lock file is never unlinked: whoever waits on one
// that was would hold a lock nobody else sees. The kernel frees the lock of a
// process that dies, however it dies.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/gofrs/flock"
)

type locker struct {
	folder folder
	log    *slog.Logger

	mu    sync.Mutex
	local map[string]chan struct{}
}

// Lock waits until no other process and no other goroutine holds the entry's
// lock. The error is the context's, or an *UnsafeError. Where no lock file can
// be made (no folder, a read-only one: nothing can be saved either) or the file
// system has no locks, the lock holds within this Store only. unlock may be
// called more than once.
func (s *Store) Lock(ctx context.Context, id ID) (unlock func(), err error) {
	return s.locks.lock(ctx, id.String())
}

// TryLock is Lock for work that another process may as well do: where that one
// holds the entry's lock, or where no lock file can be made, it returns at once
// with ok false.
func (s *Store) TryLock(id ID) (unlock func(), ok bool, err error) {
	l := s.locks
	name := id.String() + ".lock"
	if l.folder.root == "" {
		return nil, false, nil
	}
	if err := l.folder.touch(name); err != nil {
		return nil, false, err
	}
	file := flock.New(l.folder.join(name), flock.SetFlag(os.O_RDONLY|noFollow))
	ok, err = file.TryLock()
	if err != nil || !ok {
		return nil, false, err
	}
	return sync.OnceFunc(func() { _ = file.Unlock() }), true, nil
}

// LockNamed is Lock for something else than an entry, as "one browser login
// at a time". A name has lower-case letters and hyphens.
func (s *Store) LockNamed(ctx context.Context, name string) (unlock func(), err error) {
	for _, r := range name {
		if (r < 'a' || r > 'z') && r != '-' {
			return nil, fmt.Errorf("%q cannot name a lock", name)
		}
	}
	return s.locks.lock(ctx, "for-"+name)
}

func (l *locker) lock(ctx context.Context, name string) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.folder.root == "" {
		return l.lockLocally(ctx, name)
	}
	name += ".lock"
	if err := l.folder.touch(name); err != nil {
		var unwritable *UnwritableError
		if !errors.As(err, &unwritable) {
			return nil, err
		}
		l.log.Debug("no lock file, this process is on its own", "error", err)
		return l.lockLocally(ctx, name)
	}
	file := flock.New(l.folder.join(name), flock.SetFlag(os.O_RDONLY|noFollow))
	switch err := wait(ctx, file); {
	case err == nil:
		return sync.OnceFunc(func() { _ = file.Unlock() }), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	default:
		l.log.Warn("no locks on this file system, this process is on its own", "error", err)
		return l.lockLocally(ctx, name)
	}
}

// wait blocks in the kernel rather than asking again and again: a waiter wakes
// at once, in turn, and costs nothing while a person types a password. The
// call knows no context, so a waiter who gives up leaves it behind, and what
// it gets too late it gives back.
func wait(ctx context.Context, file *flock.Flock) error {
	if locked, err := file.TryLock(); locked || err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- file.Lock() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		go func() {
			if <-done == nil {
				_ = file.Unlock()
			}
		}()
		return ctx.Err()
	}
}

func (l *locker) lockLocally(ctx context.Context, name string) (func(), error) {
	l.mu.Lock()
	held, ok := l.local[name]
	if !ok {
		held = make(chan struct{}, 1)
		l.local[name] = held
	}
	l.mu.Unlock()
	select {
	case held <- struct{}{}:
		return sync.OnceFunc(func() { <-held }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
