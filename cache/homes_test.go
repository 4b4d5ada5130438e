package cache

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/keyring"
)

// autoStore is Linux: an OS keyring that may be absent in a session, and the
// kernel's.
func autoStore(t *testing.T) (reopen func() *Store, os, kernel *keyring.Memory, dir string) {
	t.Helper()
	dir, os, kernel = filepath.Join(t.TempDir(), "kubecred"), keyring.NewMemory(), keyring.NewMemory()
	return func() *Store { return openStore(t, Options{Dir: dir, Keys: os, KernelKeys: kernel}) }, os, kernel, dir
}

func homeOf(t *testing.T, s *Store, id ID) Home {
	t.Helper()
	items, err := s.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		if item.ID == id && item.Err == nil && !item.Aside {
			return item.Home
		}
	}
	return Nowhere
}

func TestAutoPrefersTheKeyring(t *testing.T) {
	reopen, _, kernel, _ := autoStore(t)
	mustSave(t, reopen(), entry, record("token"))
	if home := homeOf(t, reopen(), entry); home != InKeyring || kernel.Len() != 0 {
		t.Errorf("sealed in %s, %d keys in the kernel", home, kernel.Len())
	}
}

func TestAutoWithoutAKeyringIsTheKernels(t *testing.T) {
	ctx := context.Background()
	reopen, os, _, _ := autoStore(t)
	os.Fail(&keyring.Error{Kind: keyring.ErrAbsent})
	if home, err := reopen().Probe(ctx); home != InKernel || err != nil {
		t.Errorf("Probe = %v, %v", home, err)
	}
	if home, err := reopen().Prepare(ctx); home != InKernel || err != nil {
		t.Errorf("Prepare = %v, %v", home, err)
	}
	mustSave(t, reopen(), entry, record("token"))
	wantLoad(t, reopen(), entry, record("token"))
	if home := homeOf(t, reopen(), entry); home != InKernel {
		t.Errorf("sealed in %s", home)
	}
}

// Never a silent downgrade: a keyring that is there but does not open is no
// reason to seal anywhere else.
func TestAutoNeverPassesOverALockedKeyring(t *testing.T) {
	ctx := context.Background()
	for _, kind := range []error{keyring.ErrLocked, keyring.ErrTimeout, keyring.ErrFailed} {
		reopen, os, kernel, dir := autoStore(t)
		os.Fail(&keyring.Error{Kind: kind})
		_, prepareErr := reopen().Prepare(ctx)
		if saveErr := save(reopen(), entry, record("token")); saveErr == nil || prepareErr == nil {
			t.Errorf("%v: Prepare %v, Save %v", kind, prepareErr, saveErr)
		}
		if files := snapshot(t, dir); len(files) != 0 || kernel.Len() != 0 {
			t.Errorf("%v: files %v, %d keys in the kernel", kind, files, kernel.Len())
		}
	}
}

// A container without a keyring: login must stop before any browser.
func TestNowhereToSealIsAnErrorThatNamesBoth(t *testing.T) {
	reopen, os, kernel, dir := autoStore(t)
	os.Fail(&keyring.Error{Kind: keyring.ErrAbsent, Detail: "no session bus"})
	kernel.Fail(&keyring.Error{Kind: keyring.ErrRefused, Detail: "this is a container"})
	_, err := reopen().Prepare(context.Background())
	var unavailable *UnavailableError
	if !errors.As(err, &unavailable) {
		t.Fatalf("Prepare: %v", err)
	}
	want := "there is no keyring: no session bus; the kernel's keyring is not to be used: this is a container"
	if err.Error() != want {
		t.Errorf("Prepare: %v", err)
	}
	if files := snapshot(t, dir); len(files) != 0 {
		t.Errorf("files were made: %v", files)
	}
}

