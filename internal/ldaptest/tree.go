package ldaptest

import (
	"slices"
	"strings"
)

// same reports whether two DNs are spelled alike but for case.
func same(a, b string) bool { return strings.EqualFold(a, b) }

func (s *Server) find(dn string) (Entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.entries, func(e Entry) bool { return dn != "" && same(e.DN, dn) })
	if i < 0 {
		return Entry{}, false
	}
	return s.entries[i], true
}

// match returns the entries that a search finds. The root of the tree is
// always there.
func (s *Server) match(r *Request) []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Base == "" && r.Scope == 0 {
		return []Entry{{Attributes: s.Root}}
	}
	var found []Entry
	for _, e := range s.entries {
		below := strings.HasSuffix(strings.ToLower(e.DN), ","+strings.ToLower(r.Base))
		if (same(e.DN, r.Base) || r.Scope == 2 && below) && s.holds(e, r.Filter) {
			found = append(found, e)
		}
	}
	return found
}

func (s *Server) holds(e Entry, f Filter) bool {
	each := func(child Filter) bool { return s.holds(e, child) }
	switch f.Op {
	case "and":
		return !slices.ContainsFunc(f.Children, func(child Filter) bool { return !each(child) })
	case "or":
		return slices.ContainsFunc(f.Children, each)
	case "not":
		return !each(f.Children[0])
	}
	values := e.values(f.Attribute)
	switch f.Op {
	case "present":
		return len(values) > 0 || strings.EqualFold(f.Attribute, "objectClass")
	case "=":
		return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, f.Value) })
	case "substring":
		return slices.ContainsFunc(values, func(v string) bool { return globbed(strings.ToLower(v), strings.ToLower(f.Value)) })
	case "rule":
		return s.chained(values, f, map[string]bool{})
	}
	return false
}

// chained is Active Directory's rule that follows an attribute of DNs.
func (s *Server) chained(values []string, f Filter, seen map[string]bool) bool {
	for _, v := range values {
		if same(v, f.Value) {
			return true
		}
		if seen[v] {
			continue
		}
		seen[v] = true
		i := slices.IndexFunc(s.entries, func(e Entry) bool { return same(e.DN, v) })
		if i >= 0 && s.chained(s.entries[i].values(f.Attribute), f, seen) {
			return true
		}
	}
	return false
}

func (e Entry) values(attribute string) []string {
	for name, values := range e.Attributes {
		if strings.EqualFold(name, attribute) {
			return values
		}
	}
	return nil
}

// covers reports whether asking for wanted brings an attribute of that name.
func covers(wanted, name string) bool {
	name, option, ranged := strings.Cut(name, ";range=")
	plain, asked, _ := strings.Cut(wanted, ";range=")
	if !strings.EqualFold(plain, name) {
		return wanted == "*"
	}
	from, _, _ := strings.Cut(option, "-")
	first, _, _ := strings.Cut(asked, "-")
	return !ranged || from == first || asked == "" && from == "0"
}

// globbed compares with a pattern whose only special character is *.
func globbed(text, pattern string) bool {
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, last)
}
