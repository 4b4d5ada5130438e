package config

// Reading YAML strictly: the one place that knows the library. Values are taken
// from the nodes, so that every complaint names its line; and no complaint
// repeats a value, since someone may have put a secret there. What a section
// holds is said once, by its fields: they read it, and the schema is made of
// them.

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxEntries  = 1000 // keys of one mapping, elements of one list
	maxProblems = 20   // that are listed
	maxDepth    = 20   // an alias may stand within its own anchor
)

// reader walks one document and collects what is wrong with it.
type reader struct {
	base     string         // what relative paths start at
	lines    map[string]int // the line of each key that was given
	files    []string       // what was named to be read
	problems problems
	depth    int
}

// complain notes a problem of the value at path.
func (r *reader) complain(line int, path, text string) {
	r.problems = append(r.problems, &Error{Line: line, Key: path, Problem: text})
}

// document parses data, which holds one mapping.
func document(data []byte) (*yaml.Node, *Error) {
	var doc, more yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data)) // yaml.Unmarshal passes over a second document
	err := d.Decode(&doc)
	if err == io.EOF || err == nil && (len(doc.Content) == 0 || doc.Content[0].Tag == "!!null") {
		return nil, &Error{Problem: "is empty"} // a write that was cut off looks like this
	}
	if err == nil && d.Decode(&more) != io.EOF {
		err = errors.New("more than one document")
	}
	if err != nil {
		return nil, unreadable(err)
	}
	return doc.Content[0], nil
}

// unreadable keeps the place of a syntax error. The parser's own words may
// repeat content, and its line may be where the broken part begins or ends
// (https://github.com/go-yaml/yaml/issues/704).
func unreadable(err error) *Error {
	at, ok := strings.CutPrefix(err.Error(), "yaml: line ")
	if digits, _, found := strings.Cut(at, ":"); ok && found {
		if line, err := strconv.Atoi(digits); err == nil {
			return &Error{Line: line, Problem: "not valid YAML, here or near"}
		}
	}
	return &Error{Problem: "not valid YAML"}
}

// section reads a mapping whose keys are those of fields.
func (r *reader) section(path string, n *yaml.Node, fields []field) {
	n = resolved(n)
	r.depth++
	defer func() { r.depth-- }()
	switch {
	case n.Kind != yaml.MappingNode || r.depth > maxDepth:
		r.complain(n.Line, path, "expects keys and values")
		return
	case len(n.Content)/2 > maxEntries:
		r.complain(n.Line, path, "has too many keys")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		r.entry(path, n.Content[i], resolved(n.Content[i+1]), fields, seen)
	}
	for _, f := range fields {
		if f.required && !seen[f.key] {
			r.complain(n.Line, join(path, f.key), "is missing")
		}
	}
}

func (r *reader) entry(path string, name, value *yaml.Node, fields []field, seen map[string]bool) {
	if name.Kind != yaml.ScalarNode || name.Tag == "!!merge" {
		r.complain(name.Line, path, "a key is not a word")
		return
	}
	key := join(path, name.Value)
	if seen[name.Value] {
		r.complain(name.Line, key, "is given twice")
		return
	}
	seen[name.Value] = true
	for _, f := range fields {
		if f.key == name.Value {
			r.lines[key] = name.Line
			f.read(r, key, value)
			return
		}
	}
	r.complain(name.Line, key, "is not known; known here: "+keysOf(fields))
}

// list reads the elements of a list.
func (r *reader) list(path string, n *yaml.Node, element func(path string, n *yaml.Node)) {
	switch {
	case n.Kind != yaml.SequenceNode:
		r.complain(n.Line, path, "expects a list")
	case len(n.Content) > maxEntries:
		r.complain(n.Line, path, "has too many elements")
	case len(n.Content) == 0:
		r.complain(n.Line, path, "expects at least one element")
	default:
		for i, e := range n.Content {
			at := path + "[" + strconv.Itoa(i) + "]"
			r.lines[at] = e.Line
			element(at, resolved(e))
		}
	}
}

// word reads text. A number or a date is none: in quotes it is.
func (r *reader) word(path string, n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		r.complain(n.Line, path, "expects text, in quotes where it looks like something else")
		return "", false
	}
	return n.Value, true
}

// resolved follows an alias to what it stands for.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func join(path, key string) string {
	key = printable(key)
	if path == "" {
		return key
	}
	return path + "." + key
}

func keysOf(fields []field) string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return strings.Join(keys, ", ")
}
