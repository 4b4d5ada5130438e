package issuer

// Rotation: a file more, and later a file less. Processes that share a folder
// take its lock for the change; readers need none.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/kubecred/kubecred/internal/private"
)

const lockPatience = 10 * time.Second

// KeyInfo tells of a key without showing it.
type KeyInfo struct {
	ID        string
	Algorithm Algorithm
	SignsFrom time.Time // zero where its file does not say
	Path      string
}

func (k *key) info() KeyInfo { return KeyInfo{k.id, k.algorithm, k.signsFrom, k.path} }

// List returns the published keys in the order in which they sign, and which
// of them signs now.
func (k *Keys) List() (keys []KeyInfo, signing string) {
	set := k.set.Load()
	for _, key := range set.keys {
		keys = append(keys, key.info())
	}
	return keys, set.signing(k.o.Now()).id
}

// Rotate publishes a new key, which signs after Options.PublishAhead. One that
// is waiting to sign already is left to it. Errors: ErrReadOnly, those of the
// file system; the keys are as they were.
func (k *Keys) Rotate() (KeyInfo, error) {
	var next *key
	err := k.change(func(keys []*key) (err error) {
		now := k.o.Now()
		if next = newest(keys); next != nil && next.signsFrom.After(now) && next.algorithm == k.o.Algorithm {
			return nil
		}
		next, err = k.generate(now.Add(k.o.PublishAhead))
		return err
	})
	if err != nil {
		return KeyInfo{}, err
	}
	return next.info(), nil
}

// Replace is for a key that somebody else may have: a new one signs at once,
// and all others are removed, so that every token they signed is refused here.
// Other processes follow when they next Tend, and verifiers elsewhere when they
// next fetch the key set.
func (k *Keys) Replace() (KeyInfo, error) {
	var next *key
	err := k.change(func(keys []*key) (err error) {
		if next, err = k.generate(k.o.Now()); err != nil {
			return err
		}
		return k.remove(keys)
	})
	if err != nil {
		return KeyInfo{}, err
	}
	return next.info(), nil
}

// Tend reads the folder again, rotates when that is due, and removes keys
// whose last token has ended. Whoever serves calls it every minute or so,
// which is how processes that share a folder learn of each other's keys.
// After an error the keys are as they were, and still sign.
func (k *Keys) Tend() error {
	if err := k.Reload(); err != nil || k.o.ReadOnly {
		return err
	}
	if set := k.set.Load(); !k.due(set.found) && len(set.keys) == len(set.found) {
		return nil
	}
	return k.change(func(keys []*key) error {
		if k.due(keys) {
			if _, err := k.generate(k.o.Now().Add(k.o.PublishAhead)); err != nil {
				return err
			}
		}
		return k.remove(keys[:len(keys)-len(alive(keys, k.o.Now()))])
	})
}

// due: the newest key has signed for long enough, or is of another algorithm.
func (k *Keys) due(keys []*key) bool {
	last := newest(keys)
	if last == nil || last.algorithm != k.o.Algorithm {
		return true
	}
	return k.o.RotateEvery > 0 && !k.o.Now().Before(last.signsFrom.Add(k.o.RotateEvery-k.o.PublishAhead))
}

func newest(keys []*key) *key {
	if len(keys) == 0 {
		return nil
	}
	return keys[len(keys)-1]
}

func (k *Keys) ensureFirst() error {
	keys, err := k.read()
	if err != nil || len(keys) > 0 {
		return err
	}
	_, err = k.generate(k.o.Now())
	return err
}

// change does something to the folder as it is now, and reads it again.
func (k *Keys) change(do func([]*key) error) error {
	if k.o.ReadOnly {
		return ErrReadOnly
	}
	return k.locked(func() error {
		keys, err := k.read()
		if err != nil {
			return err
		}
		return errors.Join(do(keys), k.reload())
	})
}

// locked keeps out other changes, of this process and of others.
func (k *Keys) locked(do func() error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := private.Folder(k.o.Dir); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(k.o.Dir, lockName), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return fmt.Errorf("%s: the lock cannot be had: %w", k.o.Dir, err)
	}
	defer lock.Close()
	return errors.Join(k.sweep(), do())
}

// sweep removes what writers left that were killed: half of a private key.
func (k *Keys) sweep() error {
	left, err := filepath.Glob(filepath.Join(globEscape(k.o.Dir), "*.pem"+private.TempSuffix))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func (k *Keys) remove(keys []*key) error {
	for _, key := range keys {
		if err := os.Remove(key.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		k.step("removed")
	}
	private.SyncFolder(k.o.Dir)
	return nil
}
