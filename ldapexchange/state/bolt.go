package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/kubecred/kubecred/internal/private"
)

const (
	// lockPatience is how long a second process waits for the file.
	lockPatience = 500 * time.Millisecond
	sweepEvery   = time.Minute
	// sweepBatch bounds what one transaction removes: those who wait for the
	// next one wait for this.
	sweepBatch = 512
)

// Options of a Bolt.
type Options struct {
	// Path of the file. It and its folder are made, for us alone, where they
	// are missing; the folder above is there. A volume's own top is root's: a
	// folder in it will do.
	Path string
	Log  *slog.Logger     // nil is nowhere
	Now  func() time.Time // nil is time.Now
}

// Bolt is a Store in one file. Changes that come at the same time are written
// together, and each is on the disk when its call returns.
type Bolt struct {
	o       Options
	db      *bolt.DB
	changes chan *change
	closing chan struct{}
	closed  chan struct{}
	once    sync.Once
	watch   watchers
	failing atomic.Bool  // the last transaction could not be written
	step    func(string) // told of each step of a change; a seam for tests
}

var _ Store = (*Bolt)(nil)

// OpenBolt opens the file or makes it. Errors: *InUseError within a second,
// *private.UnsafeError, ErrUnavailable.
func OpenBolt(o Options) (*Bolt, error) { return openBolt(o, func(string) {}) }

func openBolt(o Options, step func(string)) (*Bolt, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	db, err := openFile(o.Path)
	if err != nil {
		return nil, err
	}
	s := &Bolt{
		o: o, db: db, step: step,
		changes: make(chan *change, 64), closing: make(chan struct{}), closed: make(chan struct{}),
	}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	go s.run()
	return s, nil
}

func openFile(path string) (db *bolt.DB, err error) {
	if err := private.Folder(filepath.Dir(path)); err != nil {
		return nil, unsafeOr(err)
	}
	if err := private.Check(path, private.Ours); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unsafeOr(err)
	}
	defer recovered(&err)
	db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: lockPatience, FreelistType: bolt.FreelistMapType})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, &InUseError{path}
	case err != nil:
		return nil, unavailable(fmt.Errorf("%s: %w", path, err))
	}
	return db, nil
}

func unsafeOr(err error) error {
	if unsafe := (*private.UnsafeError)(nil); errors.As(err, &unsafe) {
		return err
	}
	return unavailable(err)
}

// recovered turns bbolt's panic about a page that is damaged into an error:
// github.com/etcd-io/bbolt/issues/778.
func recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = unavailable(fmt.Errorf("the file is damaged: %v", cause))
	}
}

// Close implements Store.
func (s *Bolt) Close() error {
	s.once.Do(func() { close(s.closing) })
	<-s.closed
	return s.db.Close()
}

// What Check writes: more than a session needs, so that it does not find room
// where a session finds none.
const (
	checkKey  = "check"
	checkSize = 32 << 10
)

// Check returns why the store cannot be used. After a change that could not be
// written it writes one itself, and takes it back: whoever is kept away because
// of the first would never find out that the disk has room again.
func (s *Bolt) Check(ctx context.Context) error {
	if _, err := s.Epoch(ctx); err != nil || !s.failing.Load() {
		return err
	}
	err := s.write(ctx, func(tx *bolt.Tx) (*Event, error) {
		version, err := tx.Bucket([]byte(entryBucket)).NextSequence()
		if err != nil {
			return nil, err
		}
		return nil, store(tx, Entry{Key: checkKey, Value: make([]byte, checkSize), Version: version, Expiry: s.o.Now()})
	})
	if err != nil {
		return err
	}
	return s.write(ctx, func(tx *bolt.Tx) (*Event, error) { return nil, erase(tx, []byte(checkKey)) })
}

// view reads in a transaction.
func (s *Bolt) view(ctx context.Context, read func(*bolt.Tx) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer recovered(&err)
	return classified(s.db.View(read))
}

// classified leaves our own errors as they are and makes bbolt's and the
// system's ErrUnavailable.
func classified(err error) error {
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) || errors.Is(err, ErrUnavailable) {
		return err
	}
	return unavailable(err)
}

// Backup writes a copy of the store as it is now to a new file, while it is in
// use. The copy knows that it is one: whoever opens it begins a new epoch.
func (s *Bolt) Backup(ctx context.Context, path string) (err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: it is there already", path)
	}
	temp := path + private.TempSuffix
	defer func() {
		if err != nil {
			err = errors.Join(classified(err), removeIfThere(temp))
		}
	}()
	if err := s.copyTo(ctx, temp); err != nil {
		return err
	}
	if err := markCopy(temp); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	private.SyncFolder(filepath.Dir(path))
	return nil
}

func (s *Bolt) copyTo(ctx context.Context, path string) error {
	if err := removeIfThere(path); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = s.view(ctx, func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(file)
		return err
	})
	return errors.Join(err, file.Sync(), file.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
