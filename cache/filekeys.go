package cache

import (
	"context"
	"errors"
	"io/fs"

	"github.com/kubecred/kubecred/internal/keyring"
)

// fileKeys keeps data keys in 0600 files beside the entries. This protects
// from nobody who can read the files, so it is used only when asked for by
// name; the seal still finds damage and swapped entries.
type fileKeys struct{ folder folder }

func keyFile(id keyring.ID) string { return id.String() + ".key" }

func (k fileKeys) Get(_ context.Context, id keyring.ID) (keyring.Key, error) {
	raw, err := k.folder.read(keyFile(id))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrMiss) {
		return keyring.Key{}, &keyring.Error{Kind: keyring.ErrNotFound}
	}
	if err != nil {
		return keyring.Key{}, err
	}
	key, err := keyring.KeyFromBytes(raw)
	if err != nil || key.ID() != id {
		return keyring.Key{}, &keyring.Error{Kind: keyring.ErrNotFound, Detail: "its file holds something else"}
	}
	return key, nil
}

// Put is called by one process at a time, so one temporary name is enough.
func (k fileKeys) Put(_ context.Context, key keyring.Key) error {
	return k.folder.writeBy("new-key"+tempSuffix, keyFile(key.ID()), key.Bytes())
}

// Check has nothing to ask: a folder is looked at when it is used.
func (k fileKeys) Check(context.Context) error { return nil }
