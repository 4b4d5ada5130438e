package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// folder makes one with files that can be run.
func folder(t *testing.T, names ...string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("what can be run goes by its name there")
	}
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func onPath(folders ...string) string { return strings.Join(folders, string(os.PathListSeparator)) }

func TestPath(t *testing.T) {
	mine, other, link := folder(t, "kubecred", "kubectl"), folder(t, "kubecred"), folder(t)
	self := filepath.Join(mine, "kubecred")
	if err := os.Symlink(self, filepath.Join(link, "kubecred")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(link, "data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		command, path string
		mark          Mark
		found         string
	}{
		"on PATH":               {"kubecred", onPath("relative", folder(t), mine), Note, "a PATH without it"},
		"on PATH by a link":     {"kubecred", link, Note, "clients run " + link},
		"without a block":       {"", mine, Note, "clients run " + self},
		"not on PATH":           {"kubecred", folder(t), Failed, "is not on PATH"},
		"no PATH":               {"kubecred", "", Failed, "is not on PATH"},
		"another one first":     {"kubecred", onPath(other, mine), Note, "and this is " + self},
		"another one behind":    {"kubecred", onPath(mine, link, other), Note, "another one behind it on PATH is " + other},
		"another program":       {"kubectl", mine, Note, "clients run " + filepath.Join(mine, "kubectl")},
		"by its path":           {self, "", OK, "clients run " + self},
		"from the kubeconfig's": {"./kubecred", "", OK, "clients run " + self},
		"another by its path":   {filepath.Join(other, "kubecred"), mine, Note, "and this is"},
		"not there":             {"/no/such/kubecred", mine, Failed, "is not there"},
		"not to be run":         {filepath.Join(link, "data"), mine, Failed, "cannot be run"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Program{Command: test.command, Folder: mine, Self: self, Path: test.path, Version: "1"}
			run(t, p.Checks(), "path").is(t, test.mark, test.found)
		})
	}
	if runtime.GOOS == "linux" && (usualFolder(mine) || !usualFolder("/usr/bin")) {
		t.Error("the usual folders are others")
	}
}

func TestVersion(t *testing.T) {
	mine, other := folder(t, "kubecred"), folder(t, "kubecred")
	self := filepath.Join(mine, "kubecred")
	for name, test := range map[string]struct {
		command, path, answer string
		err                   error
		asked                 bool
		mark                  Mark
		found                 string
	}{
		"this one":         {"kubecred", mine, "", nil, false, OK, "this is 1.0"},
		"none":             {"kubecred", "", "", nil, false, OK, "this is 1.0"},
		"the same version": {"kubecred", other, "1.0", nil, true, OK, "clients run version 1.0"},
		"an older one":     {"kubecred", other, "0.9", nil, true, Warning, "clients run version 0.9, and this is 1.0"},
		"one that fails":   {"kubecred", other, "", errors.New("canary"), true, Warning, "does not tell its version"},
		"by its path":      {filepath.Join(other, "kubecred"), other, "", nil, false, OK, "this is 1.0"},
		"another program":  {"evil", other, "", nil, false, OK, "this is 1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := false
			p := Program{Command: test.command, Self: self, Path: test.path, Version: "1.0", ask: func(_ context.Context, path string) (string, error) {
				asked = true
				return test.answer, test.err
			}}
			run(t, p.Checks(), "version").is(t, test.mark, test.found)
			if asked != test.asked {
				t.Errorf("asked: %v", asked)
			}
		})
	}
}

// The program on PATH is really run, with nothing of ours in its environment.
func TestAskVersion(t *testing.T) {
	t.Setenv("KUBECRED_PASSWORD", "canary")
	for script, want := range map[string]string{
		`echo '{"version": "'"$1$2$3$KUBECRED_PASSWORD"'"}'`: "version-ojson",
		`echo '{}'`:                         "",
		`echo no`:                           "",
		`exit 3`:                            "",
		`yes '{"version": "1"}'`:            "",
		`echo '{"version": "1"}'; exec >&-`: "1",
	} {
		path := filepath.Join(folder(t), "kubecred")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if got, err := askVersion(t.Context(), path); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", script, got, err)
		}
	}
}
