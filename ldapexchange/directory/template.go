package directory

import (
	"regexp"
	"strings"
)

// A template is a filter, or a name to bind with, that has {places} to be
// filled: {name}, {dn}, or an attribute of the user's entry. What is filled in
// is escaped, and is not searched for places again.
type template string

var place = regexp.MustCompile(`\{[A-Za-z][A-Za-z0-9-]*\}`)

// fill replaces each {place} by what value returns for it, escaped. Braces
// that hold no name of an attribute stay as they are.
func (t template) fill(escape func(string) string, value func(place string) string) string {
	return place.ReplaceAllStringFunc(string(t), func(braced string) string {
		return escape(value(braced[1 : len(braced)-1]))
	})
}

// places lists the names in braces.
func (t template) places() []string {
	var names []string
	for _, braced := range place.FindAllString(string(t), -1) {
		names = append(names, strings.Trim(braced, "{}"))
	}
	return names
}

// forName fills a filter for the name somebody typed.
func (t template) forName(name string) string {
	return t.fill(escapeFilter, func(string) string { return name })
}

// forAnyone turns the filter for a name into the filter for all whom it would
// let in: {name} becomes the asterisk of a presence or substring filter.
func (t template) forAnyone() string {
	return t.fill(func(s string) string { return s }, func(string) string { return "*" })
}
