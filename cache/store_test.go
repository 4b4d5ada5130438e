package cache

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/keyring"
)

func TestSavedIsLoadedByAnotherProcess(t *testing.T) {
	reopen, keys, _ := memoryStore(t)
	for _, r := range []Record{record("first"), record("second"), {Payload: []byte("for ever")}} {
		mustSave(t, reopen(), entry, r)
		wantLoad(t, reopen(), entry, r)
	}
	if keys.Len() != 1 {
		t.Errorf("%d data keys, want 1", keys.Len())
	}
	if _, err := reopen().Load(context.Background(), NewID(nil)); err != ErrMiss {
		t.Errorf("Load of another entry: %v", err)
	}
}

func TestLoadWritesNothing(t *testing.T) {
	s, dir := fileStore(t)
	mustSave(t, s, entry, record("token"))
	if err := os.RemoveAll(filepath.Join(dir, "locks")); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	wantLoad(t, openStore(t, Options{Dir: dir, Storage: File}), entry, record("token"))
	if !maps.Equal(before, snapshot(t, dir)) {
		t.Error("Load changed a file")
	}
	if _, err := os.Stat(filepath.Join(dir, "locks")); err == nil {
		t.Error("Load made a folder")
	}
}

func TestRemove(t *testing.T) {
	ctx := context.Background()
	reopen, keys, _ := memoryStore(t)
	mustSave(t, reopen(), entry, record("token"))
	keys.Fail(keyring.ErrLocked) // a person may forget what cannot be read
	for range 2 {
		if err := reopen().Remove(ctx, entry); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := reopen().Load(ctx, entry); err != ErrMiss {
		t.Errorf("Load: %v", err)
	}
}

func TestTooBigIsRefused(t *testing.T) {
	s, _ := fileStore(t)
	mustSave(t, s, entry, record("old"))
	if err := save(s, entry, Record{Payload: make([]byte, MaxPayload+1)}); !errors.Is(err, ErrTooBig) {
		t.Errorf("Save: %v", err)
	}
	wantLoad(t, s, entry, record("old"))
}

// Test 6 of the cache's list: locked or timed out is not lost.
func TestUnavailableKeyringLosesNothing(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct {
		kind   error
		locked bool
		reason Reason
	}{
		{kind: keyring.ErrLocked, locked: true},
		{kind: keyring.ErrTimeout, reason: TimedOut},
		{kind: keyring.ErrAbsent, reason: Absent},
		{kind: keyring.ErrRefused, reason: Refused},
		{kind: keyring.ErrFailed, reason: Failed},
	} {
		t.Run(test.kind.Error(), func(t *testing.T) {
			reopen, keys, dir := memoryStore(t)
			mustSave(t, reopen(), entry, record("precious"))
			before := snapshot(t, dir)
			keys.Fail(&keyring.Error{Kind: test.kind})
			_, loadErr := reopen().Load(ctx, entry)
			_, prepareErr := reopen().Prepare(ctx)
			_, probeErr := reopen().Probe(ctx)
			items, err := reopen().List(ctx)
			if err != nil || len(items) != 1 {
				t.Fatalf("List = %v, %v", items, err)
			}
			for _, err := range []error{loadErr, prepareErr, probeErr, items[0].Err, save(reopen(), entry, record("plain"))} {
				var (
					locked      *LockedError
					unavailable *UnavailableError
				)
				isLocked := errors.As(err, &locked) && locked.Home == InKeyring
				isReason := errors.As(err, &unavailable) && unavailable.Reason == test.reason && unavailable.Home == InKeyring
				if errors.Is(err, ErrMiss) || isLocked != test.locked || isReason == test.locked {
					t.Errorf("error = %#v", err)
				}
			}
			if !maps.Equal(before, snapshot(t, dir)) {
				t.Error("a file changed")
			}
			keys.Fail(nil)
			wantLoad(t, reopen(), entry, record("precious"))
		})
	}
}

// Test 8: tampered, swapped or renamed files are a miss, and heal.
func TestUnreadableEntryIsAMissAndHeals(t *testing.T) {
	ctx := context.Background()
	other := NewID([]byte("other"))
	for name, spoil := range map[string]func(t *testing.T, path, otherPath string){
		"tampered": func(t *testing.T, path, _ string) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)-1] ^= 1
			overwrite(t, path, data)
		},
		"renamed": func(t *testing.T, path, otherPath string) {
			if err := os.Rename(otherPath, path); err != nil {
				t.Fatal(err)
			}
		},
		"swapped": func(t *testing.T, path, otherPath string) {
			err := errors.Join(os.Rename(path, path+"x"), os.Rename(otherPath, path), os.Rename(path+"x", otherPath))
			if err != nil {
				t.Fatal(err)
			}
		},
		"empty":     func(t *testing.T, path, _ string) { overwrite(t, path, nil) },
		"not ours":  func(t *testing.T, path, _ string) { overwrite(t, path, []byte("{\"id_token\":\"x\"}")) },
		"too big":   func(t *testing.T, path, _ string) { overwrite(t, path, make([]byte, maxFile+1)) },
		"cut short": func(t *testing.T, path, _ string) { overwrite(t, path, []byte(magic+"\x01")) },
	} {
		t.Run(name, func(t *testing.T) {
			reopen, _, dir := memoryStore(t)
			mustSave(t, reopen(), entry, record("mine"))
			mustSave(t, reopen(), other, record("other's"))
			path := filepath.Join(dir, "keyring", entry.String())
			spoil(t, path, filepath.Join(dir, "keyring", other.String()))
			spoilt, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var why *UnreadableError
			if _, err := reopen().Load(ctx, entry); !errors.Is(err, ErrMiss) || !errors.As(err, &why) {
				t.Errorf("Load: %v", err)
			}
			mustSave(t, reopen(), entry, record("healed"))
			wantLoad(t, reopen(), entry, record("healed"))
			asides, err := filepath.Glob(path + asideMark + "*")
			if err != nil || len(asides) != 1 {
				t.Fatalf("set aside: %v, %v", asides, err)
			}
			if kept, err := os.ReadFile(asides[0]); err != nil || !bytes.Equal(kept, spoilt) {
				t.Errorf("what was set aside changed: %v", err)
			}
		})
	}
}

