package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/internal/oidctest"
)

func explained(err error) *Failure { return Fail(err, "see there", 7) }

func TestReport(t *testing.T) {
	hostile := "a" + oidctest.ControlText + "\nhint: run rm -rf /"
	for name, c := range map[string]struct {
		err   error
		lines int
		want  []string // how each line begins
		code  int
	}{
		"a failure":          {Fail(errors.New("broken"), "mend it", 9), 1, []string{"error: broken\n", "hint: mend it\n"}, 9},
		"a wrapped one":      {fmt.Errorf("outer: %w", Fail(errors.New("inner"), "mend it", 9)), 1, []string{"error: outer: inner\n", "hint: mend it\n"}, 9},
		"another error":      {errors.New("broken"), 1, []string{"error: broken\n", "hint: see there\n"}, 7},
		"without a hint":     {Fail(errors.New("broken"), "", 9), 1, []string{"error: broken\n"}, 9},
		"a mistake":          {Mistake("do this", "%d are wrong", 2), 1, []string{"error: 2 are wrong\n", "hint: do this\n"}, ExitConfig},
		"lines made one":     {errors.New("one\ntwo"), 1, []string{"error: one; two\n", "hint: "}, 7},
		"as many as allowed": {errors.New("one\ntwo\nthree"), 2, []string{"error: one\n", "       two; three\n", "hint: "}, 7},
		"a hostile one":      {Fail(errors.New(hostile), hostile, 9), 1, []string{"error: a", "hint: a"}, 9},
		"a long one":         {errors.New(strings.Repeat("x", 10*MaxLine)), 1, []string{"error: xxx", "hint: "}, 7},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if code := Report(&out, c.err, c.lines, explained); code != c.code {
				t.Errorf("code %d, not %d", code, c.code)
			}
			lines := strings.SplitAfter(out.String(), "\n")
			if len(lines) != len(c.want)+1 || out.Len() > 2*MaxLine {
				t.Fatalf("%q", out.String())
			}
			for i, want := range c.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("%q, not %q", lines[i], want)
				}
			}
			if rest := strings.Map(visible, out.String()); len(rest) != out.Len()-len(c.want) {
				t.Errorf("more than ink in %q", out.String())
			}
		})
	}
}

func TestPrint(t *testing.T) {
	for output, want := range map[string]string{"text": "said", "json": "{\n  \"A\": 1\n}\n", "xml": ""} {
		var out bytes.Buffer
		err := Print(&out, output, struct{ A int }{1}, func(w io.Writer) { io.WriteString(w, "said") })
		if out.String() != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", output, &out, err)
		}
	}
}

// A word that is left over may be half of a password.
func TestNoArgs(t *testing.T) {
	root, child := &cobra.Command{Use: "program"}, &cobra.Command{Use: "child"}
	root.AddCommand(child)
	for c, want := range map[*cobra.Command]bool{root: true, child: false} {
		if err := NoArgs(c, nil); err != nil {
			t.Error(err)
		}
		err := NoArgs(c, []string{"canary"})
		var f *Failure
		if !errors.As(err, &f) || f.Code != ExitConfig || !strings.HasPrefix(f.Hint, c.CommandPath()+" --help") || strings.Contains(err.Error(), "canary") != want {
			t.Errorf("%s: %v", c.Name(), err)
		}
	}
}
