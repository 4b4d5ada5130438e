package directory

import (
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// Options say where an LDAP directory is and how it is laid out. RFC2307,
// GroupOfNames and ActiveDirectory return them with what is usual filled in;
// URLs, UserBase and mostly BindDN and BindPassword are always the caller's.
type Options struct {
	// URLs are the servers, in the order in which they are asked:
	// ldaps://host[:636], or ldap://host[:389], which is StartTLS. The next one
	// is for a server that cannot be reached or does not answer; a refusal is
	// final. A user's password goes to one server only: where its answer stays
	// out, the login fails, and the next login begins at another server.
	URLs []string
	// CAFile holds the authorities to trust instead of the system's, in PEM. It
	// is read again when it changes; a bad one keeps the old.
	CAFile string
	// ServerName is expected in the certificate of every server; empty is the
	// host of its URL.
	ServerName string

	// BindDN and BindPassword are the service's own account; with an empty
	// BindDN its searches are anonymous. The password is asked for at each bind,
	// so that it may change. One that was refused is not sent again for half an
	// hour unless it has changed: the account would be locked.
	BindDN       string
	BindPassword func() (secret.Text, error)

	// UserBase is where users are, with all below it.
	UserBase string
	// UserFilter finds the one entry of a user, with {name} for what was typed,
	// such as (&(objectClass=person)(uid={name})). At a refresh the entry must
	// still match it, with anything for {name}.
	UserFilter string
	// BindTemplate, where set, makes the name to bind with out of what was
	// typed, without a search before: a DN such as
	// uid={name},ou=people,dc=example, or a name such as {name}@corp.example.
	// The directory is then asked who that is (RFC 4532), and the answer's entry
	// must match UserFilter with anything for {name}.
	BindTemplate string

	IDAttribute string // one value, never given to somebody else
	// IDIsGUID says that the ID is 16 bytes in the mixed order of Active
	// Directory's objectGUID.
	IDIsGUID       bool
	NameAttribute  string // one value: the user name
	LowerName      bool   // fold the user name to lower case
	EmailAttribute string // empty: none

	Groups GroupOptions
	Status Status
	// PolicyDN is the password policy of users whose entry names none, for
	// PasswordPolicy.
	PolicyDN string

	// How long each step may take; zero is 5 s for Dial and TLS, 10 s for Bind
	// and Search.
	DialTimeout, TLSTimeout, BindTimeout, SearchTimeout time.Duration
	// RefuseAfter is the soonest that a wrong password or an unknown user is
	// refused; zero is 250 ms.
	RefuseAfter time.Duration
	// MaxConnections bounds the connections that are in use at once, the
	// service's and the users' together; zero is 32.
	MaxConnections int

	// Log is told of servers that fail and of files that cannot be read; nil is
	// nowhere.
	Log *slog.Logger
	// Reloaded is called after CAFile was read again, with what was wrong; it may be
	// nil, and must not ask the directory.
	Reloaded func(error)

	// InsecurePlaintext speaks to ldap:// URLs without TLS: everyone on the way
	// reads every password. It MUST NOT be set outside of tests on one machine.
	InsecurePlaintext bool
	// InsecureSkipVerify takes any certificate: everyone on the way may be the
	// directory. It MUST NOT be set outside of tests on one machine.
	InsecureSkipVerify bool

	now func() time.Time // nil but in tests
}

// GroupMode says where a user's groups are found.
type GroupMode string

// The ways to find groups.
const (
	NoGroups GroupMode = ""
	// MemberOf reads the DNs in Attribute of the user's entry.
	MemberOf GroupMode = "memberOf"
	// SearchGroups looks for Filter below Base.
	SearchGroups GroupMode = "search"
	// TokenGroups reads the security identifiers that Active Directory computes
	// for the user, nested groups and the primary one included, and looks for
	// their groups below Base.
	TokenGroups GroupMode = "tokenGroups"
)

// GroupOptions say how groups are found and what they are called.
type GroupOptions struct {
	Mode GroupMode
	// Base is where groups are, with all below it. With MemberOf others are
	// left out, and an empty one leaves none out.
	Base string
	// Filter finds the groups of a user, with {dn} and {name} for the user's DN
	// and user name as the directory has them, or {attribute} for the first
	// value of any attribute of the entry.
	Filter string
	// Attribute holds the DNs of an entry's groups, for MemberOf; empty is memberOf.
	Attribute string
	// NameAttribute is what a group is called by, or "dn". Whoever may make
	// groups anywhere below Base may take any name that is not unique there.
	NameAttribute string
	// Depth is how far groups within groups are followed; 0 is not. Groups
	// beyond it are left out. A cycle ends where it meets itself. With
	// SearchGroups, Filter must then hold {dn} and nothing else.
	Depth int
	// Max bounds the groups of one user; more are ErrLimit. Zero is 5,000.
	Max int
}

// Status says by which attributes a directory marks accounts that may not in.
// They are checked after a bind as well as by Lookup.
type Status string

// What is known of accounts.
const (
	NoStatus Status = ""
	// PasswordPolicy is OpenLDAP's overlay ppolicy (draft-behera-ldap-password-policy-10).
	PasswordPolicy Status = "ppolicy"
	// AccountControl is Active Directory's userAccountControl and accountExpires.
	AccountControl Status = "userAccountControl"
)

// RFC2307 is an OpenLDAP whose groups are posixGroup entries.
func RFC2307() Options {
	return Options{
		UserFilter:  "(&(objectClass=posixAccount)(uid={name}))",
		IDAttribute: "entryUUID", NameAttribute: "uid", EmailAttribute: "mail",
		Groups: GroupOptions{
			Mode:          SearchGroups,
			Filter:        "(&(objectClass=posixGroup)(|(memberUid={uid})(gidNumber={gidNumber})))",
			NameAttribute: "cn",
		},
		Status: PasswordPolicy,
	}
}

// GroupOfNames is an OpenLDAP whose groups are groupOfNames entries, and may
// hold each other.
func GroupOfNames() Options {
	o := RFC2307()
	o.UserFilter = "(&(objectClass=inetOrgPerson)(uid={name}))"
	o.Groups.Filter = "(&(objectClass=groupOfNames)(member={dn}))"
	o.Groups.Depth = 10
	return o
}

// ActiveDirectory is a domain. Its groups are found by the rule that follows
// nested ones on the server, and called by sAMAccountName, which is unique in a
// domain as cn is not. The sAMAccountType is that of user accounts: a computer
// has another.
func ActiveDirectory() Options {
	return Options{
		UserFilter:  "(&(sAMAccountType=805306368)(|(sAMAccountName={name})(userPrincipalName={name})))",
		IDAttribute: "objectGUID", IDIsGUID: true,
		NameAttribute: "sAMAccountName", LowerName: true, EmailAttribute: "mail",
		Groups: GroupOptions{
			Mode:          SearchGroups,
			Filter:        "(&(objectClass=group)(member:1.2.840.113556.1.4.1941:={dn}))",
			NameAttribute: "sAMAccountName",
		},
		Status: AccountControl,
	}
}

func (o *Options) defaults() {
	duration := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	duration(&o.DialTimeout, 5*time.Second)
	duration(&o.TLSTimeout, 5*time.Second)
	duration(&o.BindTimeout, 10*time.Second)
	duration(&o.SearchTimeout, 10*time.Second)
	duration(&o.RefuseAfter, 250*time.Millisecond)
	if o.MaxConnections == 0 {
		o.MaxConnections = 32
	}
	if o.Groups.Max == 0 {
		o.Groups.Max = 5000
	}
	if o.Groups.Attribute == "" {
		o.Groups.Attribute = "memberOf"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Reloaded == nil {
		o.Reloaded = func(error) {}
	}
	if o.now == nil {
		o.now = time.Now
	}
}

// check finds the first thing that cannot work.
func (o *Options) check() error {
	for _, c := range []struct {
		wrong           bool
		setting, reason string
	}{
		{len(o.URLs) == 0, "urls", "at least one is needed"},
		{o.BindDN != "" && o.BindPassword == nil, "bindPassword", "is needed with a bindDN"},
		{o.UserBase == "", "userBase", "is needed"},
		{badDN(o.UserBase), "userBase", "is not a DN"},
		{!strings.Contains(o.UserFilter, "{name}") && o.BindTemplate == "", "userFilter", "needs {name}"},
		{badFilter(o.UserFilter) || badFilter(template(o.UserFilter).forAnyone()), "userFilter", "is not an LDAP filter"},
		{strings.Contains(o.UserFilter, ":={name}"), "userFilter", "must not compare {name} by a matching rule"},
		{o.BindTemplate != "" && !strings.Contains(o.BindTemplate, "{name}"), "bindTemplate", "needs {name}"},
		{o.IDAttribute == "", "idAttribute", "is needed"},
		{o.NameAttribute == "", "nameAttribute", "is needed"},
		{o.PolicyDN != "" && badDN(o.PolicyDN), "policyDN", "is not a DN"},
		{o.Status != NoStatus && o.Status != PasswordPolicy && o.Status != AccountControl, "status", "is unknown"},
		{o.MaxConnections < 0, "maxConnections", "is negative"},
	} {
		if c.wrong {
			return &ConfigError{c.setting, c.reason}
		}
	}
	return o.Groups.check()
}

func (g *GroupOptions) check() error {
	for _, c := range []struct {
		wrong           bool
		setting, reason string
	}{
		{g.Mode != NoGroups && g.Mode != MemberOf && g.Mode != SearchGroups && g.Mode != TokenGroups, "groups.mode", "is unknown"},
		{g.Mode != NoGroups && g.NameAttribute == "", "groups.nameAttribute", "is needed"},
		{g.Base != "" && badDN(g.Base), "groups.base", "is not a DN"},
		{g.Base == "" && (g.Mode == SearchGroups || g.Mode == TokenGroups), "groups.base", "is needed"},
		{g.Mode == SearchGroups && badFilter(g.Filter), "groups.filter", "is not an LDAP filter"},
		{g.Mode == SearchGroups && g.Depth > 0 && !g.nests(), "groups.filter", "must hold {dn} and no other place to follow nested groups"},
		{g.Depth < 0 || g.Depth > maxDepth, "groups.depth", "is not from 0 to 50"},
		{g.Max < 0, "groups.max", "is negative"},
	} {
		if c.wrong {
			return &ConfigError{c.setting, c.reason}
		}
	}
	return nil
}

const maxDepth = 50

// nests reports whether Filter can be asked about a group as about a user.
func (g *GroupOptions) nests() bool {
	places := template(g.Filter).places()
	for _, p := range places {
		if p != "dn" {
			return false
		}
	}
	return len(places) > 0
}

func badDN(text string) bool {
	_, err := parseDN(text)
	return err != nil
}

func badFilter(filter string) bool {
	return checkFilter(template(filter).fill(escapeFilter, func(string) string { return "x" })) != nil
}

// hosts reads URLs.
func (o *Options) hosts() ([]*host, error) {
	var hosts []*host
	for _, text := range o.URLs {
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.User != nil {
			return nil, &ConfigError{"urls", "expects ldaps://host[:port] or ldap://host[:port]"} // it may hold a password
		}
		h, err := newHost(u, o.ServerName)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, h)
	}
	return hosts, nil
}
