package state

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/kubecred/kubecred/internal/secret"
)

// A real SIGKILL at each step of the rotation of a refresh token: who holds
// the old one, having seen no answer, goes on with it; who holds the new one
// goes on with that; and then the old one is found out.
func TestKilledRotationLosesNoSession(t *testing.T) {
	t.Parallel()
	step := 1
	for ; ; step++ {
		dir := t.TempDir()
		token := beginSession(t, dir)
		out, err := child(t, "crash", dir, stepEnv+"="+strconv.Itoa(step)).CombinedOutput()
		if len(out) > 0 {
			t.Fatalf("step %d: %s", step, out)
		}
		goesOn(t, dir, token, step)
		if err == nil {
			break
		}
	}
	if step < 4 {
		t.Errorf("killed at %d steps only", step-1)
	}
}

func tokenPath(dir string) string { return filepath.Join(dir, "token") }

// beginSession leaves a store with a session, and its token beside it.
func beginSession(t *testing.T, dir string) secret.Text {
	t.Helper()
	s := openAt(t, statePath(dir), nil)
	_, token, err := mustRooms(t, s, nil).sessions.Create(context.Background(), begun())
	if err == nil {
		err = os.WriteFile(tokenPath(dir), []byte(token.Reveal()), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	return token
}

func childCrash(dir string) error {
	left, err := strconv.Atoi(os.Getenv(stepEnv))
	data, readErr := os.ReadFile(tokenPath(dir))
	if err := errors.Join(err, readErr); err != nil {
		return err
	}
	s, err := openBolt(Options{Path: statePath(dir)}, func(string) {
		if left--; left == 0 {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			fmt.Println("still alive:", err)
			select {}
		}
	})
	if err != nil {
		return err
	}
	r, err := roomsOf(s, nil)
	if err != nil {
		return err
	}
	_, _, err = r.sessions.Rotate(context.Background(), secret.New(string(data)), "kubernetes", nil)
	return errors.Join(err, s.Close())
}

// goesOn holds that the old token works once more, what it gives works, and
// that the old one is then seen to be reused.
func goesOn(t *testing.T, dir string, token secret.Text, step int) {
	t.Helper()
	ctx := context.Background()
	s := openAt(t, statePath(dir), nil)
	sessions := mustRooms(t, s, nil).sessions
	session, next, err := sessions.Rotate(ctx, token, "kubernetes", nil)
	if err != nil || session.Name != "alice" {
		t.Fatalf("killed at step %d: the old token: %v", step, err)
	}
	_, last, err := sessions.Rotate(ctx, next, "kubernetes", nil)
	if err != nil {
		t.Fatalf("killed at step %d: the new token: %v", step, err)
	}
	if _, _, err := sessions.Rotate(ctx, token, "kubernetes", nil); !errors.Is(err, ErrReuse) {
		t.Errorf("killed at step %d: the old token again: %v", step, err)
	}
	if _, _, err := sessions.Rotate(ctx, last, "kubernetes", nil); !errors.Is(err, ErrSession) {
		t.Errorf("killed at step %d: after the reuse: %v", step, err)
	}
	mustClose(t, s)
}

// Killed at any moment while it rotates as fast as it can, wherever bbolt is.
func TestKilledAtAnyMomentLosesNoSession(t *testing.T) {
	t.Parallel()
	for round := range 8 {
		dir := t.TempDir()
		beginSession(t, dir)
		cmd := child(t, "spin", dir)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		// The last whole line is the token that a client would hold.
		var held string
		for lines, n := bufio.NewScanner(out), 0; lines.Scan(); n++ {
			held = lines.Text()
			if n == 20+7*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("it was not killed")
		}
		goesOn(t, dir, secret.New(held), round)
	}
}

func childSpin(dir string) error {
	s, err := OpenBolt(Options{Path: statePath(dir)})
	if err != nil {
		return err
	}
	r, err := roomsOf(s, nil)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(tokenPath(dir))
	token := secret.New(string(data))
	for err == nil {
		if _, token, err = r.sessions.Rotate(context.Background(), token, "kubernetes", nil); err == nil {
			_, err = os.Stdout.WriteString(token.Reveal() + "\n")
		}
	}
	return err
}
