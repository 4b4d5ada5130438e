package cache

// A vault is one home of data keys with its folder of entries.
//
// The folder's file "current" names, in the clear, the data key that new
// entries are sealed under; each entry names its own. A key is made once,
// under a lock, read back and compared before it is the current one. Since
// a key's ID is its fingerprint, a new key never takes an old one's place,
// whatever the keyring said about the old one.

import (
	"context"
	"errors"
	"io/fs"
	"os"
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
	stagedName  = currentName + tempSuffix
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
		return Record{}, &UnreadableError{Path: v.folder.join(name), Reason: "its data key was not found", KeyMissing: true}
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
	return &UnreadableError{Path: v.folder.join(name), Reason: err.Error()}
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
	key, err := v.namedKey(ctx, currentName)
	if errors.Is(err, keyring.ErrNotFound) {
		key, err = v.makeKey(ctx)
	}
	if err != nil {
		return keyring.Key{}, failure(v.home, err)
	}
	return key, nil
}

// namedKey returns the key that the file called name names; no file, or one
// that names nothing, is keyring.ErrNotFound.
func (v *vault) namedKey(ctx context.Context, name string) (keyring.Key, error) {
	text, err := v.folder.read(name)
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

// makeKey makes the current key: its name is staged, the key is put into its
// home, the name becomes "current". A process that is killed in between leaves
// a name that the next one finds: no key lies about that nobody knows.
func (v *vault) makeKey(ctx context.Context) (keyring.Key, error) {
	unlock, err := v.lock(ctx)
	if err != nil {
		return keyring.Key{}, err
	}
	defer unlock()
	if key, err := v.namedKey(ctx, currentName); !errors.Is(err, keyring.ErrNotFound) {
		return key, err // another process was faster, or the keyring just closed
	}
	switch key, err := v.namedKey(ctx, stagedName); {
	case err == nil:
		return key, v.folder.rename(stagedName, currentName)
	case isKeyrings(err), ctx.Err() != nil:
		return keyring.Key{}, err
	}
	key := keyring.NewKey()
	if err := v.folder.writeTemp(stagedName, []byte(key.ID().String()+"\n")); err != nil {
		return keyring.Key{}, err
	}
	defer os.Remove(v.folder.join(stagedName)) // still there only after an error
	if err := v.keep(ctx, key); err != nil {
		return keyring.Key{}, err
	}
	return key, v.folder.rename(stagedName, currentName)
}

// isKeyrings tells a keyring that does not answer from a name that is no good.
func isKeyrings(err error) bool {
	var failed *keyring.Error
	return errors.As(err, &failed) && !errors.Is(err, keyring.ErrNotFound)
}

// keep puts a new key into its home, and reads it back.
func (v *vault) keep(ctx context.Context, key keyring.Key) error {
	if err := v.keys.Put(ctx, key); err != nil {
		return err
	}
	v.folder.step("kept")
	kept, err := v.key(ctx, key.ID())
	if err != nil || !kept.Equal(key) {
		return &keyring.Error{Kind: keyring.ErrFailed, Detail: "it did not keep the new data key"}
	}
	return nil
}

// tryWrite reports whether the folder takes files.
func (v *vault) tryWrite(ctx context.Context) error {
	unlock, err := v.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return v.folder.tryWrite()
}

// lock is for what the processes of one home do one by one, whatever entry
// they are about.
func (v *vault) lock(ctx context.Context) (unlock func(), err error) {
	return v.locks.lock(ctx, "key-"+string(v.home))
}
