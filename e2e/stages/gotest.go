package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// results are the outcomes of one run of `go test`.
type results struct {
	passed  int
	failed  []string          // tests, and packages that failed outside any test
	skipped map[string]string // reason by test

	output map[string]string // by test, of those under way
	broken map[string]bool   // packages with a failed test
}

// goTest runs the tests of a module, shows each package's outcome and the whole output of what fails.
func goTest(ctx context.Context, dir string, flags ...string) results {
	r := results{skipped: map[string]string{}, output: map[string]string{}, broken: map[string]bool{}}
	// Go's cache of test results knows nothing of the programs that these tests build and run.
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"test", "-json", "-count=1"}, flags, []string{"./..."})...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.failed = append(r.failed, err.Error())
		return r
	}
	r.read(out)
	// Its exit status says no more than the events do, unless there were none.
	if err := cmd.Wait(); err != nil && len(r.failed) == 0 {
		r.failed = append(r.failed, fmt.Sprintf("go test in %s: %v", dir, err))
	}
	return r
}

func (r *results) read(out io.Reader) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil {
			r.note(e)
		} else if len(line) > 0 {
			fmt.Printf("%s", line) // what the toolchain says outside the protocol
		}
		if err != nil {
			return
		}
	}
}

func (r *results) note(e event) {
	name := e.Package
	if e.Test != "" {
		name += " " + e.Test
	}
	switch e.Action {
	case "output":
		r.output[name] += e.Output
		return
	case "build-output":
		fmt.Print(e.Output)
		return
	case "pass", "skip", "fail":
	default:
		return
	}
	if e.Test == "" {
		r.endPackage(e)
	} else {
		r.endTest(name, e)
	}
	delete(r.output, name)
}

func (r *results) endTest(name string, e event) {
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped[name] = reason(r.output[name])
	case "fail":
		r.failed = append(r.failed, name)
		r.broken[e.Package] = true
		fmt.Printf("FAIL  %s\n%s", name, r.output[name])
	}
}

func (r *results) endPackage(e event) {
	switch e.Action {
	case "pass":
		fmt.Printf("ok    %s %.1fs\n", e.Package, e.Elapsed)
	case "fail":
		fmt.Printf("FAIL  %s %.1fs\n", e.Package, e.Elapsed)
		if !r.broken[e.Package] { // it did not build, or ended outside a test
			r.failed = append(r.failed, e.Package)
			fmt.Print(r.output[e.Package])
		}
	}
}

// reason is what a skipped test said, without the lines that the toolchain adds.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		if _, after, ok := strings.Cut(line, ".go:"); ok { // file_test.go:12: reason
			_, line, _ = strings.Cut(after, ": ")
		}
		said = append(said, line)
	}
	return strings.Join(said, " ")
}
