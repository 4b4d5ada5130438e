package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/keyring"
)

// Nothing that cannot be opened is ever overwritten: whatever is done to the
// cache, and in whatever order, its bytes lie where they lay or in a file that
// was set aside. Only who asks for the entry's end, by name, ends it.

// damages are the ways in which a file cannot be opened, made of a good one.
func damages(home Home) map[string]func(t *testing.T, good []byte) []byte {
	constant := func(data string) func(*testing.T, []byte) []byte {
		return func(*testing.T, []byte) []byte { return []byte(data) }
	}
	sealedBy := func(home Home, id ID) func(*testing.T, []byte) []byte {
		return func(t *testing.T, _ []byte) []byte {
			data, err := seal(keyring.NewKey(), home, id, record("precious"))
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	return map[string]func(*testing.T, []byte) []byte{
		"tampered with": func(_ *testing.T, good []byte) []byte {
			bad := bytes.Clone(good)
			bad[len(bad)-1] ^= 1
			return bad
		},
		"cut":                          func(_ *testing.T, good []byte) []byte { return good[:len(good)/2] },
		"empty":                        constant(""),
		"plain text":                   constant(`{"refresh_token":"x"}`),
		"too big":                      constant(strings.Repeat("x", maxFile+1)),
		"of a newer format":            constant(magic + "\x02of a later program"),
		"sealed by a key that is lost": sealedBy(home, entry),
		"another entry's":              sealedBy(home, NewID([]byte("another"))),
		"another home's":               sealedBy(InFile, entry),
	}
}

func TestWhatCannotBeOpenedIsKept(t *testing.T) {
	for _, home := range []Home{InKeyring, InKernel} {
		for name, spoil := range damages(home) {
			t.Run(name+" in the "+string(home), func(t *testing.T) {
				t.Parallel()
				reopen, os, kernel, dir := autoStore(t)
				mustSave(t, reopen(), entry, record("in the keyring"))
				os.Fail(&keyring.Error{Kind: keyring.ErrAbsent})
				mustSave(t, reopen(), entry, record("in the kernel"))
				path := filepath.Join(dir, string(home), entry.String())
				damaged := spoil(t, []byte(snapshot(t, dir)[strings.TrimPrefix(path, dir)]))
				overwrite(t, path, damaged)
				walk(t, reopen, os, kernel, func(step string) {
					if !kept(t, dir, home, damaged, name == "of a newer format") {
						t.Fatalf("%s: what could not be opened is gone", step)
					}
				})
			})
		}
	}
}

// walk does everything twice, in an order of chance, and calls check after
// each step.
func walk(t *testing.T, reopen func() *Store, os, kernel *keyring.Memory, check func(step string)) {
	t.Helper()
	ctx := context.Background()
	steps := map[string]func(s *Store){
		"the keyring is back":   func(*Store) { os.Fail(nil) },
		"the keyring is absent": func(*Store) { os.Fail(&keyring.Error{Kind: keyring.ErrAbsent}) },
		"the keyring is locked": func(*Store) { os.Fail(&keyring.Error{Kind: keyring.ErrLocked}) },
		"the kernel refuses":    func(*Store) { kernel.Fail(&keyring.Error{Kind: keyring.ErrRefused}) },
		"the kernel is back":    func(*Store) { kernel.Fail(nil) },
		// What these return depends on the order, and is other tests' matter.
		"Load":           func(s *Store) { _, _ = s.Load(ctx, entry) },
		"List":           func(s *Store) { _, _ = s.List(ctx) },
		"Prepare":        func(s *Store) { _, _ = s.Prepare(ctx) },
		"Probe":          func(s *Store) { _, _ = s.Probe(ctx) },
		"Save":           func(s *Store) { _ = save(s, entry, record("new")) },
		"Save another":   func(s *Store) { _ = save(s, NewID([]byte("another")), record("another")) },
		"Save too much":  func(s *Store) { _ = save(s, entry, Record{Payload: make([]byte, MaxPayload+1)}) },
		"Remove another": func(s *Store) { _ = s.Remove(ctx, NewID([]byte("another"))) },
		"Discard what opens": func(s *Store) {
			items, _ := s.List(ctx)
			for _, item := range items {
				if item.Err == nil {
					_ = s.Discard(item)
				}
			}
		},
		"DropCopies": func(s *Store) { _ = s.DropCopies() },
	}
	var order []string
	for name := range steps {
		order = append(order, name, name, "Save")
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for i, name := range order {
		steps[name](reopen())
		check(fmt.Sprintf("%q", order[:i+1]))
	}
}

// kept reports whether a file of the entry, or one set aside, holds the bytes.
func kept(t *testing.T, dir string, home Home, data []byte, inPlace bool) bool {
	t.Helper()
	pattern := filepath.Join(dir, string(home), entry.String()+asideMark+"*")
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if inPlace {
		paths = nil
	}
	for _, path := range append(paths, filepath.Join(dir, string(home), entry.String())) {
		if found, err := os.ReadFile(path); err == nil && bytes.Equal(found, data) {
			return true
		}
	}
	return false
}

// A clock that was set back, or two files of one moment: each file that is set
// aside has a name of its own, and the cache believes no time.
func TestClockDoesNotMatter(t *testing.T) {
	ctx := context.Background()
	for _, at := range []time.Time{time.Unix(0, 0), time.Unix(-1, 0), time.Now().AddDate(50, 0, 0)} {
		s, dir := fileStore(t)
		path := filepath.Join(dir, "file", entry.String())
		for n := range 3 {
			r := Record{Payload: []byte{byte(n)}, Expiry: at}
			mustSave(t, s, entry, r)
			wantLoad(t, s, entry, r)
			overwrite(t, path, fmt.Append(nil, "damage ", n))
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Load(ctx, entry); !errors.Is(err, ErrMiss) {
				t.Errorf("Load: %v", err)
			}
		}
		mustSave(t, s, entry, record("healed"))
		wantLoad(t, s, entry, record("healed"))
		items, err := s.List(ctx)
		if err != nil || len(items) != 4 {
			t.Fatalf("%v: %d items, %v", at, len(items), err)
		}
		texts := map[string]bool{}
		for _, item := range items[1:] {
			texts[snapshot(t, dir)[strings.TrimPrefix(item.Path, dir)]] = item.Aside && item.ModTime.Equal(at)
		}
		if !texts["damage 0"] || !texts["damage 1"] || !texts["damage 2"] {
			t.Errorf("%v: set aside: %v", at, texts)
		}
	}
}
