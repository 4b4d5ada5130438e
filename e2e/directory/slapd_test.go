// Package directory asks real directories who somebody is.
package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/slapd"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/ldapexchange/directory"
)

const (
	password = "canary-user-passw0rd"
	wrong    = "canary-wrong-passw0rd"
)

// options are for a server, by LDAPS.
func options(t *testing.T, s *slapd.Server) directory.Options {
	t.Helper()
	o := directory.GroupOfNames()
	o.URLs, o.CAFile = []string{s.LDAPS}, write(t, s.CA)
	o.BindDN, o.BindPassword = slapd.Service, func() (secret.Text, error) { return secret.New(slapd.ServicePassword), nil }
	o.UserBase, o.Groups.Base, o.PolicyDN = slapd.People, slapd.Groups, slapd.DefaultPolicy
	o.RefuseAfter = time.Nanosecond
	return o
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, o directory.Options) *directory.LDAP {
	t.Helper()
	l, err := directory.NewLDAP(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// login signs somebody in, and sees to it that no error holds what is secret.
func login(t *testing.T, l *directory.LDAP, name, password string) (directory.Identity, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	who, err := l.Authenticate(ctx, name, secret.New(password))
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), "canary") {
			t.Errorf("an error holds a password: %s", e)
		}
	}
	return who, err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func wantsReason(t *testing.T, err error, want directory.Reason) {
	t.Helper()
	var account *directory.AccountError
	if !errors.As(err, &account) || account.Reason != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// escaped is a value in a DN (RFC 4514), by the hex of every byte that could
// mean something: another way than the program's.
func escaped(value string) string {
	var out strings.Builder
	for _, b := range []byte(value) {
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, `\%02x`, b)
		}
	}
	return out.String()
}

func personDN(name string) string { return "uid=" + escaped(name) + "," + slapd.People }
func groupDN(name string) string  { return "cn=" + escaped(name) + "," + slapd.Groups }

func person(name string, more ...string) slapd.Record {
	return slapd.Record{DN: personDN(name), Pairs: append([]string{
		"objectClass", "inetOrgPerson", "uid", name, "cn", name, "sn", name, "userPassword", password}, more...)}
}

func group(name string, members ...string) slapd.Record {
	r := slapd.Record{DN: groupDN(name), Pairs: []string{"objectClass", "groupOfNames", "cn", name}}
	for _, member := range members {
		r.Pairs = append(r.Pairs, "member", member)
	}
	return r
}

func TestSlapdWaysIn(t *testing.T) {
	t.Parallel()
	s := slapd.Run(t)
	must(t, s.Add(person("alice", "mail", "alice@corp.example"), group("a", personDN("alice"), groupDN("c")),
		group("b", groupDN("a")), group("c", groupDN("b")), group("other", slapd.Service)))
	byMemberOf := directory.GroupOptions{Mode: directory.MemberOf, NameAttribute: "cn", Base: slapd.Groups, Depth: 10}
	for name, change := range map[string]func(*directory.Options){
		"LDAPS":                func(*directory.Options) {},
		"StartTLS":             func(o *directory.Options) { o.URLs = []string{s.LDAP} },
		"memberOf":             func(o *directory.Options) { o.Groups = byMemberOf },
		"by a template":        func(o *directory.Options) { o.BindTemplate = "uid={name}," + slapd.People },
		"a dead server before": func(o *directory.Options) { o.URLs = []string{"ldaps://127.0.0.1:1", s.LDAPS} },
	} {
		o := options(t, s)
		change(&o)
		if o.BindTemplate != "" {
			o.Groups.Mode = directory.NoGroups // people see nothing but themselves here
		}
		l := open(t, o)
		for _, typed := range []string{"alice", " ALICE "} {
			who, err := login(t, l, typed, password)
			if err != nil || who.Name != "alice" || who.Email != "alice@corp.example" || len(who.ID) != 36 {
				t.Errorf("%s: %+v, %v", name, who, err)
			}
			if want := []string{"a", "b", "c"}; o.BindTemplate == "" && !slices.Equal(who.Groups, want) {
				t.Errorf("%s: groups %q, want %q", name, who.Groups, want)
			}
			again, err := l.Lookup(t.Context(), who.ID)
			if err != nil || !reflect.DeepEqual(again, who) {
				t.Errorf("%s: Lookup: %+v, %v; want %+v", name, again, err, who)
			}
		}
		for _, in := range [][2]string{{"alice", wrong}, {"nobody", password}, {"*", password}, {"alice)(uid=*", password}} {
			_, err := login(t, l, in[0], in[1])
			wants(t, err, directory.ErrCredentials)
		}
		wants(t, l.Check(t.Context()), nil)
	}
}

