package directory

import (
	"strings"
	"testing"
	"unicode/utf8"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

func seed(f *testing.F) {
	for _, name := range specials() {
		f.Add(name)
	}
	f.Add("\x00")
	f.Add(" a ")
	f.Add("#")
	f.Add("\u202e\ufeff")
}

// Whatever the name, the filter that is sent is the same but for one value,
// which is the name.
func FuzzFilter(f *testing.F) {
	seed(f)
	const filter = "(&(objectClass=person)(|(uid={name})(mail={name})))"
	f.Fuzz(func(t *testing.T, name string) {
		packet, err := ldap.CompileFilter(template(filter).forName(name))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		or := packet.Children[1]
		if len(packet.Children) != 2 || packet.Tag != ldap.FilterAnd || or.Tag != ldap.FilterOr || len(or.Children) != 2 {
			t.Fatalf("%q changes the filter", name)
		}
		for _, equal := range or.Children {
			if equal.Tag != ldap.FilterEqualityMatch || len(equal.Children) != 2 || content(equal.Children[1]) != name {
				t.Fatalf("%q is sent as %q", name, content(equal.Children[1]))
			}
		}
	})
}

func content(p *ber.Packet) string { return p.Data.String() }

// Whatever the name, the DN has the same parts, and the first one's value is the
// name.
func FuzzDN(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" || !utf8.ValidString(name) {
			return // refused before
		}
		parsed, err := parseDN(template("uid={name},ou=people,dc=corp").fill(escapeDN, func(string) string { return name }))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if kind, value := parsed.first(); len(parsed.parsed.RDNs) != 3 || len(parsed.parsed.RDNs[0].Attributes) != 1 || kind != "uid" || value != name {
			t.Fatalf("%q becomes %d parts, %s=%q", name, len(parsed.parsed.RDNs), kind, value)
		}
	})
}

// A DN of a server's is read without a panic, and lies within itself.
func FuzzParseDN(f *testing.F) {
	seed(f)
	f.Add("cn=a+sn=b,dc=x")
	f.Add("cn=#0401ff")
	f.Add(`cn=\c3\a4`)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseDN(text)
		if err != nil {
			return
		}
		parsed.first()
		if !parsed.within(parsed) {
			t.Errorf("%q is not within itself", text)
		}
	})
}

// A file of users is good or bad, and a bad one's error holds nothing of it.
func FuzzUsersFile(f *testing.F) {
	f.Add("users:\n- name: alice\n  passwordHash: " + fastHash + "\n  groups: [a]\n")
	f.Add("users: &a [*a]")
	f.Add("users:\n- name: x\n  passwordHash: $argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHQ$a2V5a2V5a2V5a2V5a2V5a2V5\n")
	f.Add("? [a]\n: b")
	f.Fuzz(func(t *testing.T, content string) {
		set, err := parseUsers([]byte(content))
		if err == nil && (len(set.byName) == 0 || set.decoy == nil) {
			t.Error("a good file without users")
		}
		if err != nil && (len(err.Error()) > 200 || strings.ContainsAny(err.Error(), "\n\x1b")) {
			t.Errorf("%q", err)
		}
	})
}

// Ranges of values come from a server.
func FuzzRanged(f *testing.F) {
	f.Add("memberof;range=0-1499")
	f.Add("memberof;range=0-*")
	f.Add("memberof;range=-")
	f.Fuzz(func(t *testing.T, name string) {
		e := entry{attributes: map[string][]string{strings.ToLower(name): {"x"}}}
		if _, next := e.ranged("memberOf"); next < 0 {
			t.Errorf("%q goes on at %d", name, next)
		}
	})
}
