package lifetime

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A parent has one name for all of its children, and no two parents share one,
// even where a program's name is made to look like the rest of its line.
func TestParentIsNamed(t *testing.T) {
	if first, again := Parent(), Parent(); first != again {
		t.Errorf("%q, then %q", first, again)
	}
	pid, start, found := strings.Cut(Parent(), "@")
	if !found || pid == "" {
		t.Errorf("parent %q", Parent())
	}
	if start == "" {
		t.Skip("this system does not tell when a process began")
	}
	if mine := began(os.Getpid()); mine == "" || mine == start {
		t.Errorf("this process began at %q, its parent at %q", mine, start)
	}
	if got := began(-1); got != "" {
		t.Errorf("no process began at %q", got)
	}
}

// Linux puts the name of a program into the line, parentheses, blanks and all.
func TestParentWithAStrangeName(t *testing.T) {
	const strange = "a) R 1 (2 3 4"
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep on this system")
	}
	data, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/" + strange
	if err := os.WriteFile(path, data, 0o700); err != nil {
		t.Fatal(err)
	}
	plain, odd := exec.Command(sleep, "60"), exec.Command(path, "60")
	for _, cmd := range []*exec.Cmd{plain, odd} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Wait()
		defer cmd.Process.Kill()
	}
	one, other := began(plain.Process.Pid), began(odd.Process.Pid)
	if len(one) != len(other) || strings.Trim(other, "0123456789") != "" {
		t.Errorf("one began at %q, the other at %q", one, other)
	}
}
