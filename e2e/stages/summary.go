package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// summary adds up what passed, failed and was skipped.
type summary struct {
	passed  int
	failed  []string
	skipped map[string][]string // tests by reason
}

// check counts a step outside the tests: only its failure is worth a number.
func (s *summary) check(name string, ok bool) {
	if !ok {
		s.failed = append(s.failed, name)
	}
}

func (s *summary) skip(test, reason string) {
	if s.skipped == nil {
		s.skipped = map[string][]string{}
	}
	s.skipped[reason] = append(s.skipped[reason], test)
}

func (s *summary) tests(r results) {
	s.passed += r.passed
	s.failed = append(s.failed, r.failed...)
	for test, reason := range r.skipped {
		s.skip(test, reason)
	}
}

// print shows the summary and says whether the whole run is good.
// A skip is good enough anywhere but in CI; a run without a test is good nowhere.
func (s *summary) print(ci bool) bool {
	fmt.Println("== summary")
	skips := 0
	for _, reason := range slices.Sorted(maps.Keys(s.skipped)) {
		tests := s.skipped[reason]
		skips += len(tests)
		slices.Sort(tests)
		fmt.Printf("skipped  %s\n", reason)
		fmt.Printf("         %s\n", strings.Join(tests, "\n         "))
	}
	for _, name := range s.failed {
		fmt.Printf("failed   %s\n", name)
	}
	if ci && skips > 0 {
		fmt.Println("failed   in CI a skip is a failure")
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", s.passed, len(s.failed), skips)
	return len(s.failed) == 0 && s.passed > 0 && (!ci || skips == 0)
}
