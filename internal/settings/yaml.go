package settings

// Reading YAML strictly: the one place that knows the library. Values are
// taken from the nodes, so that every complaint names its line, and a complaint
// repeats keys but no values: someone may have put a secret there.

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxEntries bounds the keys of one mapping and the elements of one list.
const maxEntries = 1000

// document parses data, which holds one mapping. It returns nil for a document
// that says nothing.
func document(data []byte) (*yaml.Node, error) {
	var doc, more yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data)) // yaml.Unmarshal passes over a second document
	err := d.Decode(&doc)
	if err == io.EOF { // only comments, or nothing at all
		return nil, nil
	}
	if err == nil && d.Decode(&more) != io.EOF {
		err = errors.New("more than one document")
	}
	if err != nil {
		return nil, unreadable(err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
		return nil, nil
	}
	return doc.Content[0], nil
}

// unreadable keeps the place of a syntax error. The parser's own words may
// repeat content, and its line may be where the broken part begins or ends
// (https://github.com/go-yaml/yaml/issues/704).
func unreadable(err error) error {
	at, ok := strings.CutPrefix(err.Error(), "yaml: line ")
	if digits, _, found := strings.Cut(at, ":"); ok && found {
		if line, err := strconv.Atoi(digits); err == nil {
			return invalid("not valid YAML, near line %d", line)
		}
	}
	return invalid("not valid YAML")
}

// entries calls each with every key of the mapping n and its value.
func entries(n *yaml.Node, each func(key, val *yaml.Node) error) error {
	n = resolved(n)
	if n.Kind != yaml.MappingNode {
		return invalid("line %d: expects keys and values", n.Line)
	}
	if len(n.Content)/2 > maxEntries {
		return invalid("line %d: more than %d keys", n.Line, maxEntries)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		if name.Kind != yaml.ScalarNode {
			return invalid("line %d: a key is not a word", name.Line)
		}
		if seen[name.Value] {
			return invalid("line %d: %s is given twice", name.Line, quoted(name.Value))
		}
		seen[name.Value] = true
		if err := each(name, resolved(n.Content[i+1])); err != nil {
			return err
		}
	}
	return nil
}

// resolved follows an alias to what it stands for.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// unknown is a key that nobody reads.
func unknown(name *yaml.Node) error {
	return &Error{Problem: Unknown, Detail: "line " + strconv.Itoa(name.Line) + ": unknown key " + quoted(name.Value)}
}

// scalar returns the text of a word or a number as it was written.
func scalar(n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return "", invalid("line %d: expects a value", n.Line)
	}
	return n.Value, nil
}

// truth reads true or false, and no other spelling.
func truth(n *yaml.Node) (bool, error) {
	if n.Kind == yaml.ScalarNode && (n.Value == "true" || n.Value == "false") {
		return n.Value == "true", nil
	}
	return false, invalid("line %d: expects true or false", n.Line)
}

// list reads a list of words. One word alone is a list of one.
func list(n *yaml.Node) ([]string, error) {
	if n.Kind == yaml.ScalarNode {
		one, err := scalar(n)
		return []string{one}, err
	}
	if n.Kind != yaml.SequenceNode {
		return nil, invalid("line %d: expects a list", n.Line)
	}
	if len(n.Content) > maxEntries {
		return nil, invalid("line %d: more than %d elements", n.Line, maxEntries)
	}
	words := make([]string, 0, len(n.Content))
	for _, element := range n.Content {
		word, err := scalar(resolved(element))
		if err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	return words, nil
}

// fromNode reads the value of the setting s.
func fromNode(s *spec, n *yaml.Node) (v value, err error) {
	switch s.kind {
	case kindText:
		v.text, err = scalar(n)
	case kindWords, kindItems:
		v.list, err = list(n)
	case kindToggle:
		v.on, err = truth(n)
	case kindNumber:
		v.number, err = integer(n)
	case kindPairs:
		v.pairs = map[string]string{}
		err = entries(n, func(name, val *yaml.Node) (err error) {
			v.pairs[name.Value], err = scalar(val)
			return err
		})
	}
	return v, err
}

func integer(n *yaml.Node) (int, error) {
	number, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		return 0, invalid("line %d: expects a whole number", n.Line)
	}
	return number, nil
}