func TestNewerFormatIsNeverOverwritten(t *testing.T) {
	ctx := context.Background()
	s, dir := fileStore(t)
	mustSave(t, s, entry, record("token"))
	path := filepath.Join(dir, "file", entry.String())
	overwrite(t, path, []byte(magic+"\x02of a later program"))
	before := snapshot(t, dir)
	_, loadErr := s.Load(ctx, entry)
	for _, err := range []error{loadErr, save(s, entry, record("older"))} {
		var newer *NewerFormatError
		if !errors.As(err, &newer) || newer.Version != 2 || newer.Path != path || errors.Is(err, ErrMiss) {
			t.Errorf("error = %v", err)
		}
	}
	if !maps.Equal(before, snapshot(t, dir)) {
		t.Error("a file changed")
	}
}

// A keyring that hides the key (go-keyring falls back to another collection)
// gets a new key under a new ID; when the old one shows again nothing was lost.
func TestHiddenKeyIsNotReplaced(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "kubecred")
	login, fallback := keyring.NewMemory(), keyring.NewMemory()
	mustSave(t, openStore(t, Options{Dir: dir, Storage: Keyring, Keys: login}), entry, record("precious"))

	hidden := openStore(t, Options{Dir: dir, Storage: Keyring, Keys: fallback})
	if _, err := hidden.Load(ctx, entry); !errors.Is(err, ErrMiss) {
		t.Fatalf("Load without the key: %v", err)
	}
	mustSave(t, hidden, entry, record("signed in again"))

	back := openStore(t, Options{Dir: dir, Storage: Keyring, Keys: login})
	items, err := back.List(ctx)
	if err != nil || len(items) != 2 || login.Len() != 1 {
		t.Fatalf("List = %d items, %v; %d keys", len(items), err, login.Len())
	}
	if aside := items[1]; !aside.Aside || aside.Err != nil || string(aside.Record.Payload) != "precious" {
		t.Errorf("what was set aside does not open: %+v", aside)
	}
}