func TestSlapdRFC2307(t *testing.T) {
	t.Parallel()
	s := slapd.Run(t)
	must(t, s.Add(
		person("alice", "objectClass", "posixAccount", "uidNumber", "1", "gidNumber", "1000", "homeDirectory", "/home/alice"),
		slapd.Record{DN: groupDN("users"), Pairs: []string{"objectClass", "posixGroup", "cn", "users", "gidNumber", "1000"}},
		slapd.Record{DN: groupDN("ops"), Pairs: []string{"objectClass", "posixGroup", "cn", "ops", "gidNumber", "2", "memberUid", "alice"}},
		slapd.Record{DN: groupDN("root"), Pairs: []string{"objectClass", "posixGroup", "cn", "root", "gidNumber", "0", "memberUid", "bob"}}))
	o := options(t, s)
	preset := directory.RFC2307()
	o.UserFilter, o.Groups = preset.UserFilter, preset.Groups
	o.Groups.Base = slapd.Groups
	who, err := login(t, open(t, o), "alice", password)
	if err != nil || !slices.Equal(who.Groups, []string{"ops", "users"}) {
		t.Errorf("%+v, %v", who, err)
	}
}

// Names that mean something in a filter or a DN, and names that people have.
func TestSlapdSpecialNames(t *testing.T) {
	t.Parallel()
	s := slapd.Run(t)
	names := []string{
		"O'Brien, Pat", `"quoted"`, "a+b", "a;b", "<a>", "#a", "a=b", `back\slash`, "(a)", "a*", "&", "|", "!", "Jörg Müller", "данила",
		"李小龍", "😀", "{name}", "{dn}", "*)(uid=*", `\2a`, "alice,ou=people",
	}
	for _, name := range names {
		must(t, s.Add(person(name), group(name, personDN(name)), group("of "+name, personDN(name))))
	}
	searched := options(t, s)
	template := options(t, s)
	template.BindTemplate, template.Groups.Mode = "uid={name},"+slapd.People, directory.NoGroups
	byMemberOf := options(t, s)
	byMemberOf.Groups = directory.GroupOptions{Mode: directory.MemberOf, NameAttribute: "cn", Depth: 1}
	for _, o := range []directory.Options{searched, template, byMemberOf} {
		l := open(t, o)
		for _, name := range names {
			who, err := login(t, l, name, password)
			if err != nil || who.Name != name {
				t.Errorf("%q: %+v, %v", name, who, err)
			}
			want := []string{name, "of " + name}
			slices.Sort(want)
			if o.BindTemplate == "" && !slices.Equal(who.Groups, want) {
				t.Errorf("%q: groups %q", name, who.Groups)
			}
			if again, err := l.Lookup(t.Context(), who.ID); err != nil || again.Name != name {
				t.Errorf("Lookup of %q: %+v, %v", name, again, err)
			}
		}
	}
}

// More groups than the server sends at once.
func TestSlapdManyGroups(t *testing.T) {
	t.Parallel()
	s := slapd.Run(t)
	records := []slapd.Record{person("alice")}
	for i := range 2000 {
		records = append(records, group(fmt.Sprintf("g%04d", i), personDN("alice")))
	}
	must(t, s.Add(records...))
	o := options(t, s)
	byMemberOf := o
	byMemberOf.Groups = directory.GroupOptions{Mode: directory.MemberOf, NameAttribute: "cn"}
	for _, o := range []directory.Options{o, byMemberOf} {
		who, err := login(t, open(t, o), "alice", password)
		if err != nil || len(who.Groups) != 2000 || who.Groups[1999] != "g1999" {
			t.Errorf("%d groups, %v", len(who.Groups), err)
		}
		o.Groups.Max = 1999
		_, err = login(t, open(t, o), "alice", password)
		wants(t, err, directory.ErrLimit)
	}
}

