package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/kubecred/kubecred/"

// arrows says which room of the house may import which: the picture in
// docs/design.md. Every room is here; one that is missing fails the test.
var arrows = map[string][]string{
	".": {"cmd"},
	"cmd": {
		"cache", "execcred", "ldapexchange", "login", "internal/browser", "internal/build", "internal/cli", "internal/consent", "internal/httpclient", "internal/kubeconfig",
		"internal/lifetime", "internal/owner", "internal/secret", "internal/selfreview", "internal/settings", "internal/signin", "internal/term",
		"cache", "execcred", "ldapexchange", "login", "internal/browser", "internal/build", "internal/cli", "internal/consent", "internal/httpclient", "internal/intake", "internal/kubeconfig",
		"internal/lifetime", "internal/secret", "internal/settings", "internal/signin", "internal/term",
		"internal/lifetime", "internal/owner", "internal/providers", "internal/secret", "internal/selfreview", "internal/settings", "internal/setup", "internal/signin", "internal/term",
		"cache", "execcred", "ldapexchange", "login", "internal/browser", "internal/build", "internal/cli", "internal/consent", "internal/doctor", "internal/httpclient", "internal/kubeconfig",
		"internal/lifetime", "internal/secret", "internal/settings", "internal/signin", "internal/term",
	},

	"execcred":            {},
	"internal/build":      {},
	"internal/cli":        {"internal/term"},
	"cache":               {"internal/keyring"},
	"login":               {"login/loopback", "internal/secret", "internal/httpclient", "internal/term"},
	"ldapexchange":        {"internal/secret", "internal/httpclient", "internal/term"},
	"ldapexchange/server": {"ldapexchange", "internal/secret", "internal/term"},
	"login/loopback":      {"internal/secret", "internal/httpclient", "internal/term"},
	"internal/signin":     {"cache", "internal/secret"},
	"internal/settings":   {"internal/secret", "internal/httpclient"},
	"internal/setup":      {"internal/kubeconfig", "internal/owner", "internal/secret", "internal/term"},
	"internal/keyring":    {"internal/secret"},
	"internal/consent":    {},
	"internal/selfreview": {"internal/httpclient", "internal/secret", "internal/term"},
	"internal/kubeconfig": {"internal/secret"},
	"internal/owner":      {"internal/selfreview"},
	"internal/httpclient": {},
	"internal/intake":     {"internal/kubeconfig", "internal/secret"},
	"internal/secret":     {},
	"internal/lifetime":   {},
	"internal/providers":  {},
	"internal/term":       {"internal/secret"},
	"internal/browser":    {"internal/httpclient"},
	"internal/doctor": {
		"cache", "login", "internal/cli", "internal/httpclient", "internal/keyring", "internal/kubeconfig", "internal/selfreview", "internal/signin",
	},

	"internal/private":       {},
	"ldapexchange/issuer":    {"internal/private", "internal/term"},
	"ldapexchange/state":     {"internal/private", "internal/secret"},
	"ldapexchange/directory": {"internal/secret", "internal/term"},
	"internal/ldaptest":      {},

	"ldapexchange/state/storetest": {"internal/secret", "ldapexchange/state"},

	"ldapexchange/kubecred-exchange": {
		"internal/build", "internal/cli", "internal/private", "internal/secret", "ldapexchange/directory", "ldapexchange/issuer",
		"ldapexchange/kubecred-exchange/config", "ldapexchange/kubecred-exchange/control", "ldapexchange/server", "ldapexchange/state",
	},
	"ldapexchange/kubecred-exchange/config":  {"internal/httpclient", "internal/term", "ldapexchange"},
	"ldapexchange/kubecred-exchange/control": {"internal/private"},

	"internal/oidctest":                 {},
	"internal/oidctest/cmd/fakebrowser": {"internal/oidctest"},
	"internal/exchangetest":             {"internal/oidctest", "ldapexchange"},
	"internal/demo":                     {"internal/oidctest"},
}

// standardOnly are the rooms that link nothing but Go's own library.
var standardOnly = []string{"execcred", "internal/secret"}

func TestArrows(t *testing.T) {
	rooms := map[string]bool{}
	for file, imports := range sources(t) {
		room := path.Dir(file)
		rooms[room] = true
		allowed, known := arrows[room]
		if !known {
			t.Errorf("%s: the room %s has no arrows; say in arrows_test.go what it may import", file, room)
			continue
		}
		for _, imported := range imports {
			to, ours := strings.CutPrefix(imported, module)
			if ours && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s; %s may import %v", file, to, room, allowed)
			}
			if !ours && slices.Contains(standardOnly, room) && strings.Contains(imported, ".") {
				t.Errorf("%s imports %s; %s keeps to the standard library", file, imported, room)
			}
		}
	}
	for room := range arrows {
		if !rooms[room] {
			t.Errorf("%s has arrows and no code", room)
		}
	}
}

// The plugin starts for every kubectl call: client-go alone would double it.
func TestPluginLinksNoClientGo(t *testing.T) {
	for file, imports := range sources(t) {
		for _, imported := range imports {
			if strings.HasPrefix(imported, "k8s.io/") {
				t.Errorf("%s imports %s", file, imported)
			}
		}
	}
}

// What is linked is paid for at every start: in pages that are read and tables
// that are made. Each of these would come by one careless import.
func TestPluginLinksNoMore(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := strings.Fields(string(out))
	if !slices.Contains(linked, "net/http") {
		t.Fatalf("go list names no net/http among %d packages", len(linked))
	}
	for _, unwanted := range []string{
		"encoding/gob", "encoding/xml", "expvar", "go.yaml.in/yaml/v4", "html/template", "image",
		"net/http/httptest", "net/http/httputil", "net/http/pprof", "runtime/pprof", "testing",
	} {
		if slices.Contains(linked, unwanted) {
			t.Errorf("%s is linked", unwanted)
		}
	}
	// The service's rooms and libraries are the service's.
	for _, name := range linked {
		for _, service := range []string{module + "ldapexchange/", "github.com/go-ldap/", "go.etcd.io/", "github.com/prometheus/", "golang.org/x/crypto/"} {
			if strings.HasPrefix(name, service) {
				t.Errorf("%s is linked", name)
			}
		}
	}
}

// sources returns the imports of every Go file of this module that is not a
// test, by its slashed path.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == "e2e" || entry.Name() == "testdata" || name != "." && strings.HasPrefix(entry.Name(), ".")):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		slashed := filepath.ToSlash(name)
		found[slashed] = nil
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[slashed] = append(found[slashed], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
