package terminal

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

const soon = 10 * time.Second

func start(t *testing.T, script string) *Terminal {
	t.Helper()
	term, err := Start(exec.Command("/bin/sh", "-c", script))
	if err != nil {
		t.Fatal(err)
	}
	return term
}

func (t *Terminal) mustExpect(tt *testing.T, pattern string) []string {
	tt.Helper()
	groups, err := t.Expect(pattern, soon)
	if err != nil {
		tt.Fatal(err)
	}
	return groups
}

func TestConversation(t *testing.T) {
	term := start(t, `printf 'Name: '; read name; stty -echo; printf 'Secret: '; read secret; stty echo
		test -t 0 && echo "$name has ${#secret} letters" > /dev/tty; exit 7`)
	term.mustExpect(t, `Name: `)
	if echo, err := term.Echoes(); err != nil || !echo {
		t.Errorf("before the secret: echo %t, %v", echo, err)
	}
	if err := term.Type("Ann\r"); err != nil {
		t.Fatal(err)
	}
	term.mustExpect(t, `Secret: `)
	if echo, err := term.Echoes(); err != nil || echo {
		t.Errorf("at the secret: echo %t, %v", echo, err)
	}
	if err := term.Type("hunter2\r"); err != nil {
		t.Fatal(err)
	}
	if got := term.mustExpect(t, `(\w+) has (\d+) letters`); got[1] != "Ann" || got[2] != "7" {
		t.Errorf("it heard %q", got)
	}
	if code, err := term.Wait(soon); err != nil || code != 7 {
		t.Errorf("code %d, %v", code, err)
	}
	if strings.Contains(term.Screen(), "hunter2") {
		t.Error("the secret was shown")
	}
}

func TestExpectReadsOn(t *testing.T) {
	term := start(t, `echo one; echo one; echo two`)
	term.mustExpect(t, `one`)
	term.mustExpect(t, `one`)
	if _, err := term.Expect(`one`, soon); err == nil || !strings.Contains(err.Error(), "two") {
		t.Errorf("a third match: %v, want an error that shows the screen", err)
	}
}

func TestCtrlCReachesTheProgram(t *testing.T) {
	term := start(t, `trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.05; done`)
	term.mustExpect(t, `ready`)
	if err := term.Type("\x03"); err != nil {
		t.Fatal(err)
	}
	term.mustExpect(t, `caught`)
	if code, err := term.Wait(soon); err != nil || code != 3 {
		t.Errorf("code %d, %v", code, err)
	}
}

func TestWaitEndsWhatDoesNotEnd(t *testing.T) {
	term := start(t, `echo $$; exec sleep 1000`)
	term.mustExpect(t, `\d+`)
	if _, err := term.Wait(50 * time.Millisecond); err == nil {
		t.Error("a program that sleeps on is said to have ended")
	}
	<-term.done
}