// A desktop, and ssh into it: what the keyring seals is a miss there that
// login can answer, and stays for the desktop.
func TestSessionWithoutTheKeyringLeavesItsEntryAlone(t *testing.T) {
	ctx := context.Background()
	reopen, os, _, dir := autoStore(t)
	mustSave(t, reopen(), entry, record("desktop"))
	before := snapshot(t, filepath.Join(dir, "keyring"))

	os.Fail(&keyring.Error{Kind: keyring.ErrAbsent})
	if _, err := reopen().Load(ctx, entry); !errors.Is(err, ErrMiss) {
		t.Errorf("Load: %v", err)
	}
	mustSave(t, reopen(), entry, record("ssh"))
	wantLoad(t, reopen(), entry, record("ssh"))
	if !maps.Equal(before, snapshot(t, filepath.Join(dir, "keyring"))) {
		t.Error("the desktop's entry changed")
	}
	os.Fail(nil)
	wantLoad(t, reopen(), entry, record("desktop"))
}

// A rotated refresh token must not lie about in another home: it would turn
// up again and end the session.
func TestSaveSupersedesTheOtherHomesEntry(t *testing.T) {
	reopen, os, _, _ := autoStore(t)
	os.Fail(&keyring.Error{Kind: keyring.ErrAbsent})
	mustSave(t, reopen(), entry, record("first token"))
	os.Fail(nil)
	wantLoad(t, reopen(), entry, record("first token"))
	mustSave(t, reopen(), entry, record("second token"))
	os.Fail(&keyring.Error{Kind: keyring.ErrAbsent})
	if _, err := reopen().Load(context.Background(), entry); !errors.Is(err, ErrMiss) {
		t.Errorf("the first token came back: %v", err)
	}
}

func TestModesDoNotTouchEachOther(t *testing.T) {
	reopen, keys, dir := memoryStore(t)
	file := openStore(t, Options{Dir: dir, Storage: File})
	mustSave(t, reopen(), entry, record("sealed"))
	mustSave(t, file, entry, record("in a file"))
	mustSave(t, openStore(t, Options{Dir: dir, Storage: None}), entry, record("nowhere"))
	wantLoad(t, reopen(), entry, record("sealed"))
	wantLoad(t, file, entry, record("in a file"))
	if err := file.Remove(context.Background(), entry); err != nil {
		t.Fatal(err)
	}
	wantLoad(t, reopen(), entry, record("sealed"))
	if keys.Len() != 1 {
		t.Errorf("%d keys", keys.Len())
	}
}

func TestLostDataKeyFileIsAMissAndHeals(t *testing.T) {
	s, dir := fileStore(t)
	mustSave(t, s, entry, record("token"))
	keys, err := filepath.Glob(filepath.Join(dir, "file", "*.key"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("key files: %v, %v", keys, err)
	}
	for name, spoil := range map[string]func() error{
		"another key": func() error { return os.WriteFile(keys[0], keyring.NewKey().Bytes(), 0o600) },
		"too big":     func() error { return os.WriteFile(keys[0], make([]byte, maxFile+1), 0o600) },
		"gone":        func() error { return os.Remove(keys[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := spoil(); err != nil {
				t.Fatal(err)
			}
			again := openStore(t, Options{Dir: dir, Storage: File})
			mustSave(t, again, entry, record("again"))
			wantLoad(t, openStore(t, Options{Dir: dir, Storage: File}), entry, record("again"))
			keys, err = filepath.Glob(filepath.Join(dir, "file", "*.key"))
			if err != nil || len(keys) == 0 {
				t.Fatalf("key files: %v, %v", keys, err)
			}
		})
	}
}

// The real kernel, where it may be used.
func TestKernelHome(t *testing.T) {
	kernel := keyring.NewKernel(keyring.KernelOn, time.Minute)
	probe := keyring.NewKey()
	if err := kernel.Put(context.Background(), probe); err != nil {
		t.Skipf("the kernel's keyring cannot be used here: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "kubecred")
	reopen := func() *Store { return openStore(t, Options{Dir: dir, Keys: absentKeys(), KernelKeys: kernel}) }
	mustSave(t, reopen(), entry, record("token"))
	wantLoad(t, reopen(), entry, record("token"))
	for _, id := range append(reopen().vaults[1].namedKeys(), probe.ID()) {
		if err := kernel.Remove(id); err != nil {
			t.Error(err)
		}
	}
	if _, err := reopen().Load(context.Background(), entry); !errors.Is(err, ErrMiss) {
		t.Errorf("twelve hours later: %v", err)
	}
}
