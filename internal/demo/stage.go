package main

// The stage is a folder that stands for a whole person's machine: a home, a
// configuration, a cache, a runtime folder. It is removed at the end.

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// What is built.
const (
	module   = "github.com/kubecred/kubecred"
	exchange = module + "/ldapexchange/kubecred-exchange"
)

type stage struct{ root string }

func newStage() (*stage, error) {
	root, err := os.MkdirTemp("", "kubecred-demo-")
	if err != nil {
		return nil, err
	}
	s := &stage{root}
	for _, folder := range []string{"home", "config", "data", "state", "run", "tmp"} {
		if err := os.Mkdir(s.at(folder), 0o700); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// at is a path on the stage.
func (s *stage) at(name string) string { return filepath.Join(s.root, name) }

func (s *stage) cache() string  { return s.at("cache") }
func (s *stage) visits() string { return s.at("visits") }

func (s *stage) remove() error { return os.RemoveAll(s.root) }

// build makes a program of the module, with the person's own Go and its caches.
func (s *stage) build(ctx context.Context, from string) (string, error) {
	program := s.at(path.Base(from))
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-o", program, from).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", from, err, out)
	}
	return program, nil
}

// env is all that the program gets to know: what a system needs to run any
// program, the stage in the place of the person's folders, and how its browser
// is to behave. No KUBECONFIG, no KUBECRED_ variable, no bus to a keyring.
func (s *stage) env() []string {
	var env []string
	for _, name := range []string{"PATH", "LANG", "SystemRoot", "SystemDrive", "windir", "ComSpec", "PATHEXT"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for name, folder := range map[string]string{
		"HOME":            "home",
		"USERPROFILE":     "home",
		"APPDATA":         "config",
		"LOCALAPPDATA":    "data",
		"XDG_CONFIG_HOME": "config",
		"XDG_CACHE_HOME":  "cache",
		"XDG_DATA_HOME":   "data",
		"XDG_STATE_HOME":  "state",
		"XDG_RUNTIME_DIR": "run",
		"TMPDIR":          "tmp",
		"TEMP":            "tmp",
		"TMP":             "tmp",
	} {
		env = append(env, name+"="+s.at(folder))
	}
	return append(env, oidctest.BrowserProgram{Log: s.visits()}.Env()...)
}
