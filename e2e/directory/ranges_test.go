package directory

// Somebody in 2,000 groups. Active Directory sends 1,500 values of an attribute
// at once (its policy MaxValRange), and the rest by ranges that are asked for
// ([MS-ADTS], section 3.1.1.3.1.3.3). Samba answers ranges, and has no such
// bound: a door in front of it has.

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/kubecred/kubecred/e2e/internal/samba"
	"github.com/kubecred/kubecred/ldapexchange/directory"
)

const (
	manyGroups  = 2000
	maxValRange = 1500
)

func manyGroupsOfTheDomain(t *testing.T, d *samba.Domain, o directory.Options) {
	must(t, d.Modify("ldapadd", groupsOf("many")))
	seen := &ranges{asked: map[string]bool{}}
	url, ca := door{request: seen.bounded}.open(t, strings.TrimPrefix(d.LDAPS, "ldaps://")+":636", d.CA)
	bounded := o
	bounded.URLs, bounded.CAFile = []string{url}, write(t, ca)
	in := func(g directory.GroupOptions) directory.GroupOptions {
		g.Base, g.NameAttribute = samba.Base, "cn"
		return g
	}
	for _, g := range []directory.GroupOptions{
		o.Groups, in(directory.GroupOptions{Mode: directory.MemberOf}), in(directory.GroupOptions{Mode: directory.TokenGroups}),
	} {
		for name, o := range map[string]directory.Options{"all at once": o, "by ranges": bounded} {
			o.Groups = g
			who, err := login(t, open(t, o), "many", samba.Password)
			if n := numbered(who.Groups); err != nil || n != manyGroups {
				t.Errorf("%s, %s: %d of %d groups, %v", g.Mode, name, n, manyGroups, err)
			}
		}
	}
	for _, want := range []string{"memberOf;range=1500-2999", "tokenGroups;range=1500-2999"} {
		if !seen.wasAsked(want) {
			t.Errorf("the domain was not asked for %s", want)
		}
	}
	byUPN := bounded
	byUPN.BindTemplate = "{name}@" + samba.Realm
	who, err := login(t, open(t, byUPN), "many", samba.Password)
	if err != nil || who.Name != "many" {
		t.Errorf("by a template: %q, %v", who.Name, err)
	}
	o.Groups.Max = manyGroups - 1
	_, err = login(t, open(t, o), "many", samba.Password)
	wants(t, err, directory.ErrLimit)
}

// groupsOf is LDIF of groups with one member.
func groupsOf(member string) string {
	var ldif strings.Builder
	for i := range manyGroups {
		fmt.Fprintf(&ldif, "dn: CN=g%04[1]d,%[2]s\nobjectClass: group\nsAMAccountName: g%04[1]d\nmember: CN=%[3]s,%[2]s\n\n", i, samba.Users, member)
	}
	return ldif.String()
}

// numbered counts the groups of groupsOf, each once.
func numbered(groups []string) int {
	found := map[string]bool{}
	for _, name := range groups {
		if regexp.MustCompile(`^g\d{4}$`).MatchString(name) {
			found[name] = true
		}
	}
	return len(found)
}

// ranges asks the domain as one whose MaxValRange is maxValRange would be asked.
type ranges struct {
	mu    sync.Mutex
	asked map[string]bool // attributes, with their ranges
}

// bounded asks for the first range of what a search wants whole, and for no
// longer a range than the bound (RFC 4511, section 4.5.1). The root of the tree
// knows no ranges.
func (r *ranges) bounded(message *ber.Packet) *ber.Packet {
	const operation, base, attributes = 1, 0, 7
	search := message.Children[operation]
	if search.Tag != ldap.ApplicationSearchRequest || search.Children[base].Data.Len() == 0 {
		return message
	}
	list := ber.NewSequence("")
	for _, attribute := range search.Children[attributes].Children {
		list.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, r.ranged(attribute.Data.String()), ""))
	}
	return with(message, operation, with(search, attributes, list))
}

var whole = regexp.MustCompile(`^(memberOf|tokenGroups)(?:;range=(\d+)-\*)?$`)

func (r *ranges) ranged(attribute string) string {
	found := whole.FindStringSubmatch(attribute)
	if found == nil {
		return attribute
	}
	from, _ := strconv.Atoi(found[2]) // 0 without a range
	attribute = fmt.Sprintf("%s;range=%d-%d", found[1], from, from+maxValRange-1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[attribute] = true
	return attribute
}

func (r *ranges) wasAsked(attribute string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[attribute]
}

// with is a packet with another child.
func with(p *ber.Packet, at int, child *ber.Packet) *ber.Packet {
	changed := ber.Encode(p.ClassType, p.TagType, p.Tag, nil, "")
	for i, old := range p.Children {
		if i == at {
			old = child
		}
		changed.AppendChild(old)
	}
	return changed
}
