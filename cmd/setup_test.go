package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// An exec block calls the program by its name only where that leads to it, and a
// link on the PATH is a better path than where it leads: it outlives an update.
func TestCalled(t *testing.T) {
	onUnix(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ours, others := t.TempDir(), t.TempDir()
	link := filepath.Join(ours, "kubecred")
	if err := os.Symlink(program, link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(others, "kubecred"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path          string
		gui           bool
		command, lies string
	}{
		"on the PATH":               {ours, false, "kubecred", link},
		"for desktop programs":      {ours, true, link, link},
		"not on the PATH":           {t.TempDir(), false, program, program},
		"another is first":          {others + ":" + ours, false, program, program},
		"another, for desktops too": {others, true, program, program},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", c.path)
			command, lies, err := (&app{program: os.Executable}).called(c.gui)
			if err != nil || command != c.command || lies != c.lies {
				t.Errorf("%s at %s, %v", command, lies, err)
			}
		})
	}
}

// Names that a provider sends are shown clean, and bounded.
func TestSetupShowsHostileNamesClean(t *testing.T) {
	var groups []string
	for range 50 {
		groups = append(groups, "team"+oidctest.ControlText)
	}
	p := newPlace(t, oidctest.Claim("email", "alice"+oidctest.ControlText), oidctest.Claim("groups", groups))
	got := p.at("setup", "--oidc-username-claim=email", "--kubeconfig="+p.path("config")).ok().prints("and 30 more")
	if strings.ContainsFunc(got.stdout, func(r rune) bool { return r != '\n' && (r < ' ' || r == 0x7f || r == 0x202e) }) {
		t.Errorf("%q", got.stdout)
	}
}

// What the provider cannot be reached for is no reason to change anything.
func TestSetupWithoutAProvider(t *testing.T) {
	p := newPlace(t, oidctest.Break(oidctest.Discovery, oidctest.Status(503, 0)))
	p.at("setup", "--kubeconfig="+p.path("config")).fails(exitNetwork, "503")
	if _, err := os.Stat(p.path("config")); err == nil {
		t.Error("a kubeconfig was made")
	}
}

func TestWrapped(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "- \n",
		"one":                    "- one\n",
		"one two":                "- one two\n",
		"one two four":           "- one two\n  four\n",
		"much-too-long-a-word a": "- much-too-long-a-word\n  a\n",
	} {
		if got := wrapped("- ", text, 10); got != want {
			t.Errorf("%q is %q", text, got)
		}
	}
}

// What another program gives the user while somebody signs in is not replaced
// unseen.
func TestSetupOfAUserThatChangesMeanwhile(t *testing.T) {
	var p *place
	theirs := "users:\n- name: me\n  user: {token: canary}\n"
	p = newPlace(t, oidctest.EditClaims(func(string, map[string]any) { p.write(theirs, "config") }))
	p.at("setup", "--user=me", "--kubeconfig="+p.path("config")).fails(exitConfig, "changed by another program")
	if got := p.read("config"); got != theirs {
		t.Errorf("the kubeconfig is\n%s", got)
	}
	p.at("setup", "--user=me", "--replace", "--kubeconfig="+p.path("config")).ok()
}

// Once more, setup loses neither what somebody added to its exec block nor what
// stands beside it.
func TestSetupOnceMore(t *testing.T) {
	p := newPlace(t)
	setup := func(args ...string) outcome {
		return p.at("setup", append(args, "--user=me", "--kubeconfig="+p.path("config"))...)
	}
	setup().ok()
	first := p.read("config")
	p.write(strings.NewReplacer("      args:", "      env: [{name: HTTPS_PROXY, value: ''}]\n      args:", "provideClusterInfo: false", "provideClusterInfo: true").Replace(first), "config")
	setup().ok()
	if got := p.read("config"); !strings.Contains(got, "HTTPS_PROXY") || !strings.Contains(got, "provideClusterInfo: true") {
		t.Errorf("the kubeconfig is\n%s", got)
	}
	p.write(strings.Replace(first, "    exec:", "    token: canary\n    exec:", 1), "config")
	setup().fails(exitConfig, "has a user named").hints("--replace")
	setup("--replace").ok()
}