func TestSlapdPasswordPolicy(t *testing.T) {
	t.Parallel()
	s := slapd.Run(t)
	must(t, s.Add(person("locked"), person("failing"), person("reset"), person("expired"), person("ended"), person("good"),
		slapd.Policy("short", "pwdMaxAge", "3600")))
	l := open(t, options(t, s))
	ids := map[string]string{}
	for _, name := range []string{"locked", "failing", "reset", "expired", "ended", "good"} {
		who, err := login(t, l, name, password)
		must(t, err)
		ids[name] = who.ID
	}
	change := func(name string, pairs ...string) slapd.Record {
		return slapd.Record{DN: personDN(name), Pairs: append([]string{"changetype", "modify"}, pairs...)}
	}
	must(t, s.Modify(
		change("locked", "replace", "pwdAccountLockedTime", "pwdAccountLockedTime", "000001010000Z"),
		change("reset", "replace", "pwdReset", "pwdReset", "TRUE"),
		change("ended", "replace", "pwdEndTime", "pwdEndTime", "20200101000000Z"),
		change("expired", "replace", "pwdPolicySubentry", "pwdPolicySubentry", "cn=short,"+slapd.Policies, "-", "",
			"replace", "pwdChangedTime", "pwdChangedTime", "20200101000000Z")))
	for range 5 {
		_, err := login(t, l, "failing", wrong)
		wants(t, err, directory.ErrCredentials)
	}
	for name, want := range map[string]struct{ login, refresh directory.Reason }{
		"locked":  {directory.Locked, directory.Locked},
		"failing": {directory.Locked, directory.Locked},
		"reset":   {directory.MustChange, directory.MustChange},
		"expired": {directory.PasswordExpired, directory.PasswordExpired},
		"ended":   {directory.Locked, directory.Expired}, // which slapd calls locked, too
	} {
		_, err := login(t, l, name, password)
		wantsReason(t, err, want.login)
		_, err = l.Lookup(t.Context(), ids[name])
		wantsReason(t, err, want.refresh)
	}
	if _, err := login(t, l, "good", password); err != nil {
		t.Error(err)
	}
	must(t, s.Modify(slapd.Record{DN: personDN("good"), Pairs: []string{"changetype", "delete"}}))
	_, err := l.Lookup(t.Context(), ids["good"])
	wants(t, err, directory.ErrGone)
}

// A server that goes away is an outage, and what lies idle is replaced once it is back.
func TestSlapdGoesAway(t *testing.T) {
	t.Parallel()
	s := slapd.Run(t)
	must(t, s.Add(person("alice")))
	l := open(t, options(t, s))
	_, err := login(t, l, "alice", password)
	must(t, err)
	s.Halt()
	_, err = login(t, l, "alice", password)
	wants(t, err, directory.ErrUnavailable)
	wants(t, l.Check(t.Context()), directory.ErrUnavailable)
	must(t, s.Resume(t.Context()))
	if _, err = login(t, l, "alice", password); err != nil {
		t.Error(err)
	}
}

func TestSlapdTLS(t *testing.T) {
	t.Parallel()
	s, other := slapd.Run(t), slapd.Run(t)
	must(t, s.Add(person("alice")))
	for _, url := range []string{s.LDAPS, s.LDAP} {
		o := options(t, s)
		o.URLs, o.CAFile = []string{url}, write(t, other.CA)
		_, err := login(t, open(t, o), "alice", password)
		wants(t, err, directory.ErrUnavailable)
		var cert *tls.CertificateVerificationError
		if !errors.As(err, &cert) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// The two take like time: the promise is about work, and this measures it.
func TestSlapdTiming(t *testing.T) {
	s := slapd.Run(t)
	must(t, s.Add(person("alice"), slapd.Policy("lenient", "pwdLockout", "FALSE")))
	must(t, s.Modify(slapd.Record{DN: personDN("alice"), Pairs: []string{
		"changetype", "modify", "replace", "pwdPolicySubentry", "pwdPolicySubentry", "cn=lenient," + slapd.Policies}}))
	l := open(t, options(t, s))
	took := func(name string) time.Duration {
		began := time.Now()
		_, err := login(t, l, name, wrong)
		wants(t, err, directory.ErrCredentials)
		return time.Since(began)
	}
	var known, unknown []time.Duration
	for i := range 60 {
		known = append(known, took("alice"))
		unknown = append(unknown, took(fmt.Sprint("nobody", i)))
	}
	slices.Sort(known)
	slices.Sort(unknown)
	k, u := known[30], unknown[30]
	t.Logf("median of a wrong password %s, of an unknown user %s", k, u)
	if u > k*2 || k > u*2 {
		t.Errorf("median of a wrong password %s, of an unknown user %s", k, u)
	}
}
