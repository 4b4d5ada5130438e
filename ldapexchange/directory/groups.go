package directory

// The groups of a user, four ways. All end in names: sorted, each once, and no
// more than GroupOptions.Max.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// batch is how many values are asked for in one filter.
const batch = 50

// groups returns the names of the groups of the user with that entry and name.
func (l *LDAP) groups(ctx context.Context, c *conn, user entry, name string) ([]string, error) {
	s := &groupSearch{l: l, g: &l.o.Groups, conn: c, seen: map[string]bool{}}
	var err error
	switch s.g.Mode {
	case MemberOf:
		err = s.memberOf(ctx, user)
	case SearchGroups:
		err = s.search(ctx, user, name)
	case TokenGroups:
		err = s.tokenGroups(ctx, user)
	}
	if errors.Is(err, errMore) {
		err = ErrLimit
	}
	return sorted(s.names), err
}

// groupSearch is one user's groups under way.
type groupSearch struct {
	l     *LDAP
	g     *GroupOptions
	conn  *conn
	seen  map[string]bool // DNs in lower case
	names []string
}

// add notes a group that is new, and reports whether it was.
func (s *groupSearch) add(group entry) (fresh bool, err error) {
	key := strings.ToLower(group.dn)
	if s.seen[key] {
		return false, nil
	}
	s.seen[key] = true
	name := group.dn
	if !strings.EqualFold(s.g.NameAttribute, "dn") {
		name = group.first(s.g.NameAttribute)
	}
	if printable(name) {
		s.names = append(s.names, name)
	}
	if len(s.seen) > s.g.Max {
		return false, ErrLimit
	}
	return true, nil
}

// search looks for the groups of the user, then for the groups of those, one
// level at a time. What was met before is not followed again.
func (s *groupSearch) search(ctx context.Context, user entry, name string) error {
	filter := template(s.g.Filter).fill(escapeFilter, func(place string) string {
		switch place {
		case "dn":
			return user.dn
		case "name":
			return name
		}
		return user.first(place)
	})
	level, err := s.found(ctx, filter)
	for depth := 0; err == nil && depth < s.g.Depth && len(level) > 0; depth++ {
		level, err = s.parents(ctx, level)
	}
	return err
}

// found searches, and returns the DNs of groups that are new.
func (s *groupSearch) found(ctx context.Context, filter string) ([]string, error) {
	groups, err := s.ask(ctx, query{base: s.g.Base, scope: scopeSubtree, filter: filter, most: s.g.Max + 1})
	if err != nil {
		return nil, err
	}
	var fresh []string
	for _, group := range groups {
		isNew, err := s.add(group)
		if err != nil {
			return nil, err
		}
		if isNew {
			fresh = append(fresh, group.dn)
		}
	}
	return fresh, nil
}

func (s *groupSearch) ask(ctx context.Context, q query, more ...string) ([]entry, error) {
	name := s.g.NameAttribute
	if strings.EqualFold(name, "dn") {
		name = "1.1" // no attribute (RFC 4511, section 4.5.1.8)
	}
	q.attributes = append([]string{name}, more...)
	return s.conn.search(ctx, s.l.o.SearchTimeout, q)
}

// parents returns the groups that the groups are in, many at a time.
func (s *groupSearch) parents(ctx context.Context, level []string) ([]string, error) {
	var all []string
	for some := range slices.Chunk(level, batch) {
		var any strings.Builder
		for _, member := range some {
			any.WriteString(template(s.g.Filter).fill(escapeFilter, func(string) string { return member }))
		}
		fresh, err := s.found(ctx, "(|"+any.String()+")")
		if err != nil {
			return nil, err
		}
		all = append(all, fresh...)
	}
	return all, nil
}

// memberOf reads the groups in the user's entry, and where they are to be
// followed or named by another attribute than their DN shows, each group's.
func (s *groupSearch) memberOf(ctx context.Context, user entry) error {
	level, err := s.conn.all(ctx, s.l, user, s.g.Attribute)
	for depth := 0; err == nil && len(level) > 0; depth++ {
		level, err = s.members(ctx, level, depth < s.g.Depth)
	}
	return err
}

// members notes the groups with those DNs, and returns the DNs of the groups
// they are in, if they are to be followed.
func (s *groupSearch) members(ctx context.Context, level []string, follow bool) ([]string, error) {
	var next []string
	for _, text := range level {
		if s.seen[strings.ToLower(text)] || !s.wanted(text) {
			continue
		}
		group, err := s.group(ctx, text, follow)
		if err != nil {
			return nil, err
		}
		if _, err := s.add(group); err != nil {
			return nil, err
		}
		if follow {
			above, err := s.conn.all(ctx, s.l, group, s.g.Attribute)
			if err != nil {
				return nil, err
			}
			next = append(next, above...)
		}
	}
	return next, nil
}

