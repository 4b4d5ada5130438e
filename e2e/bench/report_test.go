package main

import (
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/measure"
)

// sample is a machine without a keyring, where a login of a second is all that fifty wait for.
func sample() *results {
	costs := func(ms int) measure.Series { return measure.Series{{Wall: time.Duration(ms) * time.Millisecond}} }
	r := &results{size: goalSize, stocks: []measure.Series{costs(2), costs(2), costs(3)}}
	for range rowBig + 1 {
		r.calls = append(r.calls, &call{name: "a call", times: costs(2), peak: 1 << 20})
	}
	r.calls[rowKernel] = &call{name: "the kernel's", skipped: "part x: it was not found"}
	for range rowExpired + 1 {
		r.crowds = append(r.crowds, &crowd{name: "a crowd", authorize: 1, token: 2, took: map[int]measure.Times{
			1: {time.Second}, 10: {time.Second}, 50: {1100 * time.Millisecond},
		}})
	}
	return r
}

func TestReportIsMarkdown(t *testing.T) {
	text := sample().report("A machine.")
	for _, want := range []string{"A machine.\n", "skipped: part x: it was not found", "| a call", "1000 ms (1000–1000)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	columns := 0
	for line := range strings.Lines(text) {
		n := strings.Count(line, "|")
		if columns > 0 && n > 0 && n != columns {
			t.Errorf("a row with %d bars in a table with %d: %s", n, columns, line)
		}
		columns = n
	}
}

func TestGoals(t *testing.T) {
	for goal, want := range map[string]string{
		"a hit with the kernel's key":                   "",
		"the stripped program is under 9 MB":            "no",
		"50 within 1.5 × one: a crowd":                  "yes",
		"50 cold: one authorize request":                "yes",
		"50 with an expired token: one token request":   "no",
		"a hit's cost does not grow with 1,000 entries": "no",
	} {
		found := false
		for _, row := range sample().goals().rows {
			if row[0] == goal {
				found = true
				if row[2] != want {
					t.Errorf("%s: %q, want %q", goal, row[2], want)
				}
			}
		}
		if !found {
			t.Errorf("no goal is %q", goal)
		}
	}
}
