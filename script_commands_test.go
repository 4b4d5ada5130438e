package main

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubecred/kubecred/cache"
)

// What scripts say about the program: how it fails, how fast, and that it
// keeps its secrets.

// fails runs a program and holds all that is promised of a failure: its exit
// code, an empty stdout, and two lines on stderr, an error and a hint, without
// a control character: "fails 3 kubecred get-token …".
func fails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE PROGRAM [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		ts.Fatalf("it succeeded, want exit code %d", want)
	case !errors.As(err, &exit):
		ts.Fatalf("%v", err)
	case exit.ExitCode() != want:
		ts.Fatalf("exit code %d, want %d", exit.ExitCode(), want)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("a failure wrote to stdout")
	}
	if text := ts.ReadFile("stderr"); !twoLines.MatchString(text) {
		ts.Fatalf("not an error line and a hint line: %q", text)
	}
}

// twoLines admits neither C0 and C1 controls nor bidirectional overrides.
var twoLines = regexp.MustCompile(`\Aerror: [^\x00-\x1f\x7f-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]+\nhint: [^\x00-\x1f\x7f-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]+\n\z`)

// within runs "exec" or "fails" and holds that it ends in time. What it runs
// must be repeatable: on a busy machine the best of three counts.
func within(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || (args[1] != "exec" && args[1] != "fails") {
		ts.Fatalf("usage: within DURATION exec|fails …")
	}
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	var took time.Duration
	for range 3 {
		began := time.Now()
		if args[1] == "fails" {
			fails(ts, false, args[2:])
		} else {
			ts.Check(ts.Exec(args[2], args[3:]...))
		}
		if took = time.Since(began); took <= limit {
			return
		}
	}
	ts.Fatalf("took %v, more than %v", took, limit)
}

// hinted runs, in a terminal, the command that the last hint printed, as a
// shell reads it: "hinted TALK".
func hinted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hinted TALK")
	}
	_, command, found := strings.Cut(strings.TrimSpace(ts.ReadFile("stderr")), "\nhint: in a terminal, run: ")
	if !found {
		ts.Fatalf("the hint names no command")
	}
	ts.Check(ts.Exec("terminal", args[0], "sh", "-c", command))
}

// secrets holds that none of the files named holds a secret: no token that the
// provider issued, nothing secret that it received, no canary.
func secrets(ts *testscript.TestScript, neg bool, args []string) {
	if !neg || len(args) == 0 {
		ts.Fatalf("usage: ! secrets FILE…")
	}
	for _, name := range args {
		text := ts.ReadFile(name)
		if mark := secretLooks.FindString(text); mark != "" {
			ts.Fatalf("%s holds a secret, %s…", name, mark)
		}
		for _, secret := range received(provider(ts)) {
			if strings.Contains(text, secret) {
				ts.Fatalf("%s holds a secret, %.12s…", name, secret)
			}
		}
	}
}

// secretLooks finds what scripts plant, JWTs, and the provider's own tokens.
var secretLooks = regexp.MustCompile(`canary|eyJ|(?:access|refresh)-[A-Z2-7]{8}`)

// age changes the one entry of the cache as though time had passed: "age 56m".
func age(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: age DURATION")
	}
	passed, err := time.ParseDuration(args[0])
	ts.Check(err)
	id, err := cache.ParseID(filepath.Base(entry(ts)))
	ts.Check(err)
	store, err := cache.Open(cache.Options{Dir: ts.Getenv("CACHE"), Storage: cache.File})
	ts.Check(err)
	record, err := store.Load(context.Background(), id)
	ts.Check(err)
	var payload map[string]any
	ts.Check(json.Unmarshal(record.Payload, &payload))
	issued, err := time.Parse(time.RFC3339, payload["issued"].(string))
	ts.Check(err)
	payload["issued"] = issued.Add(-passed)
	record.Expiry = record.Expiry.Add(-passed)
	record.Payload, err = json.Marshal(payload)
	ts.Check(err)
	ts.Check(store.Save(context.Background(), id, record))
}

// entry is the path of the one entry in the cache.
func entry(ts *testscript.TestScript) string {
	files, err := filepath.Glob(filepath.Join(ts.Getenv("CACHE"), "file", strings.Repeat("[0-9a-f]", 64)))
	ts.Check(err)
	if len(files) != 1 {
		ts.Fatalf("%d entries in the cache, want 1", len(files))
	}
	return files[0]
}
