package e2e

// check, at real directories: what works, and each thing that does not with a line and a hint of its own.

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/exchange"
	"github.com/kubecred/kubecred/e2e/internal/pki"
	"github.com/kubecred/kubecred/e2e/internal/samba"
	"github.com/kubecred/kubecred/e2e/internal/slapd"
)

func TestCheckAtOpenLDAP(t *testing.T) {
	t.Parallel()
	s, d := withOpenLDAP(t)
	checks{
		x: s.x, ldap: ldap(t, d), user: s.account, service: slapd.Service, base: slapd.People, nowhere: "ou=nowhere," + slapd.Base,
		groups: []string{"all", "ops"}, canary: slapd.ServicePassword,
	}.run(t)
}

func TestCheckAtActiveDirectory(t *testing.T) {
	t.Parallel()
	d := samba.Run(t)
	for _, err := range []error{d.CreateUser("zoe"), d.Tool("group", "add", "ops"), d.Tool("group", "addmembers", "ops", "zoe")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	section := fmt.Sprintf(`{preset: activeDirectory, urls: [%q], caFile: %q, serverName: "localhost", bindDN: %q, bindPasswordFile: %q, userBase: %q, groups: {base: %q}}`,
		d.LDAPS, kept(t, dir, "ca.pem", d.CA), samba.Service, kept(t, dir, "password", []byte(samba.Password)), samba.Base, samba.Base)
	checks{
		x: theExchange(t), ldap: section, user: "zoe", service: samba.Service, base: samba.Base, nowhere: "OU=nowhere," + samba.Base,
		groups: []string{"ops"}, canary: samba.Password,
	}.run(t)
}

func kept(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// checks are of one directory.
type checks struct {
	x             *exchange.Exchange
	ldap          string // a section that works
	user, service string
	base, nowhere string
	groups        []string
	canary        string // the password of the service's account
}

func (c checks) run(t *testing.T) {
	c.works(t)
	strange, err := pki.NewAuthority("e2e somebody else's")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	wrong := kept(t, dir, "wrong", []byte("canary-of-another-account"))
	ca := kept(t, dir, "ca.pem", strange.PEM)
	for name, one := range map[string]struct {
		ldap, user  string
		status      int
		found, hint string
	}{
		"the password": {set(c.ldap, "bindPasswordFile", wrong), c.user, 5, "bind of the service's account: it was refused", "check bindDN and bindPasswordFile"},
		"no password":  {set(c.ldap, "bindPasswordFile", wrong+"s"), c.user, 2, "its password cannot be read", "check bindDN and bindPasswordFile"},
		"the base":     {set(c.ldap, "userBase", c.nowhere), c.user, 5, "search: the server answered 32 (No Such Object)", "check userBase"},
		"the user":     {c.ldap, "nobody-of-that-name", 5, "the directory has nobody of that name", "check userBase and userFilter, or the name"},
		"authority":    {set(c.ldap, "caFile", ca), c.user, 4, "certificate signed by unknown authority", "check caFile and serverName"},
		"another name": {set(c.ldap, "serverName", "ldap.corp.example"), c.user, 4, "not ldap.corp.example", "check caFile and serverName"},
		"no server":    {strings.Replace(c.ldap, `urls: ["ldaps://127`, `urls: ["ldaps://127.0.0.1:1", "ldaps://127`, 1), c.user, 4, "connection refused", "check the host's name and port"},
	} {
		got, err := c.x.Check(t.Context(), one.ldap, one.user)
		if err != nil || got.Status != one.status {
			t.Errorf("%s: exit status %d, want %d (%v)", name, got.Status, one.status, err)
		}
		failed := regexp.MustCompile(`(?m)^FAILED .*\n +do: .*$`).FindAllString(got.Stdout, -1)
		if len(failed) != 1 || strings.Count(got.Stdout, "FAILED") != 1 || !strings.Contains(failed[0], one.found) || !strings.Contains(failed[0], one.hint) {
			t.Errorf("%s: %q and %q are not the one thing that failed:\n%s", name, one.found, one.hint, got.Stdout)
		}
		if !regexp.MustCompile(`^error: 1 of \d+ checks failed\nhint: [^\n]+\n$`).MatchString(got.Stderr) {
			t.Errorf("%s: stderr is %q", name, got.Stderr)
		}
		c.silent(t, got)
	}
}

func (c checks) works(t *testing.T) {
	got, err := c.x.Check(t.Context(), c.ldap, strings.ToUpper(c.user))
	if err != nil || got.Status != 0 || got.Stderr != "" {
		t.Fatalf("exit status %d, %v:\n%s%s", got.Status, err, got.Stdout, got.Stderr)
	}
	for _, want := range []string{
		"connected, TLS verified, bound as " + c.service + ", found " + c.base,
		c.user + ", with the ID ",
		fmt.Sprintf("%d groups in the directory: %s\n", len(c.groups), strings.Join(c.groups, ", ")),
		"user " + exchange.Prefix + c.user + ", ",
		exchange.GroupPrefix + c.groups[0],
	} {
		if want = strings.Replace(want, "1 groups", "1 group", 1); !strings.Contains(got.Stdout, want) {
			t.Errorf("%q is not in\n%s", want, got.Stdout)
		}
	}
	c.silent(t, got)
}

func (c checks) silent(t *testing.T, got exchange.Checked) {
	t.Helper()
	if out := got.Stdout + got.Stderr; strings.Contains(out, "canary") || strings.Contains(out, c.canary) {
		t.Errorf("check prints a password:\n%s", out)
	}
}

// set gives one key of a section another value.
func set(section, key, value string) string {
	old := regexp.MustCompile(key + `: "[^"]*"`)
	if !old.MatchString(section) {
		section = strings.Replace(section, "{", "{"+key+`: "", `, 1)
	}
	return old.ReplaceAllLiteralString(section, fmt.Sprintf("%s: %q", key, value))
}
