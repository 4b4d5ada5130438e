package directory

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/ldaptest"
)

// groupsOf signs alice in and returns her groups.
func groupsOf(t *testing.T, o Options) ([]string, error) {
	t.Helper()
	who, err := login(t, newLDAP(t, o), "alice", alicePass)
	return who.Groups, err
}

func wantsGroups(t *testing.T, o Options, want ...string) {
	t.Helper()
	got, err := groupsOf(t, o)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("groups %q (%v), want %q", got, err, want)
	}
}

// ring is three groups that hold each other in a circle, alice in the first.
func ring() []ldaptest.Entry {
	return append(tree(), group("a", aliceDN(), groupDN("c")), group("b", groupDN("a")), group("c", groupDN("b")))
}

func TestNestedGroupsBySearch(t *testing.T) {
	s := ldaptest.Start(t, ring()...)
	o := options(t, s)
	wantsGroups(t, o, "a", "b", "c", "developers")
	if n := len(s.Requests(ldaptest.Search)); n > 6 {
		t.Errorf("%d searches for a ring of three", n)
	}
	o.Groups.Depth = 1
	wantsGroups(t, o, "a", "b", "developers")
	o.Groups.Depth = 0
	wantsGroups(t, o, "a", "developers")
}

func TestNestedGroupsByRule(t *testing.T) {
	s := ldaptest.Start(t, ring()...)
	o := options(t, s)
	o.Groups.Depth, o.Groups.Filter = 0, "(member:1.2.840.113556.1.4.1941:={dn})"
	wantsGroups(t, o, "a", "b", "c", "developers")
	searches := s.Requests(ldaptest.Search)
	want := fmt.Sprintf("member:1.2.840.113556.1.4.1941:=%q", aliceDN())
	if got := searches[len(searches)-1].Filter.String(); got != want {
		t.Errorf("the server received %s, want %s", got, want)
	}
}

// memberOf gives a ring's entries the attribute that the overlay keeps.
func memberOf(entries []ldaptest.Entry) []ldaptest.Entry {
	for i, e := range entries {
		for _, g := range entries {
			for _, member := range g.Attributes["member"] {
				if strings.EqualFold(member, e.DN) {
					entries[i].Attributes["memberOf"] = append(entries[i].Attributes["memberOf"], g.DN)
				}
			}
		}
	}
	return entries
}

func TestGroupsByMemberOf(t *testing.T) {
	s := ldaptest.Start(t, memberOf(ring())...)
	o := options(t, s)
	o.Groups = GroupOptions{Mode: MemberOf, NameAttribute: "cn"}
	wantsGroups(t, o, "a", "developers")
	if n := len(s.Requests(ldaptest.Search)); n != 1 {
		t.Errorf("%d searches where the user's entry says it all", n)
	}
	o.Groups.Depth = 10
	wantsGroups(t, o, "a", "b", "c", "developers")
	o.Groups.Depth = 1
	wantsGroups(t, o, "a", "b", "developers")
	o.Groups.Depth, o.Groups.NameAttribute = 0, "dn"
	wantsGroups(t, o, groupDN("a"), groupDN("developers"))
	// Named by what the DN does not show; a group that is gone has no name.
	s.Add(with(group("a", aliceDN()), "sAMAccountName", "GRP-A"))
	s.Remove(groupDN("developers"))
	o.Groups.NameAttribute = "sAMAccountName"
	wantsGroups(t, o, "GRP-A")
}

func TestGroupsOutsideTheBaseAreLeftOut(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	outside := []string{"cn=admins,ou=others," + base, `cn=admins\,` + groupsBase, "cn=admins,ou=x" + groupsBase, "cn=admins"}
	s.Add(with(person("alice", aliceID, alicePass), "memberOf", groupDN("in")))
	e := person("alice", aliceID, alicePass)
	e.Attributes["memberOf"] = append(outside, strings.ToUpper(groupDN("in")))
	s.Add(e)
	o := options(t, s)
	o.Groups = GroupOptions{Mode: MemberOf, NameAttribute: "cn", Base: groupsBase}
	wantsGroups(t, o, "IN")
}

func TestGroupsOfRFC2307(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	s.Add(with(person("alice", aliceID, alicePass), "objectClass", "posixAccount", "gidNumber", "1000"),
		ldaptest.Entry{DN: groupDN("users"), Attributes: attrs("objectClass", "posixGroup", "cn", "users", "gidNumber", "1000")},
		ldaptest.Entry{DN: groupDN("ops"), Attributes: attrs("objectClass", "posixGroup", "cn", "ops", "gidNumber", "2", "memberUid", "alice")},
		ldaptest.Entry{DN: groupDN("root"), Attributes: attrs("objectClass", "posixGroup", "cn", "root", "gidNumber", "0", "memberUid", "bob")})
	o := options(t, s)
	preset := RFC2307()
	o.UserFilter, o.Groups, o.Groups.Base = preset.UserFilter, preset.Groups, groupsBase
	wantsGroups(t, o, "ops", "users")
}

