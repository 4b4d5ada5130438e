package main

import (
	"os"
	"strings"
	"testing"
)

// What is built by hand, what is released and what the end-to-end tests measure
// is one program: each recipe has the same tag, and inlines as little
// (docs/decisions/0011-http1-alone.md, 0012-cold-code.md).
func TestBuildsAgree(t *testing.T) {
	makefile := text(t, "Makefile")
	_, rest, _ := strings.Cut(makefile, "\nCOLD = ")
	cold, _, _ := strings.Cut(rest, "\n")
	const tag = "nethttpomithttp2"
	if cold == "" || !strings.Contains(makefile, "-tags "+tag) {
		t.Fatal("the Makefile has no COLD, or no tag")
	}
	var gcflags, literals []string
	for _, pattern := range strings.Fields(cold) {
		gcflags = append(gcflags, "      - "+pattern+"=-l\n")
		literals = append(literals, `"`+pattern+`"`)
	}
	release := text(t, ".goreleaser.yaml")
	if !strings.Contains(release, "\n      - "+tag) || !strings.Contains(release, strings.Join(gcflags, "")) ||
		strings.Count(release, "=-l\n") != len(gcflags) {
		t.Error(".goreleaser.yaml builds otherwise than the Makefile")
	}
	measured := text(t, "e2e/internal/program/program.go")
	if !strings.Contains(measured, `"-tags=`+tag+`"`) || !strings.Contains(measured, "{"+strings.Join(literals, ", ")+"}") {
		t.Error("e2e/internal/program builds otherwise than the Makefile")
	}
}

func text(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}
