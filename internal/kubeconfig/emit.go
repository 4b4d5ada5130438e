package kubeconfig

// Writing YAML: only what an edit puts in. What stood in the file is not
// written anew.

import (
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

func textNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: s}
}

func boolNode(on bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false"}
	if on {
		n.Value = "true"
	}
	return n
}

// mapNode makes a mapping of keys and values in turn.
func mapNode(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for i := 0; i < len(pairs); i += 2 {
		n.Content = append(n.Content, textNode(pairs[i].(string)), pairs[i+1].(*yaml.Node))
	}
	return n
}

func listNode(elements ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: elements}
}

// block writes a key and its value as lines at an indentation, as kubectl
// does: the elements of a list stand as deep as their key.
func block(key, value *yaml.Node, indent int, eol string) string {
	margin := strings.Repeat(" ", indent)
	return margin + scalarText(key, false) + ":" + blockValue(value, indent, eol)
}

func blockValue(value *yaml.Node, indent int, eol string) string {
	switch {
	case value.Kind == yaml.ScalarNode:
		return " " + scalarText(value, false) + eol
	case len(value.Content) == 0:
		return " " + flow(value) + eol
	case value.Kind == yaml.MappingNode:
		return eol + blockPairs(value, indent+2, eol)
	}
	text := eol
	for _, element := range value.Content {
		text += item(element, indent, eol)
	}
	return text
}

func blockPairs(n *yaml.Node, indent int, eol string) (text string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		text += block(n.Content[i], n.Content[i+1], indent, eol)
	}
	return text
}

// item writes an element of a list, its dash at an indentation.
func item(n *yaml.Node, indent int, eol string) string {
	dash := strings.Repeat(" ", indent) + "- "
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		if n.Kind == yaml.ScalarNode {
			return dash + scalarText(n, false) + eol
		}
		return dash + flow(n) + eol
	}
	return dash + strings.TrimLeft(blockPairs(n, indent+2, eol), " ")
}

// flow writes a value on one line, as JSON, which is YAML too.
func flow(n *yaml.Node) string {
	var parts []string
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			parts = append(parts, quoted(n.Content[i].Value)+": "+flow(n.Content[i+1]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case yaml.SequenceNode:
		for _, element := range n.Content {
			parts = append(parts, flow(element))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return scalarText(n, true)
}

// scalarText writes a scalar: a text in quotes where it needs them, or where
// quote asks for them.
func scalarText(n *yaml.Node, quote bool) string {
	switch n.Tag {
	case "!!null":
		return "null"
	case "!!bool", "!!int", "!!float":
		return n.Value
	}
	if n.Style == 0 && isWord(n.Value) { // as it stood: kubectl takes it for true or false
		return n.Value
	}
	if quote || !plain(n.Value) {
		return quoted(n.Value)
	}
	return n.Value
}

// quoted writes a text as JSON does; YAML reads it alike.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text can always be written
	return strings.TrimSuffix(b.String(), "\n")
}

// plain reports whether a text reads as itself without quotes, in YAML 1.1 and
// 1.2. It is strict: quotes never harm.
func plain(s string) bool {
	start := strings.TrimPrefix(strings.TrimPrefix(s, "--"), "/")
	if start == "" || !isLetter(start[0]) || s[len(s)-1] == ':' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (c < '0' || c > '9') && !strings.ContainsRune("-_./=:@+%", rune(c)) {
			return false
		}
	}
	return !isWord(s)
}

// isWord reports whether a text without quotes is none to some reader of YAML.
func isWord(s string) bool {
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return true
	}
	return false
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
