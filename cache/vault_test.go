package cache

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"sync"
	"testing"

	"github.com/kubecred/kubecred/internal/keyring"
)

func TestManyMayPrepareAtOnce(t *testing.T) {
	reopen, keys, dir := memoryStore(t)
	var all sync.WaitGroup
	for range 20 {
		s := reopen() // a process of its own, as far as files and locks go
		all.Go(func() {
			for range 5 {
				if _, err := s.Prepare(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if files := snapshot(t, dir); keys.Len() != 1 || len(files) != 1 {
		t.Errorf("%d keys, files %v", keys.Len(), files)
	}
}

// A process was killed while it made the data key, and the keyring has been
// locked since: what it made is not forgotten.
func TestStagedKeyWaitsForTheKeyring(t *testing.T) {
	reopen, keys, dir := memoryStore(t)
	key := keyring.NewKey()
	if err := errors.Join(keys.Put(context.Background(), key), reopen().vaults[0].folder.create()); err != nil {
		t.Fatal(err)
	}
	overwrite(t, filepath.Join(dir, "keyring", stagedName), []byte(key.ID().String()+"\n"))
	before := snapshot(t, dir)
	for _, kind := range []error{keyring.ErrLocked, keyring.ErrTimeout, keyring.ErrAbsent} {
		keys.Fail(&keyring.Error{Kind: kind})
		if err := save(reopen(), entry, record("token")); !errors.Is(err, kind) {
			t.Errorf("Save: %v", err)
		}
	}
	if !maps.Equal(before, snapshot(t, dir)) {
		t.Error("a file changed")
	}
	keys.Fail(nil)
	mustSave(t, reopen(), entry, record("token"))
	if keys.Len() != 1 {
		t.Errorf("%d keys", keys.Len())
	}
}
