package cmd

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// A real SIGKILL at each step of an import and of an undo. The file is then the
// plain one or the sealed one, whichever it is works, and the next import and
// undo find nothing in their way.

// crashWord makes this test program an import that kills itself: "WORD HOME STEP
// ARG…".
const crashWord = "import-and-die"

func crashMain(args []string) int {
	left, err := strconv.Atoi(args[1])
	if err != nil {
		return 2
	}
	self = os.Getenv(crashWord)
	p := &place{home: args[0], env: map[string]string{}}
	p.step = func(string) {
		if left--; left == 0 {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			fmt.Println("still alive:", err)
			select {}
		}
	}
	return p.app(io.Discard, os.Stderr, args[2:]...).run()
}

// killed runs a command of the place in a process of its own that dies at a
// step, and reports whether it came to that.
func (p *place) killed(step int, args ...string) bool {
	p.t.Helper()
	args = append(append([]string{crashWord, p.home, strconv.Itoa(step), "import", "--kubeconfig=" + p.path(".kube", "config")}, p.sealed()...), args...)
	c := exec.Command(self, args...)
	c.Env = append(os.Environ(), crashWord+"="+self)
	out, err := c.CombinedOutput()
	if len(out) > 0 {
		p.t.Fatalf("step %d: %s", step, out)
	}
	return err != nil
}

const crashTokens = 2

func crashPlace(t *testing.T) (*place, string) {
	p := newPlace(t)
	return p, p.users(user("me", "token: canary-me"), user("other", "token: canary-other"))
}

// works holds that both users sign in, by the plain text or by their blocks, and
// reports which.
func (p *place) works(plain string) (sealed bool) {
	p.t.Helper()
	text := p.read(".kube", "config")
	if text == plain {
		return false
	}
	if strings.Contains(text, "canary") {
		p.t.Fatalf("neither plain nor sealed:\n%s", text)
	}
	for _, name := range []string{"me", "other"} {
		if p.asBlock(name).ok().token() != "canary-"+name {
			p.t.Errorf("%s has another token", name)
		}
	}
	return true
}

func TestKilledImport(t *testing.T) {
	t.Parallel()
	was := map[bool]int{}
	for step := 1; ; step++ {
		p, plain := crashPlace(t)
		if !p.killed(step, "--all", "--yes") {
			break
		}
		sealed := p.works(plain)
		was[sealed]++
		if !sealed {
			p.importing("--all", "--yes").ok()
		}
		p.works(plain)
		p.importing("--undo").ok()
		p.holds(plain)
		if sealed {
			p.nothingSealed()
		} else {
			p.run(append([]string{"status"}, p.sealed()...)...).ok().prints("Nothing is cached")
		}
	}
	if was[false] < 4+crashTokens || was[true] == 0 {
		t.Errorf("killed at %d steps before the file was written and %d after", was[false], was[true])
	}
}

func TestKilledUndo(t *testing.T) {
	t.Parallel()
	steps := 0
	for step := 1; ; step++ {
		p, plain := crashPlace(t)
		p.importing("--all", "--yes").ok()
		if !p.killed(step, "--undo") {
			break
		}
		steps++
		p.holds(plain)
		p.importing("--all", "--yes").ok()
		p.works(plain)
		p.importing("--undo").ok()
		p.holds(plain)
		p.run(append([]string{"status"}, p.sealed()...)...).ok().prints("Nothing is cached")
	}
	if steps < 3+crashTokens {
		t.Errorf("killed at %d steps", steps)
	}
}

// An import that was killed before it changed the file is no import that could
// be undone: undo passes over it to the one below.
func TestUndoPassesOverAKilledImport(t *testing.T) {
	t.Parallel()
	p, plain := crashPlace(t)
	p.importing("--user=me", "--yes").ok()
	once := p.read(".kube", "config")
	step := 1
	for p.killed(step, "--user=other", "--yes") && p.read(".kube", "config") == once {
		step++
	}
	if step < 4 {
		t.Fatalf("killed at %d steps only", step-1)
	}
	p.write(once, ".kube", "config") // as the last one that did not get there left it
	p.importing("--undo").ok().prints("as it was before the import")
	p.holds(plain)
	p.run(append([]string{"status"}, p.sealed()...)...).ok().prints("Nothing is cached")
}
