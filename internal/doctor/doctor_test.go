package doctor

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// is holds a finding's mark, what it found, and that something is to do where
// something is wrong.
func (f Finding) is(t *testing.T, mark Mark, found string) {
	t.Helper()
	if f.Mark != mark || !strings.Contains(f.Found, found) {
		t.Errorf("%s %q, want %s and %q", f.Mark, f.Found, mark, found)
	}
	if (f.Mark == Failed || f.Mark == Warning) && f.Do == "" {
		t.Errorf("%q: nothing is said to do", f.Found)
	}
	if (f.Mark == OK || f.Mark == Skipped) && f.Do != "" {
		t.Errorf("%q: there is something to do: %q", f.Found, f.Do)
	}
}

// run runs the check of a name.
func run(t *testing.T, checks []Check, name string) Finding {
	t.Helper()
	for _, c := range checks {
		if c.Name == name {
			return c.bounded(t.Context())
		}
	}
	t.Fatalf("no check %q", name)
	return Finding{}
}

func saying(f Finding) func(context.Context) Finding {
	return func(context.Context) Finding { return f }
}

func TestRunKeepsTheOrderAndFindsTheWorst(t *testing.T) {
	for want, marks := range map[Mark][]Mark{
		OK: {OK, Note, Skipped}, Warning: {Note, Warning, OK}, Failed: {Warning, Failed, OK},
	} {
		var checks []Check
		for _, m := range marks {
			checks = append(checks, Check{Group: "g", Name: string(m), Run: saying(Finding{Mark: m})})
		}
		r := Run(t.Context(), "1", checks)
		if r.Mark != want {
			t.Errorf("%v: %s", marks, r.Mark)
		}
		for i, m := range marks {
			if r.Checks[i].Check != string(m) {
				t.Errorf("%d is %s", i, r.Checks[i].Check)
			}
		}
	}
}

// Two checks that hang, deaf to their context, cost a line each and the time of
// one share; the deadline of the whole ends what has no share.
func TestWhatHangsCostsOneLine(t *testing.T) {
	deaf := func(context.Context) Finding { select {} }
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	r := Run(ctx, "1", []Check{
		{Name: "share", Share: 50 * time.Millisecond, Run: deaf},
		{Name: "whole", Run: deaf},
		{Name: "fine", Run: saying(ok("fine"))},
		{Name: "late", Share: 50 * time.Millisecond, Run: func(ctx context.Context) Finding {
			<-ctx.Done()
			return note("it says why")
		}},
	})
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	for i, want := range []string{"no answer within", "no answer within", "fine", "it says why"} {
		if !strings.Contains(r.Checks[i].Found, want) {
			t.Errorf("%+v", r.Checks[i])
		}
	}
	if r.Checks[0].Milliseconds >= r.Checks[1].Milliseconds || r.Count(Failed) != 2 {
		t.Errorf("%+v", r.Checks)
	}
}

func TestBrokenCheckIsALine(t *testing.T) {
	r := Run(t.Context(), "1", []Check{{Run: func(context.Context) Finding { panic("canary") }}})
	if r.Mark != Failed || strings.Contains(r.Checks[0].Found+r.Checks[0].Do, "canary") {
		t.Errorf("%+v", r)
	}
}

// What looks like a token or a key is not shown, whoever let it pass, and no
// terminal acts on what is.
func TestNothingButInkIsShown(t *testing.T) {
	r := Run(t.Context(), "1", []Check{
		{Run: saying(note("a eyJhbGciOi.x.y"))}, {Run: saying(warning("-----BEGIN PRIVATE KEY-----", "b"))},
		{Run: saying(warning("a\x1b[2J\nb", "c\u202ed"))},
	})
	for _, line := range r.Checks {
		if text := line.Found + line.Do; strings.Contains(text, "eyJ") || strings.Contains(text, "PRIVATE") || strings.ContainsAny(text, "\x1b\n\u202e") {
			t.Errorf("%q", text)
		}
	}
}

func TestPrint(t *testing.T) {
	r := Report{Mark: Failed, Checks: []Line{
		{Group: "one", Check: "short", Mark: OK, Found: "fine"},
		{Group: "one", Check: "much longer", Mark: Warning, Found: strings.Repeat("word ", 20), Do: "do this"},
		{Group: "two", Check: "x", Mark: Failed, Found: strings.Repeat("y", 200), Do: "at once, run: mend " + strings.Repeat("y ", 50)},
	}}
	for width, most := range map[int]int{0: 80, 10: 60, 70: 70, 500: 100} {
		var out bytes.Buffer
		r.Print(&out, width)
		for line := range strings.Lines(out.String()) {
			if line = strings.TrimSuffix(line, "\n"); len(line) > most && !strings.Contains(line, "yyy") && !strings.Contains(line, "mend") {
				t.Errorf("at %d: %d columns in %q", width, len(line), line)
			}
		}
	}
	var out bytes.Buffer
	r.Print(&out, 80)
	want := `one
  ok       short        fine
  warning  much longer  word word word word word word word word word word word
                        word word word word word word word word word
                      > do this

two
  failed   x            ` + strings.Repeat("y", 200) + `
                      > at once, run:
                        mend ` + strings.Repeat("y ", 50) + `

1 failed: x. 1 warning: much longer. After each > stands what to do;
docs/doctor.md says more.
`
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
	out.Reset()
	Report{Mark: OK}.Print(&out, 80)
	if out.String() != "\nNothing is wrong.\n" {
		t.Errorf("%q", out.String())
	}
}
