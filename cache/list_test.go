package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubecred/kubecred/internal/keyring"
)

func TestListShowsWhatThereIs(t *testing.T) {
	ctx := context.Background()
	reopen, _, dir := memoryStore(t)
	good, bad := NewID([]byte("good")), NewID([]byte("bad"))
	mustSave(t, reopen(), good, record("token"))
	mustSave(t, reopen(), bad, record("token"))
	badPath := filepath.Join(dir, "keyring", bad.String())
	overwrite(t, badPath, []byte("damage"))
	for _, stray := range []string{"notes.txt", good.String() + ".tmp", good.String()[1:], "probe-1.tmp"} {
		overwrite(t, filepath.Join(dir, "keyring", stray), []byte("stray"))
	}
	items, err := reopen().List(ctx)
	if err != nil || len(items) != 2 {
		t.Fatalf("List = %+v, %v", items, err)
	}
	for _, item := range items {
		var unreadable *UnreadableError
		if ok := item.ID == good; ok != (item.Err == nil) || ok == errors.As(item.Err, &unreadable) {
			t.Errorf("%s: %v", item.ID, item.Err)
		}
		info, err := os.Stat(item.Path)
		if err != nil || !info.ModTime().Equal(item.ModTime) || item.Home != InKeyring || item.Aside {
			t.Errorf("item = %+v, %v", item, err)
		}
	}
}

func TestDiscardTakesOneFile(t *testing.T) {
	ctx := context.Background()
	reopen, _, dir := memoryStore(t)
	path := filepath.Join(dir, "keyring", entry.String())
	mustSave(t, reopen(), entry, record("token"))
	overwrite(t, path, []byte("damage"))
	mustSave(t, reopen(), entry, record("healed"))
	items, err := reopen().List(ctx)
	if err != nil || len(items) != 2 || items[0].Aside || !items[1].Aside {
		t.Fatalf("List = %+v, %v", items, err)
	}
	if err := reopen().Discard(items[1]); err != nil {
		t.Fatal(err)
	}
	wantLoad(t, reopen(), entry, record("healed"))
	if items, err := reopen().List(ctx); err != nil || len(items) != 1 {
		t.Errorf("List = %+v, %v", items, err)
	}
	outside := filepath.Join(t.TempDir(), entry.String())
	overwrite(t, outside, nil)
	for _, item := range []Item{
		{ID: entry, Path: outside},
		{ID: entry, Path: filepath.Join(dir, "keyring", currentName)},
		{ID: NewID(nil), Path: path},
		{ID: entry, Path: filepath.Join(dir, "keyring", "..", "keyring", entry.String()) + "/../" + currentName},
	} {
		if reopen().Discard(item) == nil {
			t.Errorf("Discard(%s) went through", item.Path)
		}
	}
	wantLoad(t, reopen(), entry, record("healed"))
}

func TestDropCopiesNamesEveryKeyOfTheFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kubecred")
	keys := &copies{Memory: keyring.NewMemory()}
	s := openStore(t, Options{Dir: dir, Storage: Keyring, Keys: keys})
	mustSave(t, s, entry, record("token"))
	mustSave(t, s, NewID(nil), record("token"))
	old := keyring.NewKey() // an entry from before, sealed under a key of its own
	data, err := seal(old, InKeyring, NewID([]byte("old")), record("old"))
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, filepath.Join(dir, "keyring", NewID([]byte("old")).String()), data)
	if err := s.DropCopies(); err != nil {
		t.Fatal(err)
	}
	if len(keys.dropped) != 2 {
		t.Errorf("%d copies dropped, want 2", len(keys.dropped))
	}
	keys.err = &keyring.Error{Kind: keyring.ErrRefused}
	if err := s.DropCopies(); err != nil {
		t.Errorf("where there is no kernel's keyring: %v", err)
	}
	keys.err = &keyring.Error{Kind: keyring.ErrFailed}
	if err := s.DropCopies(); err == nil {
		t.Error("a copy that stays is no error")
	}
}

type copies struct {
	*keyring.Memory
	dropped map[keyring.ID]bool
	err     error
}

func (c *copies) DropCopy(id keyring.ID) error {
	if c.dropped == nil {
		c.dropped = map[keyring.ID]bool{}
	}
	c.dropped[id] = true
	return c.err
}
