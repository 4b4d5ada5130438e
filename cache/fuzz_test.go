package cache

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/keyring"
)

// Everything that is read from the folder is read safely, whatever lies there.
// FuzzOpen, beside the envelope, has the entries.

func FuzzParseID(f *testing.F) {
	f.Add(entry.String())
	f.Add(strings.ToUpper(entry.String()))
	f.Add(entry.String()[1:])
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseID(s); err == nil && id.String() != s {
			t.Errorf("%q was read as %s", s, id)
		}
	})
}

// Only an entry's own name, and what was set aside of it, is an entry.
func FuzzEntryName(f *testing.F) {
	for _, name := range []string{
		entry.String(), entry.String() + asideMark + "1", entry.String() + asideMark, asideMark,
		entry.String() + tempSuffix, currentName, "../" + entry.String(),
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id, aside, ok := entryName(name)
		if !ok {
			return
		}
		rest, found := strings.CutPrefix(name, id.String())
		if !found || aside != strings.HasPrefix(rest, asideMark) || !aside && rest != "" {
			t.Errorf("%q was read as %s, %v", name, id, aside)
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	key := keyring.NewKey()
	good := sealed(f, key, record("token"))
	f.Add(good)
	f.Add(good[:headerSize])
	f.Add(good[:headerSize-1])
	f.Add([]byte(magic + "\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		id, err := parseHeader(data)
		var newer newerError
		switch {
		case err == nil && !bytes.Equal(id[:], data[headerSize-len(id):headerSize]):
			t.Errorf("another ID: %s", id)
		case errors.As(err, &newer) && int(newer) <= version:
			t.Errorf("format %d is called newer", newer)
		case err != nil && !errors.As(err, &newer) && !errors.Is(err, errNotOurs):
			t.Errorf("an unknown error: %v", err)
		}
	})
}

// Whatever the file "current" and a key's file hold: what was saved before is
// there or a miss, what is saved now opens, and no other key is taken.
func FuzzKeyFiles(f *testing.F) {
	key := keyring.NewKey()
	f.Add(key.ID().String()+"\n", key.Bytes())
	f.Add(key.ID().String(), keyring.NewKey().Bytes())
	f.Add("../"+key.ID().String(), key.Bytes()[1:])
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, current string, raw []byte) {
		ctx, dir := context.Background(), filepath.Join(t.TempDir(), "kubecred")
		s := openStore(t, Options{Dir: dir, Storage: File})
		v := s.vaults[0]
		if err := v.folder.create(); err != nil {
			t.Fatal(err)
		}
		overwrite(t, v.folder.join(currentName), []byte(current))
		overwrite(t, v.folder.join(keyFile(key.ID())), raw)
		got, err := v.keys.Get(ctx, key.ID())
		if err == nil && !got.Equal(key) || err != nil && !errors.Is(err, keyring.ErrNotFound) {
			t.Errorf("Get = %s, %v", got.ID(), err)
		}
		mustSave(t, s, entry, record("token"))
		wantLoad(t, openStore(t, Options{Dir: dir, Storage: File}), entry, record("token"))
	})
}
