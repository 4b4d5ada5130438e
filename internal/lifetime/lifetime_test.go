//go:build unix

package lifetime

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

const patience = 10 * time.Second

// role lets the test binary play the processes of TestParentDies.
const role = "LIFETIME_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "parent":
		playParent()
	case "child":
		playChild()
	default:
		os.Exit(m.Run())
	}
}

func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		hear(sig)
		ctx, stop := watch(t.Context(), func() bool { return false })
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
		wait(t, ctx)
		if cause := context.Cause(ctx); !errors.Is(cause, ErrInterrupted) {
			t.Errorf("%v: cause %v", sig, cause)
		}
		stop()
	}
}

// hear lets this process have a signal that whoever runs the tests, as nohup,
// has had it ignore.
func hear(sig os.Signal) {
	once := make(chan os.Signal, 1)
	signal.Notify(once, sig)
	signal.Stop(once)
}

// nohup's wish stands: what was ignored stays so.
func TestIgnoredSignals(t *testing.T) {
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	ctx, stop := Context(t.Context())
	if !signal.Ignored(syscall.SIGHUP) {
		t.Error("SIGHUP is heard again")
	}
	stop()
	wait(t, ctx)
}

func TestStop(t *testing.T) {
	ctx, stop := Context(t.Context())
	stop()
	wait(t, ctx)
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		t.Errorf("cause %v", cause)
	}
}

func wait(t *testing.T, ctx context.Context) {
	t.Helper()
	select {
	case <-ctx.Done():
	case <-time.After(patience):
		t.Fatal("the context did not end")
	}
}

// A kubectl that is killed leaves its plugin behind (exec-protocol.md,
// consequence 5): the plugin ends by itself.
func TestParentDies(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), role+"=parent")
	parent.Stdout = w
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	lines := bufio.NewScanner(r)
	if !lines.Scan() || lines.Text() != "watching" {
		t.Fatalf("the child said %q", lines.Text())
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	parent.Wait()
	r.SetReadDeadline(time.Now().Add(patience))
	if !lines.Scan() || !strings.Contains(lines.Text(), ErrParentDied.Error()) {
		t.Errorf("the child said %q, %v", lines.Text(), lines.Err())
	}
}

func playParent() {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), role+"=child")
	child.Stdout = os.Stdout
	if err := child.Run(); err != nil {
		os.Exit(1)
	}
}

func playChild() {
	ctx, stop := Context(context.Background())
	defer stop()
	fmt.Println("watching")
	select {
	case <-ctx.Done():
		fmt.Println(context.Cause(ctx))
	case <-time.After(patience):
	}
}
