package parts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMissingPartsAreNamed(t *testing.T) {
	all := []Part{
		{Name: "shell", Commands: []string{"sh"}},
		{Name: "moon", Commands: []string{"no-such-command"}, Hint: "build a rocket"},
		{Name: "page", Files: []string{"no/such/file"}, Hint: "write it"},
	}
	for _, c := range []struct{ name, want string }{
		{"shell", ""},
		{"moon", "part moon: no-such-command was not found; build a rocket"},
		{"page", "part page: no/such/file was not found; write it"},
		{"sun", "part sun: unknown"},
	} {
		if got := missing(all, []string{"shell", c.name}); !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("missing %s: %q, want %q", c.name, got, c.want)
		}
	}
}

// A fake is what Need is told about a test.
type fake struct{ skipped, failed bool }

func (f *fake) Helper()      {}
func (f *fake) Skip(...any)  { f.skipped = true }
func (f *fake) Fatal(...any) { f.failed = true }

func TestSkipIsFailureInCI(t *testing.T) {
	t.Setenv("CI", "")
	locally := &fake{}
	Need(locally, "no such part")
	if !locally.skipped || locally.failed {
		t.Errorf("locally: %+v, want a skip", locally)
	}
	t.Setenv("CI", "true")
	inCI := &fake{}
	Need(inCI, "no such part")
	if inCI.skipped || !inCI.failed {
		t.Errorf("in CI: %+v, want a failure", inCI)
	}
}

func TestRootHoldsThisModule(t *testing.T) {
	if _, err := os.Stat(filepath.Join(Root(), "e2e", "internal", "parts", "parts_test.go")); err != nil {
		t.Error(err)
	}
}
