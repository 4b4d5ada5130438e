package main

import (
	"os"
	"strings"
	"testing"
)

// What is built by hand, what is released and what the end-to-end tests measure
// is one program: each recipe has the same tag and the same flags
// (docs/decisions/0011-http1-alone.md, 0012-nothing-inlined.md).
func TestBuildsAgree(t *testing.T) {
	makefile := text(t, "Makefile")
	const tag = "nethttpomithttp2"
	gcflags, ldflags := strings.Fields(variable(makefile, "GCFLAGS")), variable(makefile, "LDFLAGS")
	if len(gcflags) == 0 || ldflags == "" || !strings.Contains(makefile, "-tags "+tag) {
		t.Fatal("the Makefile has no GCFLAGS, no LDFLAGS, or no tag")
	}
	release := text(t, ".goreleaser.yaml")
	if !strings.Contains(release, "\n      - "+tag) || !strings.Contains(release, "\n      - "+strings.Join(gcflags, "\n      - ")+"\n    ldflags:\n") ||
		!strings.Contains(release, "\n      - "+ldflags+" -X") {
		t.Error(".goreleaser.yaml builds otherwise than the Makefile")
	}
	measured := text(t, "e2e/internal/program/program.go")
	if !strings.Contains(measured, `"-tags=`+tag+`"`) || !strings.Contains(measured, `"-ldflags=`+ldflags+`"`) ||
		!strings.Contains(measured, `{"`+strings.Join(gcflags, `", "`)+`"}`) {
		t.Error("e2e/internal/program builds otherwise than the Makefile")
	}
}

func variable(makefile, name string) string {
	_, rest, _ := strings.Cut(makefile, "\n"+name+" = ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

func text(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}
