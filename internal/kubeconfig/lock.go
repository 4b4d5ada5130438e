package kubeconfig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

const (
	lockSuffix = ".lock"
	// lockWait is how long another program may hold the lock. kubectl holds it
	// for milliseconds, and does not wait for it at all.
	lockWait = 5 * time.Second
	lockPoll = 20 * time.Millisecond
)

// LockError is a lock that did not go away. A program that was killed leaves
// one behind, and nobody else can tell.
type LockError struct {
	Path  string // of the lock
	Since time.Time
}

func (e *LockError) Error() string {
	return fmt.Sprintf("another program is changing the kubeconfig, or was killed: its lock %s is there since %s", e.Path, e.Since.Format(time.DateTime))
}

// lock takes kubectl's locks of files (client-go, clientcmd.ModifyConfig): a
// file beside each that only its maker may make. In one order, so that two who
// want the same never wait for each other.
func lock(ctx context.Context, paths ...string) (unlock func() error, err error) {
	var held []string
	unlock = func() (err error) {
		for _, path := range held {
			if e := os.Remove(path); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = e
			}
		}
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		if err := lockOne(ctx, path); err != nil {
			_ = unlock()
			return nil, err
		}
		held = append(held, path+lockSuffix)
	}
	return unlock, nil
}

func lockOne(ctx context.Context, path string) error {
	for {
		file, err := os.OpenFile(path+lockSuffix, os.O_CREATE|os.O_EXCL, 0)
		switch {
		case err == nil:
			_ = file.Close()
			return nil
		case !errors.Is(err, fs.ErrExist) && !busy(err):
			return &UnwritableError{path, err}
		}
		select {
		case <-ctx.Done():
			return lockError(ctx, path, err)
		case <-time.After(lockPoll):
		}
	}
}

// lockError says why a file's lock was waited for in vain.
func lockError(ctx context.Context, path string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Cause(ctx)
	}
	info, gone := os.Lstat(path + lockSuffix)
	if gone != nil {
		return &UnwritableError{path, err}
	}
	return &LockError{path + lockSuffix, info.ModTime()}
}
