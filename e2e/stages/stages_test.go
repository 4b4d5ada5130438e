package main

import (
	"slices"
	"strings"
	"testing"
)

// What `go test -json` prints for a package with one test of each outcome, one whose TestMain
// fails, and one that does not build.
const stream = `{"Action":"start","Package":"a"}
{"Action":"run","Package":"a","Test":"TestGood"}
{"Action":"pass","Package":"a","Test":"TestGood","Elapsed":0}
{"Action":"output","Package":"a","Test":"TestBad","Output":"    a_test.go:7: it broke\n"}
{"Action":"fail","Package":"a","Test":"TestBad","Elapsed":0}
{"Action":"output","Package":"a","Test":"TestSkipped","Output":"=== RUN   TestSkipped\n"}
{"Action":"output","Package":"a","Test":"TestSkipped","Output":"    a_test.go:9: part chromium: chromium was not found\n"}
{"Action":"output","Package":"a","Test":"TestSkipped","Output":"--- SKIP: TestSkipped (0.00s)\n"}
{"Action":"skip","Package":"a","Test":"TestSkipped","Elapsed":0}
{"Action":"fail","Package":"a","Elapsed":0.1}
{"Action":"fail","Package":"b","Elapsed":0.1}
{"ImportPath":"c","Action":"build-output","Output":"c.go:1: syntax error\n"}
{"Action":"fail","Package":"c","Elapsed":0}
`

func TestEventsAreCounted(t *testing.T) {
	r := results{skipped: map[string]string{}, output: map[string]string{}, broken: map[string]bool{}}
	r.read(strings.NewReader(stream))
	if r.passed != 1 {
		t.Errorf("passed = %d, want 1", r.passed)
	}
	if want := []string{"a TestBad", "b", "c"}; !slices.Equal(r.failed, want) {
		t.Errorf("failed = %q, want %q", r.failed, want)
	}
	if got := r.skipped["a TestSkipped"]; got != "part chromium: chromium was not found" {
		t.Errorf("the reason of the skip = %q", got)
	}
}

func TestSummaryDecides(t *testing.T) {
	for _, c := range []struct {
		name          string
		sum           summary
		locally, inCI bool
	}{
		{"nothing ran", summary{}, false, false},
		{"all passed", summary{passed: 1}, true, true},
		{"one skipped", summary{passed: 1, skipped: map[string][]string{"no chromium": {"TestPage"}}}, true, false},
		{"one failed", summary{passed: 1, failed: []string{"TestPage"}}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.sum.print(false); got != c.locally {
				t.Errorf("locally = %t, want %t", got, c.locally)
			}
			if got := c.sum.print(true); got != c.inCI {
				t.Errorf("in CI = %t, want %t", got, c.inCI)
			}
		})
	}
}

func TestFailedStepFails(t *testing.T) {
	step := start(t.Context(),
		command{name: "two", args: []string{"sh", "-c", "echo why; exit 3"}},
		command{args: []string{"sh", "-c", "echo never"}})
	if step.wait() {
		t.Error("a step whose command exits with 3 is said to be well")
	}
}
