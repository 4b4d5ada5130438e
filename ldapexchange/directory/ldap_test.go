package directory

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/ldaptest"
	"github.com/kubecred/kubecred/internal/secret"
)

func alice() Identity {
	return Identity{ID: aliceID, Name: "alice", Email: "alice@corp.example", Groups: []string{"developers"}}
}

func TestLoginAndLookup(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	l := newLDAP(t, options(t, s))
	// The identity is the directory's, whatever was typed.
	for _, typed := range []string{"alice", "ALICE", " Alice "} {
		who, err := login(t, l, typed, alicePass)
		if err != nil || !reflect.DeepEqual(who, alice()) {
			t.Errorf("%q: %+v, %v", typed, who, err)
		}
	}
	who, err := l.Lookup(t.Context(), aliceID)
	if err != nil || !reflect.DeepEqual(who, alice()) {
		t.Errorf("Lookup: %+v, %v", who, err)
	}
	s.Remove(aliceDN())
	_, err = l.Lookup(t.Context(), aliceID)
	wants(t, err, ErrGone)
	wants(t, l.Check(t.Context()), nil)
}

func TestWrongPasswordAndUnknownUserAreOne(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	l := newLDAP(t, options(t, s))
	_, wrong := login(t, l, "alice", wrongPass)
	before := len(s.Requests(ldaptest.Bind))
	_, unknown := login(t, l, "mallory", wrongPass)
	wants(t, wrong, ErrCredentials)
	wants(t, unknown, ErrCredentials)
	if wrong.Error() != unknown.Error() {
		t.Errorf("%q is not %q", wrong, unknown)
	}
	binds := s.Requests(ldaptest.Bind)[before:]
	if len(binds) != 1 || strings.Contains(fmt.Sprint(binds), wrongPass) || strings.Contains(binds[0].DN, "mallory") {
		t.Errorf("an unknown user makes the binds %+v, want one that holds nothing of what was typed", binds)
	}
}

// Both cost a search and a bind on a new connection, and are refused no sooner
// than RefuseAfter; whoever may in does not wait for it.
func TestRefusalsTakeAsLong(t *testing.T) {
	t.Parallel()
	s := ldaptest.Start(t, tree()...)
	o := options(t, s)
	o.RefuseAfter = time.Hour
	l := newLDAP(t, o)
	if _, err := login(t, l, "alice", alicePass); err != nil {
		t.Fatal(err)
	}
	var costs [][3]int
	for _, name := range []string{"alice", "nobody"} {
		count := func() [3]int {
			return [3]int{len(s.Requests(ldaptest.Search)), len(s.Requests(ldaptest.Bind)), s.Connections()}
		}
		before := count()
		ctx, cancel := context.WithCancel(t.Context())
		refused := make(chan error)
		go func() {
			_, err := l.Authenticate(ctx, name, secret.New(wrongPass))
			refused <- err
		}()
		await(t, func() bool { return count()[1] > before[1] && s.Open() == 1 }) // the service's is left
		select {
		case err := <-refused:
			t.Errorf("%s: refused at once: %v", name, err)
		default:
		}
		cancel()
		wants(t, <-refused, ErrCredentials)
		after := count()
		costs = append(costs, [3]int{after[0] - before[0], after[1] - before[1], after[2] - before[2]})
	}
	if costs[0] != costs[1] || costs[0] != [3]int{1, 1, 1} {
		t.Errorf("searches, binds and connections: %v", costs)
	}
}

