package kubeconfig

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// raw returns an entry's own source, or what it says written anew where its
// source cannot stand alone.
func (d *Document) raw(user string) []byte {
	entry, i := d.entry("users", user)
	entries := valueNode(d.root, "users")
	if entries == nil || i >= len(entries.Content) {
		return nil
	}
	p := &splice{src: d.src}
	var raw []byte
	if inFlow(entries) {
		if end, ok := d.src.end(entry, true); ok {
			raw = d.src.text[d.src.at(entry):end]
		}
	} else if from, to, _, ok := p.itemAt(entries, i); ok {
		raw = d.src.text[from:to]
	}
	if n, err := parseRaw(raw); err == nil && fmt.Sprint(valueOf(n)) == fmt.Sprint(valueOf(entry)) {
		return bytes.Clone(raw)
	}
	return []byte(flow(expand(entry, maxDepth)))
}

// parseRaw reads an entry: an element of a list with its dash, or one in
// brackets.
func parseRaw(raw []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil || len(doc.Content) == 0 {
		return nil, errShape
	}
	n := doc.Content[0]
	if n.Kind == yaml.SequenceNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	if n.Kind != yaml.MappingNode {
		return nil, errShape
	}
	return n, nil
}

// Restore puts a user's entry back as Raw had it, or adds it where it is gone.
// Errors: *FileError.
func (d *Document) Restore(user string, raw []byte) error {
	what := fmt.Sprintf("the user %q", user)
	n, err := parseRaw(raw)
	if err != nil || (&walk{left: maxSteps}).text((&walk{left: maxSteps}).mapping(n)["name"]) != user {
		return &FileError{Path: d.path, Reason: fmt.Sprintf("cannot get back %s: what was kept of it is another", what)}
	}
	entry, i := d.entry("users", user)
	if entry == nil {
		return d.add("users", expand(n, maxDepth), what)
	}
	meant, err := d.meant()
	if err != nil {
		return err
	}
	meant["users"].([]any)[i] = valueOf(n)
	p := &splice{src: d.src}
	entries := valueNode(d.root, "users")
	switch {
	case entries.Kind != yaml.SequenceNode:
		p.failed = true
	case inFlow(entries):
		text := flow(expand(n, maxDepth))
		if raw[0] == '{' {
			text = string(raw)
		}
		from := d.src.at(entry)
		to, ok := d.src.end(entry, true)
		p.failed = !ok
		p.replace(from, to, text)
	default:
		from, to, indent, ok := p.itemAt(entries, i)
		p.failed = !ok
		text := lines(raw, n, indent, d.src.eol)
		if to < len(d.src.text) && !strings.HasSuffix(text, "\n") { // it ended the file
			text += d.src.eol
		}
		p.replace(from, to, text)
	}
	return d.apply(p, meant, entry, what)
}

// lines returns an entry as lines at an indentation: those that were kept, or
// new ones where it was kept in brackets.
func lines(raw []byte, n *yaml.Node, indent int, eol string) string {
	if raw[0] == '{' {
		return item(expand(n, maxDepth), indent, eol)
	}
	was := len(raw) - len(bytes.TrimLeft(raw, " "))
	if was == indent {
		return string(raw)
	}
	all := strings.SplitAfter(string(raw), "\n")
	for i, line := range all {
		switch {
		case len(strings.TrimSpace(line)) == 0:
		case was < indent:
			all[i] = strings.Repeat(" ", indent-was) + line
		default:
			all[i] = strings.TrimPrefix(line, strings.Repeat(" ", was-indent))
		}
	}
	return strings.Join(all, "")
}