// sid is a security identifier as it is sent.
func sid(rid uint32) string {
	return string(binary.LittleEndian.AppendUint32([]byte("\x01\x05\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00(*)\\abcdefgh"), rid))
}

func TestGroupsByTokenGroups(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	alice := person("alice", aliceID, alicePass)
	for rid := range uint32(120) {
		g := group(fmt.Sprintf("g%03d", rid))
		s.Add(with(g, "objectSid", sid(rid)))
		alice.Attributes["tokenGroups"] = append(alice.Attributes["tokenGroups"], sid(rid))
	}
	alice.Attributes["tokenGroups"] = append(alice.Attributes["tokenGroups"], sid(1<<20)) // of another domain
	s.Add(alice, with(group("not-hers"), "objectSid", sid(500)))
	o := options(t, s)
	o.Groups = GroupOptions{Mode: TokenGroups, NameAttribute: "cn", Base: groupsBase}
	got, err := groupsOf(t, o)
	if err != nil || len(got) != 120 || got[119] != "g119" {
		t.Errorf("%d groups: %q, %v", len(got), got, err)
	}
	for _, r := range s.Requests(ldaptest.Search) {
		if r.Filter.Op == "or" && r.Filter.Children[0].Attribute == "objectSid" && r.Filter.Children[0].Value[:12] != sid(0)[:12] {
			t.Errorf("the server received %q", r.Filter.Children[0].Value)
		}
	}
}

// More groups than a server sends at once, by pages; more than are allowed are
// an error and not cut off.
func TestManyGroups(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	for i := range 2000 {
		s.Add(group(fmt.Sprintf("g%04d", i), aliceDN()))
	}
	o := options(t, s)
	o.Groups.Depth = 0
	got, err := groupsOf(t, o)
	if err != nil || len(got) != 2001 {
		t.Fatalf("%d groups, %v", len(got), err)
	}
	o.Groups.Max = 2001
	if _, err := groupsOf(t, o); err != nil {
		t.Error(err)
	}
	for _, most := range []int{2000, 10} {
		o.Groups.Max = most
		_, err = groupsOf(t, o)
		wants(t, err, ErrLimit)
	}
}

// A server whose pages have no end is left after a while.
func TestPagesWithoutAnEnd(t *testing.T) {
	s := ldaptest.New(t, tree()...)
	s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
		if r.Operation == ldaptest.Search && len(r.Controls) > 0 {
			return &ldaptest.Answer{Controls: []*ldaptest.Packet{ldaptest.PageControl("again")}}
		}
		return nil
	}
	s.Serve(t)
	_, err := groupsOf(t, options(t, s))
	wants(t, err, ErrLimit)
}

// ranges answers for an attribute as Active Directory does: so many values at once.
func ranges(e ldaptest.Entry, attribute string, size int) ldaptest.Entry {
	values := e.Attributes[attribute]
	delete(e.Attributes, attribute)
	for from := 0; from < len(values); from += size {
		to := min(from+size, len(values))
		last := fmt.Sprint(to - 1)
		if to == len(values) {
			last = "*"
		}
		e.Attributes[fmt.Sprintf("%s;range=%d-%s", attribute, from, last)] = values[from:to]
	}
	return e
}

func TestRangesOfValues(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	alice := person("alice", aliceID, alicePass)
	for i := range 3200 {
		alice.Attributes["memberOf"] = append(alice.Attributes["memberOf"], groupDN(fmt.Sprintf("g%04d", i)))
	}
	s.Add(ranges(alice, "memberOf", 1500))
	o := options(t, s)
	o.Groups = GroupOptions{Mode: MemberOf, NameAttribute: "cn"}
	got, err := groupsOf(t, o)
	if err != nil || len(got) != 3200 || got[3199] != "g3199" {
		t.Errorf("%d groups, %v", len(got), err)
	}
	o.Groups.Max = 2000
	_, err = groupsOf(t, o)
	wants(t, err, ErrLimit)
}

func TestRangesThatDoNotGoOn(t *testing.T) {
	for _, next := range []string{"memberOf;range=0-0", "memberOf;range=1-0", "memberOf"} {
		s := ldaptest.New(t, tree()...)
		alice := person("alice", aliceID, alicePass)
		alice.Attributes["memberOf;range=0-0"] = []string{groupDN("a")}
		s.Add(alice)
		s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
			if r.Operation == ldaptest.Search && strings.Contains(fmt.Sprint(r.Attributes), "range") {
				return &ldaptest.Answer{Entries: []ldaptest.Entry{{DN: aliceDN(), Attributes: map[string][]string{r.Attributes[0]: {}, next: nil}}}}
			}
			return nil
		}
		s.Serve(t)
		o := options(t, s)
		o.Groups = GroupOptions{Mode: MemberOf, NameAttribute: "cn"}
		_, err := groupsOf(t, o)
		wants(t, err, ErrUnavailable)
	}
}
