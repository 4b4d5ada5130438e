package directory

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/ldaptest"
	"github.com/kubecred/kubecred/internal/secret"
)

// What each test's directory holds, besides what the test adds.
const (
	base        = "dc=corp,dc=example"
	people      = "ou=people," + base
	groupsBase  = "ou=groups," + base
	serviceDN   = "cn=service," + base
	servicePass = "canary-service-passw0rd"
	alicePass   = "canary-alice-passw0rd"
	wrongPass   = "canary-wrong-passw0rd"
	aliceID     = "6f1c8c7e-2d7b-4a43-9e8c-2a9f6f1d3c11"
)

func aliceDN() string { return "uid=alice," + people }

func tree() []ldaptest.Entry {
	return []ldaptest.Entry{
		{DN: base, Attributes: attrs("objectClass", "domain")},
		{DN: people, Attributes: attrs("objectClass", "organizationalUnit")},
		{DN: serviceDN, Password: servicePass},
		person("alice", aliceID, alicePass),
		person("bob", "0e0f7f3a-5a65-4d3b-8e1d-3d8f7a1b2c3d", "bob's password"),
		group("developers", aliceDN()),
		group("admins", "uid=bob,"+people),
	}
}

func person(name, id, password string) ldaptest.Entry {
	return ldaptest.Entry{DN: "uid=" + escapeDN(name) + "," + people, Password: password, Attributes: attrs(
		"objectClass", "inetOrgPerson", "uid", name, "mail", name+"@corp.example", "entryUUID", id)}
}

func group(name string, members ...string) ldaptest.Entry {
	e := ldaptest.Entry{DN: groupDN(name), Attributes: attrs("objectClass", "groupOfNames", "cn", name)}
	e.Attributes["member"] = members
	return e
}

func groupDN(name string) string { return "cn=" + escapeDN(name) + "," + groupsBase }

// attrs makes attributes of names and values in turn.
func attrs(pairs ...string) map[string][]string {
	m := map[string][]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = append(m[pairs[i]], pairs[i+1])
	}
	return m
}

// with returns an entry with more attributes.
func with(e ldaptest.Entry, pairs ...string) ldaptest.Entry {
	for name, values := range attrs(pairs...) {
		e.Attributes[name] = values
	}
	return e
}

// options are for a server, by LDAPS, with no wait for a refusal.
func options(t testing.TB, servers ...*ldaptest.Server) Options {
	t.Helper()
	o := GroupOfNames()
	var authorities []byte
	for _, s := range servers {
		o.URLs = append(o.URLs, "ldaps://"+s.Address)
		authorities = append(authorities, s.CA...)
	}
	o.CAFile = write(t, "ca.pem", string(authorities))
	o.BindDN, o.BindPassword = serviceDN, func() (secret.Text, error) { return secret.New(servicePass), nil }
	o.UserBase, o.Groups.Base = people, groupsBase
	o.Status = NoStatus
	o.RefuseAfter = time.Nanosecond
	return o
}

func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newLDAP(t testing.TB, o Options) *LDAP {
	t.Helper()
	l, err := NewLDAP(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// login is Authenticate, and sees to it that no error holds what is secret.
func login(t testing.TB, l interface {
	Authenticate(context.Context, string, secret.Text) (Identity, error)
}, name, password string) (Identity, error) {
	t.Helper()
	who, err := l.Authenticate(t.Context(), name, secret.New(password))
	clean(t, err, name)
	return who, err
}

// clean fails the test when an error, however it is printed, holds a canary or
// what was typed.
func clean(t testing.TB, err error, typed string) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		text := err.Error()
		if strings.Contains(text, "canary") || len(typed) > 3 && strings.Contains(text, typed) {
			t.Errorf("an error holds what was typed: %s", text)
		}
	}
}

// wants asserts that err is want.
func wants(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func wantsReason(t testing.TB, err error, want Reason) {
	t.Helper()
	var account *AccountError
	if !errors.As(err, &account) || account.Reason != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

func asConfig(err error, into **ConfigError) bool { return errors.As(err, into) }