// wanted reports whether a group lies below Base.
func (s *groupSearch) wanted(text string) bool {
	if s.g.Base == "" {
		return true
	}
	base, err := parseDN(s.g.Base)
	group, err2 := parseDN(text)
	return err == nil && err2 == nil && group.within(base)
}

// group makes an entry of a group's DN, with a search only where the DN does
// not hold all that is needed. A group that is gone or hidden has no name.
func (s *groupSearch) group(ctx context.Context, text string, follow bool) (entry, error) {
	named := entry{dn: text, attributes: map[string][]string{}}
	parsed, err := parseDN(text)
	if err != nil {
		return named, nil
	}
	if kind, value := parsed.first(); strings.EqualFold(kind, s.g.NameAttribute) {
		named.attributes[strings.ToLower(kind)] = []string{value}
		if !follow {
			return named, nil
		}
	} else if strings.EqualFold(s.g.NameAttribute, "dn") && !follow {
		return named, nil
	}
	found, err := s.ask(ctx, query{base: text, scope: scopeBase, filter: "(objectClass=*)", most: 1}, s.g.Attribute)
	if hasCode(err, codeNoSuchObject) || err == nil && len(found) == 0 {
		return named, nil
	}
	if err != nil {
		return named, err
	}
	found[0].dn = text
	return found[0], nil
}

// tokenGroups reads the identifiers that Active Directory computes, which it
// does for a base search only, and then looks for their groups.
func (s *groupSearch) tokenGroups(ctx context.Context, user entry) error {
	const attribute = "tokenGroups"
	found, err := s.conn.search(ctx, s.l.o.SearchTimeout, query{
		base: user.dn, scope: scopeBase, filter: "(objectClass=*)", attributes: []string{attribute}, most: 1,
	})
	if err != nil || len(found) == 0 {
		return err
	}
	sids, err := s.conn.all(ctx, s.l, found[0], attribute)
	for some := range slices.Chunk(sids, batch) {
		if err != nil {
			return err
		}
		_, err = s.found(ctx, anySID(some))
	}
	return err
}

// anySID is a filter for what has one of the security identifiers.
func anySID(sids []string) string {
	var any strings.Builder
	for _, sid := range sids {
		fmt.Fprintf(&any, "(objectSid=%s)", escapeBytes(sid))
	}
	return "(|" + any.String() + ")"
}

// escapeBytes escapes every byte of a value that is no text.
func escapeBytes(raw string) string {
	var out strings.Builder
	for _, b := range []byte(raw) {
		fmt.Fprintf(&out, `\%02x`, b)
	}
	return out.String()
}

// all returns the values of an attribute, also where Active Directory sends
// them in ranges, as in "memberOf;range=0-1499" ([MS-ADTS], section
// 3.1.1.3.1.3.3). A server that sends an empty range for ever is not asked for ever.
func (c *conn) all(ctx context.Context, l *LDAP, e entry, attribute string) ([]string, error) {
	values, next := e.ranged(attribute)
	for next > 0 {
		if len(values) > l.o.Groups.Max {
			return nil, ErrLimit
		}
		found, err := c.search(ctx, l.o.SearchTimeout, query{
			base: e.dn, scope: scopeBase, filter: "(objectClass=*)", most: 1,
			attributes: []string{fmt.Sprintf("%s;range=%d-*", attribute, next)},
		})
		if err == nil && len(found) == 0 {
			err = errors.New("the server ended a list of values in its middle")
		}
		if err != nil {
			return nil, err
		}
		more, after := found[0].ranged(attribute)
		if after > 0 && after <= next || len(more) == 0 {
			return nil, errors.New("the server's ranges of values do not go on")
		}
		values, next = append(values, more...), after
	}
	return values, nil
}

// ranged returns the values that are there, and where the next range begins;
// 0 is nowhere.
func (e entry) ranged(attribute string) (values []string, next int) {
	attribute = strings.ToLower(attribute)
	for name, values := range e.attributes {
		bounds, ok := strings.CutPrefix(name, attribute+";range=")
		if !ok {
			continue
		}
		_, last, _ := strings.Cut(bounds, "-")
		if last == "*" {
			return values, 0
		}
		if end, err := strconv.Atoi(last); err == nil && end >= 0 && end < 1<<30 {
			return values, end + 1
		}
	}
	return e.attributes[attribute], 0
}
