package main

import (
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/load"
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
	for row, name := range []string{"the signature", "slow", "quick"} {
		r.reviews = append(r.reviews, &busy{name: name, each: each([]int{30, 50, 40}[row]), processor: each(20)})
	}
	r.logins = []*busy{{name: "sign-ins", skipped: "part y: it was not found"}}
	r.lacksDirectory = "part y: it was not found"
	return r
}

func each(us int) measure.Times { return measure.Times{time.Duration(us) * time.Microsecond} }

func TestReportIsMarkdown(t *testing.T) {
	text := sample().report("A machine.")
	for _, want := range []string{"A machine.\n", "skipped: part x: it was not found", "| a call", "1000 ms (1000–1000)",
		" 33,333 (33,333–33,333) |", "skipped: part y: it was not found"} {
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
		"a hit with the kernel's key":                                    "",
		"the stripped program is under 9 MB":                             "no",
		"50 within 1.5 × one: a crowd":                                   "yes",
		"50 cold: one authorize request":                                 "yes",
		"50 with an expired token: one token request":                    "no",
		"a hit's cost does not grow with 1,000 entries":                  "no",
		"reviews a second are at least 0.7 × the signature alone: slow":  "no",
		"reviews a second are at least 0.7 × the signature alone: quick": "yes",
		"sign-ins a second":                                              "",
		"memory stays flat over sign-ins":                                "",
	} {
		wantGoal(t, sample(), goal, want)
	}
}

// Where all could be measured, each goal is judged.
func TestGoalsOfTheExchange(t *testing.T) {
	r := sample()
	for i, us := range []int{100, 120, 130} {
		if i == 0 {
			r.logins = nil
		}
		r.logins = append(r.logins, &busy{name: "row", each: each(us), processor: each(0)})
	}
	r.logins[rowLoginES256].name, r.logins[rowLoginRS256].name = "quick", "slow"
	r.memory = []grown{{1000, load.Memory{Own: 1 << 20}}, {10_000, load.Memory{Own: 10 << 20}}, {99_000, load.Memory{Own: 14 << 20, Files: 80 << 20}}}
	wantGoal(t, r, "sign-ins a second are at least 0.8 × go-ldap: quick", "yes")
	wantGoal(t, r, "sign-ins a second are at least 0.8 × go-ldap: slow", "no")
	wantGoal(t, r, "its own memory after 99,000 sign-ins is within 1.3 × that after 10,000", "no")
	if text := r.report(""); !strings.Contains(text, "| 99,000") || !strings.Contains(text, " 7,692 (7,692–7,692) |") {
		t.Error(text)
	}
}

func wantGoal(t *testing.T, r *results, goal, want string) {
	t.Helper()
	for _, row := range r.goals().rows {
		if row[0] == goal {
			if row[2] != want {
				t.Errorf("%s: %q, want %q", goal, row[2], want)
			}
			return
		}
	}
	t.Errorf("no goal is %q", goal)
}
