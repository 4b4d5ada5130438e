package cache

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/keyring"
	ring "github.com/zalando/go-keyring"
)

func children() map[string]func(dir string) error {
	all := map[string]func(dir string) error{
		"make key": childMakeKey,
		"lock":     childLock,
		"die":      childDie,
	}
	for name, run := range systemChildren() {
		all[name] = run
	}
	return all
}

// folderRing is an OS keyring that many processes see: a file an item, each
// call slow enough for others to come between.
type folderRing string

func (r folderRing) path(service, user string) string {
	return filepath.Join(string(r), service+" "+user)
}

func (r folderRing) Get(service, user string) (string, error) {
	time.Sleep(2 * time.Millisecond)
	data, err := os.ReadFile(r.path(service, user))
	if errors.Is(err, os.ErrNotExist) {
		return "", ring.ErrNotFound
	}
	return string(data), err
}

func (r folderRing) Set(service, user, value string) error {
	time.Sleep(20 * time.Millisecond)
	return os.WriteFile(r.path(service, user), []byte(value), 0o600)
}

func ringStore(dir string) (*Store, error) {
	return Open(Options{
		Dir: filepath.Join(dir, "kubecred"), Storage: Keyring,
		Keys: keyring.NewOS(keyring.Options{Ring: folderRing(filepath.Join(dir, "ring"))}),
	})
}

func TestTwentyProcessesMakeOneKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "ring"), 0o700); err != nil {
		t.Fatal(err)
	}
	var (
		cmds  []*exec.Cmd
		gates []io.Closer
	)
	for i := range 20 {
		cmd := child(t, "make key", dir, stepEnv+"="+strconv.Itoa(i))
		gate, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		cmds, gates = append(cmds, cmd), append(gates, gate)
	}
	for _, gate := range gates {
		if err := gate.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if items, err := os.ReadDir(filepath.Join(dir, "ring")); err != nil || len(items) != 1 {
		t.Errorf("%d keys in the keyring, %v; want 1", len(items), err)
	}
	s, err := ringStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		wantLoad(t, s, NewID([]byte(strconv.Itoa(i))), record(strconv.Itoa(i)))
	}
}

// childMakeKey waits at the gate with the others, then saves its own entry.
func childMakeKey(dir string) error {
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	s, err := ringStore(dir)
	if err != nil {
		return err
	}
	name := os.Getenv(stepEnv)
	return save(s, NewID([]byte(name)), record(name))
}

// childLock says when it waits and when it has the lock, then holds it until
// it is killed or its input ends.
func childLock(dir string) error {
	s, err := Open(Options{Dir: dir, Storage: File})
	if err != nil {
		return err
	}
	fmt.Println("waiting")
	unlock, err := s.Lock(context.Background(), entry)
	if err != nil {
		return err
	}
	defer unlock()
	fmt.Println("locked")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

type process struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	stdin io.Closer
}

func startLocker(t *testing.T, dir string) process {
	t.Helper()
	cmd := child(t, "lock", dir)
	stdin, inErr := cmd.StdinPipe()
	stdout, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	return process{cmd, bufio.NewScanner(stdout), stdin}
}

func (p process) expect(t *testing.T, line string) {
	t.Helper()
	if !p.lines.Scan() || p.lines.Text() != line {
		t.Fatalf("the process said %q, not %q", p.lines.Text(), line)
	}
}

func TestLockIsHandedToAnotherProcess(t *testing.T) {
	s, dir := fileStore(t)
	unlock := lockNow(t, s, entry)
	waiter := startLocker(t, dir)
	waiter.expect(t, "waiting")
	begin := time.Now()
	unlock()
	waiter.expect(t, "locked")
	if wait := time.Since(begin); wait > time.Second {
		t.Errorf("the waiter woke after %v", wait)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Lock(ctx, entry); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("two processes have the lock: %v", err)
	}
	if err := errors.Join(waiter.stdin.Close(), waiter.cmd.Wait()); err != nil {
		t.Error(err)
	}
	lockNow(t, s, entry)()
}

func TestKilledHolderFreesTheLock(t *testing.T) {
	s, dir := fileStore(t)
	holder := startLocker(t, dir)
	holder.expect(t, "waiting")
	holder.expect(t, "locked")
	if err := holder.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	lockNow(t, s, entry)()
	if wait := time.Since(begin); wait > time.Second {
		t.Errorf("the lock was free after %v", wait)
	}
	_ = holder.cmd.Wait()
}

// Test 7: a writer killed at any step leaves the old state or the new, no
// lock, and nothing in the way of the next.
func TestKilledWriterLeavesOldOrNew(t *testing.T) {
	for _, test := range []struct {
		name string
		old  Record
		make func(t *testing.T, dir string, s *Store)
	}{
		{"the first entry", Record{}, func(*testing.T, string, *Store) {}},
		{"over an older one", record("old"), func(t *testing.T, _ string, s *Store) {
			mustSave(t, s, entry, record("old"))
		}},
		{"over a damaged one", Record{}, func(t *testing.T, dir string, s *Store) {
			mustSave(t, s, entry, record("old"))
			overwrite(t, filepath.Join(dir, "file", entry.String()), []byte("damage"))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			killed := 0
			for step := 1; ; step++ {
				s, dir := fileStore(t)
				test.make(t, dir, s)
				out, err := child(t, "die", dir, stepEnv+"="+strconv.Itoa(step)).CombinedOutput()
				if err == nil {
					break
				}
				if len(out) > 0 {
					t.Fatalf("step %d: %s", step, out)
				}
				killed++
				oldOrNew(t, s, test.old, step)
				lockNow(t, s, entry)()
				mustSave(t, s, entry, record("next"))
				wantLoad(t, s, entry, record("next"))
				for path := range snapshot(t, dir) {
					if strings.HasSuffix(path, entry.String()+tempSuffix) {
						t.Errorf("step %d: %s was left behind", step, path)
					}
				}
			}
			if killed < 3 {
				t.Errorf("killed at %d steps only", killed)
			}
		})
	}
}

func oldOrNew(t *testing.T, s *Store, old Record, step int) {
	t.Helper()
	got, err := s.Load(context.Background(), entry)
	switch {
	case err == nil && (string(got.Payload) == "new" || string(got.Payload) == string(old.Payload)):
	case errors.Is(err, ErrMiss) && old.Payload == nil:
	default:
		t.Errorf("killed at step %d: Load = %q, %v", step, got.Payload, err)
	}
}

// childDie saves an entry and kills itself at the step it was told.
func childDie(dir string) error {
	s, err := Open(Options{Dir: dir, Storage: File})
	if err != nil {
		return err
	}
	left, err := strconv.Atoi(os.Getenv(stepEnv))
	if err != nil {
		return err
	}
	v := s.vaults[0]
	v.folder.step = func(string) {
		if left--; left == 0 {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			fmt.Println("still alive:", err)
			select {}
		}
	}
	v.keys = fileKeys{v.folder}
	return save(s, entry, record("new"))
}
