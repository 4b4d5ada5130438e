package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/keyring"
)

// Item is one entry in a list.
type Item struct {
	ID      ID
	Record  Record // empty if Err is not nil
	Err     error  // why it does not open: as Load's errors, but never a plain ErrMiss
	Home    Home
	ModTime time.Time // when it was written
	Path    string
	Aside   bool // it was set aside by a Save; Load does not see it
}

// List returns every entry of the Store's homes, those that were set aside
// included, by ID and then by name. Its error is *UnsafeError or the system's;
// no folder is an empty list.
func (s *Store) List(ctx context.Context) ([]Item, error) {
	var items []Item
	for _, v := range s.vaults {
		found, err := v.list(ctx)
		if err != nil {
			return nil, err
		}
		items = append(items, found...)
	}
	slices.SortFunc(items, func(a, b Item) int {
		return strings.Compare(filepath.Base(a.Path), filepath.Base(b.Path))
	})
	return items, nil
}

func (v *vault) list(ctx context.Context) ([]Item, error) {
	err := v.folder.check()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	files, err := os.ReadDir(v.folder.path)
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, file := range files {
		id, aside, ok := entryName(file.Name())
		if !ok {
			continue
		}
		item := Item{ID: id, Home: v.home, Path: v.folder.join(file.Name()), Aside: aside}
		if info, err := file.Info(); err == nil {
			item.ModTime = info.ModTime()
		}
		item.Record, item.Err = v.load(ctx, id, file.Name())
		if item.Err == ErrMiss { // removed meanwhile
			continue
		}
		items = append(items, item)
	}
	return items, nil
}

// entryName takes a file's name apart.
func entryName(name string) (id ID, aside, ok bool) {
	stem, _, aside := strings.Cut(name, asideMark)
	id, err := ParseID(stem)
	return id, aside, err == nil
}

// Discard deletes the one file that an Item of List is about, as for an entry
// that was set aside. The caller holds the Lock of its ID.
func (s *Store) Discard(item Item) error {
	name := filepath.Base(item.Path)
	id, _, ok := entryName(name)
	for _, v := range s.vaults {
		if ok && id == item.ID && item.Path == v.folder.join(name) {
			return v.folder.remove(name)
		}
	}
	return fmt.Errorf("%s is no entry of this cache", item.Path)
}

// dropper is a keyring that holds faster copies of its keys.
type dropper interface{ DropCopy(id keyring.ID) error }

// DropCopies takes the kernel's copies of the data keys that the folder names
// away, so that the next hit asks the OS keyring again. The keys themselves,
// and with them the entries, stay; but a key that only the kernel holds goes
// too where it seals nothing any more. No kernel's keyring is no error.
func (s *Store) DropCopies() error {
	var errs []error
	for _, v := range s.vaults {
		drop := func(keyring.ID) error { return nil }
		switch keys := v.keys.(type) {
		case dropper:
			drop = keys.DropCopy
		case *keyring.Kernel:
			if !v.sealsAny() {
				drop = keys.Remove
			}
		}
		for _, id := range v.namedKeys() {
			if err := drop(id); !errors.Is(err, keyring.ErrRefused) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// sealsAny reports whether the folder holds entries, or may hold some.
func (v *vault) sealsAny() bool {
	files, err := os.ReadDir(v.folder.path)
	return err != nil || slices.ContainsFunc(files, func(file os.DirEntry) bool {
		_, _, isEntry := entryName(file.Name())
		return isEntry
	})
}

// namedKeys returns the IDs that the folder's files name.
func (v *vault) namedKeys() []keyring.ID {
	files, err := os.ReadDir(v.folder.path)
	if err != nil {
		return nil
	}
	var ids []keyring.ID
	for _, file := range files {
		data, err := v.folder.read(file.Name())
		if err != nil {
			continue
		}
		id, err := parseHeader(data)
		if file.Name() == currentName {
			id, err = keyring.ParseID(strings.TrimSpace(string(data)))
		}
		if err == nil && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
