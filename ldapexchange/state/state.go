// Package state is what the exchange remembers: who has a session, what was
// revoked, who failed how often.
//
// Store is the small interface below, made for more than one implementation:
// each change is a compare-and-swap of one key, entries end by themselves, and
// changes can be watched. Bolt keeps it in one file for one process; storetest
// tests any. Sessions, Revocations and Attempts stand on any Store and assume no
// more than it says.
//
// What is stored is of no use to a thief: of a refresh token there is its
// SHA-256, of names there are hashes where a key is made of them, and of
// passwords there is nothing at all.
//
// Where the guarantee ends: the file is for one process on one machine's own
// disk, not on a network file system. What a backup does not hold is lost with
// the file; so a store that is new, or restored, has a new epoch, and what was
// issued before it is refused (Revocations). A copy that was not made by Backup
// is noticed only where the file is another than before (its inode).
package state

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Store keeps entries. Its methods may be called at the same time.
//
// Errors of all: ErrUnavailable where the store cannot be read or written, and
// the context's. After an error nothing has changed, unless the store itself
// cannot tell, as when a machine that keeps it goes away in the middle.
type Store interface {
	// Get returns an entry that has not ended, or ErrNotFound.
	Get(ctx context.Context, key string) (Entry, error)
	// GetAll returns those entries of keys that have not ended, as they are at
	// one moment, in the order of keys. None is no error.
	GetAll(ctx context.Context, keys ...string) ([]Entry, error)
	// Put writes an entry and returns its version. version is that of the one
	// it replaces, or 0 where there is none; ErrConflict otherwise. A zero
	// expiry is never.
	Put(ctx context.Context, key string, value []byte, version uint64, expiry time.Time) (uint64, error)
	// Delete removes an entry of this version, or of any where it is 0.
	// None there is ErrNotFound, another ErrConflict.
	Delete(ctx context.Context, key string, version uint64) error
	// List goes through the entries that have not ended, by key. It sees each
	// as it is at some moment meanwhile.
	List(ctx context.Context, prefix string) iter.Seq2[Entry, error]
	// Watch tells of changes from now on, in their order, until the context
	// ends. A reader that is too slow finds the channel closed before that:
	// it then lists and watches again. An entry's end is not told.
	Watch(ctx context.Context, prefix string) <-chan Event
	// Epoch is the moment before which nothing is known.
	Epoch(ctx context.Context) (time.Time, error)
	// Close ends the store. It waits for what is under way.
	Close() error
}

// Entry is one key and its value. Versions only grow, and none is used twice,
// not even for a key that was deleted meanwhile.
type Entry struct {
	Key     string // 1 to MaxKey bytes
	Value   []byte // up to MaxValue bytes; the reader's own
	Version uint64
	Expiry  time.Time // zero is never
}

// Event is a change: the entry as it is now, or only the key of a deleted one.
type Event struct {
	Entry
	Deleted bool
}

// Bounds of an Entry.
const (
	MaxKey   = 512
	MaxValue = 64 << 10
)

var (
	// ErrNotFound: there is no such entry, or it has ended.
	ErrNotFound = errors.New("state: no such entry")
	// ErrConflict: somebody else was faster.
	ErrConflict = errors.New("state: another change came first")
	// ErrUnavailable: the store cannot be read or written now. Nothing is lost.
	ErrUnavailable = errors.New("state: the store is not available")
)

// InUseError: another process has the state file open.
type InUseError struct{ Path string }

// Error implements error.
func (e *InUseError) Error() string {
	return fmt.Sprintf("%s: another process uses this state file; one file is for one kubecred-exchange", e.Path)
}

// Is makes it an ErrUnavailable.
func (e *InUseError) Is(target error) bool { return target == ErrUnavailable }

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }
