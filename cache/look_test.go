package cache

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestLookCounts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kubecred")
	if c, err := Look(dir); err != nil || c.Entries+c.Aside+len(c.Unsafe) != 0 {
		t.Errorf("no folder: %+v, %v", c, err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Fatal("a look made the folder")
	}
	open := func() *Store { return openStore(t, Options{Dir: dir, Storage: File}) }
	mustSave(t, open(), entry, record("one"))
	mustSave(t, open(), NewID([]byte("another")), record("two"))
	path := filepath.Join(dir, "file", entry.String())
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustSave(t, open(), entry, record("three"))
	before := snapshot(t, dir)
	c, err := Look(dir)
	if err != nil || c.Entries != 2 || c.Aside != 1 || len(c.Unsafe) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if after := snapshot(t, dir); len(after) != len(before) {
		t.Errorf("%d files, and %d after a look", len(before), len(after))
	}
}

func TestLookFindsWhatIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are Unix's")
	}
	dir := filepath.Join(t.TempDir(), "kubecred")
	s := openStore(t, Options{Dir: dir, Storage: File})
	mustSave(t, s, entry, record("one"))
	for _, path := range []string{filepath.Join(dir, "file", entry.String()), filepath.Join(dir, "locks")} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := Look(dir); err != nil || len(c.Unsafe) != 2 || c.Entries != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if c, err := Look(dir); err != nil || len(c.Unsafe) != 1 || c.Entries != 0 {
		t.Errorf("nothing is looked at below a folder that is refused: %+v, %v", c, err)
	}
}
