package cache

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/keyring"
	ring "github.com/zalando/go-keyring"
)

func children() map[string]func(dir string) error {
	all := map[string]func(dir string) error{
		"make key": childMakeKey,
		"lock":     childLock,
		"crash":    childCrash,
	}
	maps.Copy(all, systemChildren())
	maps.Copy(all, diskChildren())
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
