package cache

// A vault is one home of data keys with its folder of entries.
//
// The folder's file "current" names, in the clear, the data key that new
// entries are sealed under; each entry names its own. A key is made once,
// under a lock, read back and compared before its name is written down. Since
// a key's ID is its fingerprint, a new key never takes an old one's place,
// whatever the keyring said about the old one.

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"

	"github.com/kubecred/kubecred/internal/keyring"
)

// Keys is a keyring as the cache needs it: *keyring.OS, *keyring.Kernel, one
// with a copy in the other, or keyring.NewMemory in tests. Errors are
// *keyring.Error or the context's.
type Keys interface {
	// Get returns the key with the ID. Not found is keyring.ErrNotFound.
	Get(ctx context.Context, id keyring.ID) (keyring.Key, error)
	// Put stores a key under its own ID.
	Put(ctx context.Context, key keyring.Key) error
	// Check reports whether Get and Put could work, and asks nobody.
	Check(ctx context.Context) error
}

const (
	currentName = "current"
	asideMark   = ".aside-"
)

type vault struct {
	home   Home
	folder folder
	keys   Keys
	locks  *locker

	mu    sync.Mutex
	known map[keyring.ID]keyring.Key // one keyring read per key and process
}

func (v *vault) key(ctx context.Context, id keyring.ID) (keyring.Key, error) {
	v.mu.Lock()
	key, ok := v.known[id]
	v.mu.Unlock()
	if ok {
		return key, nil
	}
	key, err := v.keys.Get(ctx, id)
	if err == nil {
		v.mu.Lock()
		v.known[id] = key
		v.mu.Unlock()
	}
	return key, err
}

// load opens the file called name as the entry id. Errors: ErrMiss where there
// is none, else those that Store.Load lists.
func (v *vault) load(ctx context.Context, id ID, name string) (Record, error) {
	data, err := v.folder.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, ErrMiss
	}
	if err != nil {
		return Record{}, err
	}
	keyID, err := parseHeader(data)
	if err != nil {
		return Record{}, v.explain(name, err)
	}
	key, err := v.key(ctx, keyID)
	if errors.Is(err, keyring.ErrNotFound) {
		return Record{}, &UnreadableError{v.folder.join(name), "its data key was not found"}
	}
	if err != nil {
		return Record{}, failure(v.home, err)
	}
	record, err := open(key, v.home, id, data)
	if err != nil {
		return Record{}, v.explain(name, err)
	}
	return record, nil
}

// explain gives the envelope's errors their path.
func (v *vault) explain(name string, err error) error {
	var newer newerError
	if errors.As(err, &newer) {
		return &NewerFormatError{v.folder.join(name), int(newer)}
	}
	return &UnreadableError{v.folder.join(name), err.Error()}
}

func (v *vault) save(ctx context.Context, key keyring.Key, id ID, r Record) error {
	name := id.String()
	data, err := seal(key, v.home, id, r)
	if err != nil {
		return err
	}
	if err := v.makeRoom(ctx, id); err != nil {
		return err
	}
	return v.folder.write(name, data)
}

// makeRoom sets aside what lies under the entry's name and does not open. What
// could still open another day (its keyring is locked) stays, as an error.
func (v *vault) makeRoom(ctx context.Context, id ID) error {
	_, err := v.load(ctx, id, id.String())
	var unreadable *UnreadableError
	switch {
	case err == nil, err == ErrMiss:
		return nil
	case errors.As(err, &unreadable):
		return v.folder.aside(id.String())
	}
	return err
}

// currentKey returns the key that new entries are sealed under, or makes it.
// Errors: *LockedError, *UnavailableError, *UnsafeError, *UnwritableError, the
// context's.
func (v *vault) currentKey(ctx context.Context) (keyring.Key, error) {
	key, err := v.namedKey(ctx)
	if errors.Is(err, keyring.ErrNotFound) {
		key, err = v.makeKey(ctx)
	}
	if err != nil {
		return keyring.Key{}, failure(v.home, err)
	}
	return key, nil
}

// namedKey returns the key that the file "current" names; no file, or one
// that names nothing, is keyring.ErrNotFound.
func (v *vault) namedKey(ctx context.Context) (keyring.Key, error) {
	text, err := v.folder.read(currentName)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrMiss) {
		return keyring.Key{}, keyring.ErrNotFound
	}
	if err != nil {
		return keyring.Key{}, err
	}
	id, err := keyring.ParseID(strings.TrimSpace(string(text)))
	if err != nil {
		return keyring.Key{}, keyring.ErrNotFound
	}
	return v.key(ctx, id)
}

func (v *vault) makeKey(ctx context.Context) (keyring.Key, error) {
	unlock, err := v.locks.lock(ctx, "key-"+string(v.home))
	if err != nil {
		return keyring.Key{}, err
	}
	defer unlock()
	if key, err := v.namedKey(ctx); !errors.Is(err, keyring.ErrNotFound) {
		return key, err // another process was faster, or the keyring just closed
	}
	if err := v.folder.create(); err != nil {
		return keyring.Key{}, err
	}
	key := keyring.NewKey()
	if err := v.keys.Put(ctx, key); err != nil {
		return keyring.Key{}, err
	}
	kept, err := v.key(ctx, key.ID())
	if err != nil || !kept.Equal(key) {
		return keyring.Key{}, &keyring.Error{Kind: keyring.ErrFailed, Detail: "it did not keep the new data key"}
	}
	return key, v.folder.write(currentName, []byte(key.ID().String()+"\n"))
}