func TestKeyThatIsNotKeptIsNotUsed(t *testing.T) {
	s, _, dir := memoryStore(t)
	lossy := openStore(t, Options{Dir: dir, Storage: Keyring, Keys: forgetful{keyring.NewMemory()}})
	var unavailable *UnavailableError
	if err := save(lossy, entry, record("token")); !errors.As(err, &unavailable) || unavailable.Reason != Failed {
		t.Errorf("Save: %v", err)
	}
	if files := snapshot(t, dir); len(files) != 0 {
		t.Errorf("files were made: %v", files)
	}
	mustSave(t, s(), entry, record("token"))
}

// forgetful is a keyring that takes a key and does not have it after.
type forgetful struct{ *keyring.Memory }

func (forgetful) Put(context.Context, keyring.Key) error { return nil }

func TestPrepareMakesTheKeyOnce(t *testing.T) {
	ctx := context.Background()
	reopen, keys, dir := memoryStore(t)
	for range 2 {
		if home, err := reopen().Prepare(ctx); home != InKeyring || err != nil {
			t.Fatalf("Prepare = %v, %v", home, err)
		}
	}
	if files := snapshot(t, dir); keys.Len() != 1 || len(files) != 1 {
		t.Errorf("%d keys, files %v", keys.Len(), files)
	}
}

func TestProbeMakesNothing(t *testing.T) {
	ctx := context.Background()
	reopen, keys, dir := memoryStore(t)
	if home, err := reopen().Probe(ctx); home != InKeyring || err != nil {
		t.Errorf("Probe = %v, %v", home, err)
	}
	if _, err := os.Stat(dir); err == nil || keys.Len() != 0 {
		t.Error("Probe made something")
	}
}

// No secret in an error or a log, at any verbosity.
func TestNothingTellsThePayload(t *testing.T) {
	ctx := context.Background()
	var log bytes.Buffer
	keys, kernel := keyring.NewMemory(), keyring.NewMemory()
	dir := filepath.Join(t.TempDir(), "kubecred")
	reopen := func() *Store {
		return openStore(t, Options{
			Dir: dir, Keys: keys, KernelKeys: kernel,
			Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
	}
	mustSave(t, reopen(), entry, record("payload-canary"))
	keys.Fail(&keyring.Error{Kind: keyring.ErrAbsent})
	mustSave(t, reopen(), entry, record("payload-canary"))
	keys.Fail(&keyring.Error{Kind: keyring.ErrLocked})
	_, err := reopen().Load(ctx, entry)
	log.WriteString(err.Error())
	if !strings.Contains(log.String(), "passed over") || strings.Contains(log.String(), "canary") {
		t.Errorf("the log:\n%s", log.String())
	}
	for path, text := range snapshot(t, dir) {
		if strings.Contains(text, "canary") || strings.Contains(path, "canary") {
			t.Errorf("plain text in %s", path)
		}
	}
}

func BenchmarkLoadHit(b *testing.B) {
	ctx := context.Background()
	for _, test := range []struct {
		name string
		o    Options
	}{
		{"file", Options{Storage: File}},
		{"kernel", Options{KernelKeys: keyring.NewKernel(keyring.KernelOn, time.Minute), Keys: absentKeys()}},
	} {
		b.Run(test.name, func(b *testing.B) {
			test.o.Dir = filepath.Join(b.TempDir(), "kubecred")
			s, err := Open(test.o)
			if err == nil {
				err = save(s, entry, record(strings.Repeat("token", 1000)))
			}
			if err != nil {
				b.Skip(err)
			}
			for b.Loop() {
				s, err := Open(test.o)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Load(ctx, entry); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func absentKeys() *keyring.Memory {
	keys := keyring.NewMemory()
	keys.Fail(&keyring.Error{Kind: keyring.ErrAbsent})
	return keys
}
