package cache

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A person looks in the log for what status and hints call the entry.
func TestIDIsLoggedAsItIsShown(t *testing.T) {
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("served", "entry", entry)
	if !strings.Contains(log.String(), `"entry":"`+entry.String()+`"`) {
		t.Error(log.String())
	}
}

func TestIDIsReadAsItWasWritten(t *testing.T) {
	if back, err := ParseID(entry.String()); err != nil || back != entry {
		t.Errorf("ParseID(%s) = %v, %v", entry, back, err)
	}
	if entry == NewID([]byte("v1 issuer client2")) {
		t.Error("two entries have one ID")
	}
	for _, bad := range []string{"", "ab", strings.Repeat("A", 64), strings.Repeat("x", 64), entry.String() + "0"} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("ParseID(%q) found an ID", bad)
		}
	}
}

func TestParseStorage(t *testing.T) {
	for s, want := range map[string]Storage{
		"": Auto, "auto": Auto, "keyring": Keyring, "file": File, "disk": File, "none": None,
	} {
		if got, err := ParseStorage(s); err != nil || got != want {
			t.Errorf("ParseStorage(%q) = %q, %v", s, got, err)
		}
	}
	if _, err := ParseStorage("plain"); err == nil {
		t.Error("ParseStorage(plain) is a mode")
	}
}

func TestOpenTouchesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kubecred")
	for _, storage := range []Storage{Auto, Keyring, File, None} {
		s := openStore(t, Options{Dir: dir, Storage: storage})
		if _, err := s.Load(context.Background(), entry); err != ErrMiss {
			t.Errorf("%s: Load of nothing: %v", storage, err)
		}
		if items, err := s.List(context.Background()); err != nil || len(items) != 0 {
			t.Errorf("%s: List of nothing = %v, %v", storage, items, err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("a folder was made")
	}
	for _, bad := range []Options{{Storage: File}, {Dir: dir, Storage: "plain"}} {
		if _, err := Open(bad); err == nil {
			t.Errorf("Open(%+v) is a Store", bad)
		}
	}
}

func TestNoneStoresNothing(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "kubecred")
	for _, o := range []Options{{Storage: None}, {Storage: None, Dir: dir}} {
		s := openStore(t, o)
		mustSave(t, s, entry, record("secret"))
		if _, err := s.Load(ctx, entry); err != ErrMiss {
			t.Errorf("Load: %v", err)
		}
		if home, err := s.Prepare(ctx); home != Nowhere || err != nil {
			t.Errorf("Prepare = %v, %v", home, err)
		}
		if home, err := s.Probe(ctx); home != Nowhere || err != nil {
			t.Errorf("Probe = %v, %v", home, err)
		}
		if err := s.Remove(ctx, entry); err != nil {
			t.Errorf("Remove: %v", err)
		}
	}
	if files := snapshot(t, dir); len(files) != 0 {
		t.Errorf("files were made: %v", files)
	}
}