// An empty password is an anonymous bind, which this server lets in
// (CVE-2017-14623, dex#935).
func TestInputIsRefusedUnsent(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	direct := options(t, s)
	direct.BindTemplate = "uid={name}," + people
	for _, o := range []Options{options(t, s), direct} {
		l := newLDAP(t, o)
		for _, in := range [][2]string{
			{"alice", ""}, {"alice", "\x00"}, {"alice", alicePass + "\x00"}, {"alice", "\xff"}, {"alice", strings.Repeat("x", 1<<20)},
			{"", alicePass}, {"  ", alicePass}, {"a\x00", alicePass}, {"a\nb", alicePass}, {"\xff", alicePass}, {strings.Repeat("a", 257), alicePass},
		} {
			_, err := login(t, l, in[0], in[1])
			wants(t, err, ErrInput)
		}
	}
	if n := s.Connections(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// specials are names that mean something in a filter (RFC 4515) or a DN (RFC
// 4514), and names that people have.
func specials() []string {
	return []string{
		"*", "a*", "*)(uid=*", "alice)(|(uid=*", "alice)(&)", `\2a`, `\`, "(", ")", "&", "|", "!", "=",
		"alice,ou=people", `"alice"`, "+", ";", "<alice>", "#alice", "a#b", "O'Brien, Pat", "Jörg Müller",
		"данила", "李小龍", "😀", "alice=bob", "{name}", "{dn}", "%s", "a  b", "é", "e\u0301",
	}
}

// Peers let these into their filters (CVE-2022-22975, kube-ldap, Guard, Kubi).
func TestTheServerReceivesTheNameAsAValue(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	l := newLDAP(t, options(t, s))
	for _, name := range specials() {
		before := len(s.Requests(ldaptest.Search))
		_, err := login(t, l, name, alicePass)
		wants(t, err, ErrCredentials)
		searches := s.Requests(ldaptest.Search)[before:]
		want := fmt.Sprintf(`and(objectClass = "inetOrgPerson", uid = %q)`, name)
		if len(searches) != 1 || searches[0].Filter.String() != want {
			t.Errorf("%q: the server received %v, want %s", name, searches, want)
		}
		if searches[0].Scope != 2 || searches[0].SizeLimit != 2 || searches[0].Base != people {
			t.Errorf("%q: %+v", name, searches[0])
		}
	}
}

func TestSpecialNamesSignIn(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	l := newLDAP(t, options(t, s))
	direct := options(t, s)
	direct.BindTemplate = "uid={name}," + people
	d := newLDAP(t, direct)
	for i, name := range specials() {
		p := person(name, fmt.Sprint("id of ", name), alicePass)
		s.Add(p, group(name, p.DN), group("group of "+name, p.DN))
		want := Identity{ID: fmt.Sprint("id of ", name), Name: name, Email: name + "@corp.example", Groups: sorted([]string{name, "group of " + name})}
		for _, l := range []*LDAP{l, d} {
			who, err := login(t, l, name, alicePass)
			if err != nil || !reflect.DeepEqual(who, want) {
				t.Errorf("%d %q: %+v, %v", i, name, who, err)
			}
			who, err = l.Lookup(t.Context(), want.ID)
			if err != nil || !reflect.DeepEqual(who, want) {
				t.Errorf("Lookup of %q: %+v, %v", name, who, err)
			}
		}
		// The DN inside the group's filter is one value.
		searches := s.Requests(ldaptest.Search)
		found := false
		for _, r := range searches {
			found = found || r.Filter.String() == fmt.Sprintf(`and(objectClass = "groupOfNames", member = %q)`, p.DN)
		}
		if !found {
			t.Errorf("%q: no search for the groups of %q", name, p.DN)
		}
	}
}

func TestTemplateBindsWithOneValueOfADN(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	o := options(t, s)
	o.BindTemplate = "uid={name}," + people
	l := newLDAP(t, o)
	for _, name := range append(specials(), "alice,"+people, "x,cn=service") {
		_, err := login(t, l, name, servicePass)
		wants(t, err, ErrCredentials)
		binds := s.Requests(ldaptest.Bind)
		bound, err := parseDN(binds[len(binds)-1].DN)
		if err != nil || len(bound.parsed.RDNs) != 4 {
			t.Fatalf("%q: bound as %q (%v)", name, binds[len(binds)-1].DN, err)
		}
		if kind, value := bound.first(); kind != "uid" || value != name {
			t.Errorf("%q: the first part is %s=%q", name, kind, value)
		}
	}
	if n := len(s.Requests(ldaptest.Search)); n != 0 {
		t.Errorf("%d searches before anybody was in", n)
	}
}

// An ID comes back from a token, which the issuer signed; it is a value all the same.
func TestLookupEscapesTheID(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	l := newLDAP(t, options(t, s))
	for _, id := range append(specials(), "") {
		_, err := l.Lookup(t.Context(), id)
		wants(t, err, ErrGone)
		if id == "" {
			continue
		}
		searches := s.Requests(ldaptest.Search)
		want := fmt.Sprintf(`and(entryUUID = %q, and(objectClass = "inetOrgPerson", present uid))`, id)
		if got := searches[len(searches)-1].Filter.String(); got != want {
			t.Errorf("%q: the server received %s, want %s", id, got, want)
		}
	}
}

func TestExactlyOneEntry(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	o := options(t, s)
	o.UserFilter = "(|(uid={name})(mail={name}))"
	l := newLDAP(t, o)
	second := person("eve", "3", alicePass)
	s.Add(with(second, "mail", "alice"))
	_, err := login(t, l, "alice", alicePass)
	wants(t, err, ErrAmbiguous)
	s.Add(with(person("eve2", "4", alicePass), "mail", "alice")) // a third: more than the size limit
	_, err = login(t, l, "alice", alicePass)
	wants(t, err, ErrAmbiguous)
	if binds := s.Requests(ldaptest.Bind); len(binds) != 1 {
		t.Errorf("the binds %+v, want the service's alone", binds)
	}
	// A server that overlooks the size limit.
	s2 := ldaptest.New(t, tree()...)
	s2.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
		if r.Operation != ldaptest.Search {
			return nil
		}
		return &ldaptest.Answer{Entries: []ldaptest.Entry{person("a", "1", ""), person("b", "2", ""), person("c", "3", "")}}
	}
	s2.Serve(t)
	_, err = login(t, newLDAP(t, options(t, s2)), "alice", alicePass)
	wants(t, err, ErrAmbiguous)
}

func TestNamesAndIDsMustBeOne(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	l := newLDAP(t, options(t, s))
	two := person("carol", "5", alicePass)
	two.Attributes["uid"] = []string{"carol", "root"}
	s.Add(two)
	_, err := login(t, l, "carol", alicePass)
	wants(t, err, ErrAmbiguous)
	s.Add(with(person("dave", "", alicePass), "entryUUID", ""))
	_, err = login(t, l, "dave", alicePass)
	wants(t, err, ErrUnavailable)
	s.Add(person("erin", "\x00\xff", alicePass)) // a GUID that was not said to be one
	_, err = login(t, l, "erin", alicePass)
	wants(t, err, ErrUnavailable)
}

// Active Directory lets mallory have the userPrincipalName that alice's account
// name would make: who is bound is what the directory says.
func TestTemplateTakesTheDirectorysWordForWhoIsBound(t *testing.T) {
	s := ldaptest.New(t, tree()...)
	s.Add(with(person("alice", aliceID, alicePass), "objectSid", sid(1)),
		with(person("mallory", "9", "mallory's own"), "objectSid", sid(9)))
	s.Root = map[string][]string{"tokenGroups": {sid(9), sid(3)}}
	s.Logins = map[string]string{"alice@corp.example": "uid=mallory," + people}
	s.WhoAmI = func(dn string) string {
		return `u:CORP\` + strings.TrimPrefix(strings.Split(dn, ",")[0], "uid=")
	}
	s.Serve(t)
	o := options(t, s)
	o.BindTemplate, o.BindDN = "{name}@corp.example", ""
	who, err := login(t, newLDAP(t, o), "alice", "mallory's own")
	if err != nil || who.Name != "mallory" {
		t.Errorf("%+v, %v; want mallory", who, err)
	}
}

// Another domain's account may have the name of one of ours: a forest's users
// bind at any of its domains, by names that end in any of its suffixes.
func TestTemplateTakesNobodyForTheirNamesakeOfAnotherDomain(t *testing.T) {
	s := ldaptest.New(t, tree()...)
	s.Add(with(person("alice", aliceID, alicePass), "sAMAccountName", "alice", "objectSid", sid(1)),
		ldaptest.Entry{DN: "uid=stranger,dc=other", Password: "the stranger's"})
	s.Logins = map[string]string{"alice@corp.example": "uid=stranger,dc=other"}
	s.WhoAmI = func(string) string { return `u:OTHER\alice` }
	s.Root = map[string][]string{"tokenGroups": {sid(7)}}
	s.Serve(t)
	o := options(t, s)
	o.BindTemplate, o.BindDN = "{name}@corp.example", ""
	who, err := login(t, newLDAP(t, o), "alice", "the stranger's")
	if err == nil {
		t.Errorf("the stranger is %+v", who)
	}
	wants(t, err, ErrCredentials)
}

// Samba does not know "Who am I?"; it shows the identifiers of whoever is bound,
// and the user is the one among them that UserFilter lets in.
func TestTemplateFindsTheUserBySID(t *testing.T) {
	s := ldaptest.New(t, tree()...)
	s.Add(with(person("alice", aliceID, alicePass), "objectSid", sid(1)), with(group("team"), "objectSid", sid(2)))
	s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
		if r.Operation == ldaptest.WhoAmI {
			return &ldaptest.Answer{Code: codeProtocol}
		}
		return nil
	}
	s.Root = map[string][]string{"tokenGroups": {sid(2), sid(1), sid(3)}}
	s.Serve(t)
	o := options(t, s)
	o.BindTemplate = "uid={name}," + people
	l := newLDAP(t, o)
	if who, err := login(t, l, "alice", alicePass); err != nil || !reflect.DeepEqual(who, alice()) {
		t.Errorf("%+v, %v", who, err)
	}
	s.Root = nil
	_, err := login(t, l, "alice", alicePass)
	wants(t, err, ErrUnavailable)
}

func TestUserFilterKeepsOutAtALookupToo(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	o := options(t, s)
	o.UserFilter = "(&(uid={name})(employeeType=staff))"
	l := newLDAP(t, o)
	o.BindTemplate = "uid={name}," + people
	direct := newLDAP(t, o)
	staff := with(person("alice", aliceID, alicePass), "employeeType", "staff")
	s.Add(staff)
	for _, l := range []*LDAP{l, direct} {
		s.Add(with(staff, "employeeType", "staff"))
		if _, err := login(t, l, "alice", alicePass); err != nil {
			t.Error(err)
		}
		if _, err := l.Lookup(t.Context(), aliceID); err != nil {
			t.Error(err)
		}
		s.Add(with(staff, "employeeType", "left"))
		_, err := login(t, l, "alice", alicePass)
		wants(t, err, ErrCredentials)
		_, err = l.Lookup(t.Context(), aliceID)
		wants(t, err, ErrGone)
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	good := Options{
		URLs: []string{"ldaps://a.example"}, UserBase: base, UserFilter: "(uid={name})", IDAttribute: "entryUUID", NameAttribute: "uid",
	}
	if _, err := NewLDAP(good); err != nil {
		t.Fatal(err)
	}
	for setting, change := range map[string]func(*Options){
		"urls":                 func(o *Options) { o.URLs = []string{"http://a.example"} },
		"urls ":                func(o *Options) { o.URLs = []string{"ldaps://user:canary@a.example"} },
		"urls  ":               func(o *Options) { o.URLs = nil },
		"caFile":               func(o *Options) { o.CAFile = "/does/not/exist" },
		"bindPassword":         func(o *Options) { o.BindDN = serviceDN },
		"userBase":             func(o *Options) { o.UserBase = "" },
		"userBase ":            func(o *Options) { o.UserBase = "people" },
		"userFilter":           func(o *Options) { o.UserFilter = "(uid=alice)" },
		"userFilter ":          func(o *Options) { o.UserFilter = "(uid={name}" },
		"userFilter  ":         func(o *Options) { o.UserFilter = "(uid:caseExactMatch:={name})" },
		"bindTemplate":         func(o *Options) { o.BindTemplate = "uid=alice" },
		"idAttribute":          func(o *Options) { o.IDAttribute = "" },
		"nameAttribute":        func(o *Options) { o.NameAttribute = "" },
		"status":               func(o *Options) { o.Status = "?" },
		"groups.mode":          func(o *Options) { o.Groups.Mode = "?" },
		"groups.nameAttribute": func(o *Options) { o.Groups.Mode = MemberOf },
		"groups.base":          func(o *Options) { o.Groups = GroupOptions{Mode: SearchGroups, NameAttribute: "cn", Filter: "(a=b)"} },
		"groups.filter": func(o *Options) {
			o.Groups = GroupOptions{Mode: SearchGroups, NameAttribute: "cn", Base: base, Depth: 1, Filter: "(|(a={dn})(b={name}))"}
		},
	} {
		o := good
		change(&o)
		_, err := NewLDAP(o)
		var config *ConfigError
		if !asConfig(err, &config) || config.Setting != strings.TrimSpace(setting) {
			t.Errorf("%s: %v", setting, err)
		}
		clean(t, err, "")
	}
}
