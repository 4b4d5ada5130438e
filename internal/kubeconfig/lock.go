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
	return fmt.Sprintf("another program is changing the kubeconfig: %s has been there since %s", e.Path, e.Since.Format(time.DateTime))
}

// lock takes kubectl's locks of files (client-go, clientcmd.ModifyConfig): a
// file beside each that only its maker may make. In one order, so that two who
// want the same never wait for each other.
func lock(ctx context.Context, paths ...string) (unlock func() error, err error) {
	var held []string
	unlock = func() (err error) {
		for _, path := range held {
			err = errors.Join(err, os.Remove(path))
		}
		return err
	}
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		if err := lockOne(ctx, path+lockSuffix); err != nil {
			return nil, errors.Join(err, unlock())
		}
		held = append(held, path+lockSuffix)
	}
	return unlock, nil
}

func lockOne(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0)
		if err == nil {
			return file.Close()
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		select {
		case <-ctx.Done():
			return lockError(path)
		case <-time.After(lockPoll):
		}
	}
}

func lockError(path string) error {
	e := &LockError{Path: path}
	if info, err := os.Lstat(path); err == nil {
		e.Since = info.ModTime()
	}
	return e
}
