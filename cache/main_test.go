package cache

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/keyring"
)

// The test binary runs itself again for what needs processes of their own.
const (
	childEnv = "KUBECRED_CACHE_TEST_CHILD"
	dirEnv   = "KUBECRED_CACHE_TEST_DIR"
	stepEnv  = "KUBECRED_CACHE_TEST_STEP"
)

func TestMain(m *testing.M) {
	name := os.Getenv(childEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	run, ok := children()[name]
	if !ok {
		fmt.Println("no such child:", name)
		os.Exit(2)
	}
	if err := run(os.Getenv(dirEnv)); err != nil {
		fmt.Println("child failed:", err)
		os.Exit(1)
	}
}

// child returns a command that runs the named child on dir.
func child(t *testing.T, name, dir string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	// The race detector would sleep a second at each exit.
	cmd.Env = append(os.Environ(), append(env, childEnv+"="+name, dirEnv+"="+dir, "GORACE=atexit_sleep_ms=0")...)
	return cmd
}

var entry = NewID([]byte("v1 issuer client"))

func record(text string) Record {
	return Record{Payload: []byte(text), Expiry: time.Date(2026, 11, 23, 12, 0, 0, 5, time.UTC)}
}

// openStore opens a Store or ends the test.
func openStore(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fileStore(t *testing.T) (*Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kubecred")
	return openStore(t, Options{Dir: dir, Storage: File}), dir
}

// memoryStore returns a way to open, as each process would, one cache whose
// data key lies in a keyring in memory.
func memoryStore(t *testing.T) (reopen func() *Store, keys *keyring.Memory, dir string) {
	t.Helper()
	dir, keys = filepath.Join(t.TempDir(), "kubecred"), keyring.NewMemory()
	return func() *Store { return openStore(t, Options{Dir: dir, Storage: Keyring, Keys: keys}) }, keys, dir
}

// save is Lock, Save, unlock.
func save(s *Store, id ID, r Record) error {
	unlock, err := s.Lock(context.Background(), id)
	if err != nil {
		return err
	}
	defer unlock()
	return s.Save(context.Background(), id, r)
}

func mustSave(t *testing.T, s *Store, id ID, r Record) {
	t.Helper()
	if err := save(s, id, r); err != nil {
		t.Fatal(err)
	}
}

func wantLoad(t *testing.T, s *Store, id ID, want Record) {
	t.Helper()
	got, err := s.Load(context.Background(), id)
	if err != nil || !bytes.Equal(got.Payload, want.Payload) || !got.Expiry.Equal(want.Expiry) {
		t.Errorf("Load = %.60q %v, %v; want %.60q", got.Payload, got.Expiry, err, want.Payload)
	}
}

// snapshot returns the content of every file below dir, locks left out.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := contents(dir)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func contents(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".lock") {
			return err
		}
		data, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir)] = string(data)
		return err
	})
	return files, err
}

func overwrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
