package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const promises = "docs/cache.md"

// The page on the cache names the test that holds each promise. A test that is
// renamed or dropped fails here, until the page says what holds it now.
func TestPromisesAreHeld(t *testing.T) {
	rows := promiseRows(t)
	if len(rows) < 11 {
		t.Fatalf("%s has %d promises only", promises, len(rows))
	}
	known := map[string]map[string]bool{}
	for promise, tests := range rows {
		folder, held := "", false
		for _, word := range strings.FieldsFunc(tests, func(r rune) bool { return strings.ContainsRune(" ,;", r) }) {
			if name, quoted := strings.CutPrefix(word, "`"); quoted {
				folder = strings.TrimSuffix(name, "`")
				continue
			}
			if known[folder] == nil {
				known[folder] = testsOf(t, folder)
			}
			held = true
			if !known[folder][word] {
				t.Errorf("%q: %s has no %s", promise, folder, word)
			}
		}
		if !held {
			t.Errorf("%q: no test holds it", promise)
		}
	}
}

// promiseRows returns the table of the page: promise to tests.
func promiseRows(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile(promises)
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(data), "| promise | test |\n| --- | --- |\n")
	if !found {
		t.Fatalf("%s has no table of promises", promises)
	}
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 4 {
			t.Fatalf("no row of two cells: %s", line)
		}
		rows[strings.TrimSpace(cells[1])] = cells[2]
	}
	return rows
}

// testsOf returns the names of a folder's tests and fuzz tests, whatever the
// system they are for.
func testsOf(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}
