package kubeconfig

// Changing text: lines where a mapping is written as lines, and what stands
// between commas where it is written in brackets. A form that is not understood
// is refused, and so is a result that does not say what was meant (apply), so
// that no rule here has to know all of YAML.

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

var errForm = errors.New("a form that cannot be changed")

// splice gathers replacements of parts of a text.
type splice struct {
	src    *source
	parts  []part // in the text's order
	failed bool
}

type part struct {
	from, to int
	text     string
}

func (p *splice) replace(from, to int, text string) {
	i := len(p.parts)
	for i > 0 && p.parts[i-1].from > from {
		i--
	}
	p.parts = slices.Insert(p.parts, i, part{from, to, text})
}

// done returns the text with every part replaced.
func (p *splice) done() ([]byte, error) {
	var text []byte
	at := 0
	for _, part := range p.parts {
		if p.failed || part.from < at || part.to < part.from || part.to > len(p.src.text) {
			return nil, errForm
		}
		text = append(append(text, p.src.text[at:part.from]...), part.text...)
		at = part.to
	}
	if p.failed {
		return nil, errForm
	}
	return append(text, p.src.text[at:]...), nil
}

func inFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

// pair is where a key and its value stand: in brackets the text from one to
// the other, in lines whole lines.
type pair struct {
	from, to int
	indent   int // of the lines
}

// pairAt finds the i-th key of a mapping.
func (p *splice) pairAt(n *yaml.Node, i int) (found pair) {
	key, value := n.Content[i], n.Content[i+1]
	at := p.src.at(key)
	if inFlow(n) {
		end, ok := p.src.endPair(&yaml.Node{Kind: yaml.MappingNode, Content: n.Content[i : i+2]})
		p.failed = p.failed || !ok || end < at
		return pair{from: at, to: end}
	}
	indent := p.src.column(at)
	line := p.src.lineOf(at) + 1
	if end, ok := p.src.end(value, false); ok && !absent(value) {
		line = max(line, p.src.lineOf(end)+1)
	}
	dashes := value.Kind == yaml.SequenceNode
	return pair{p.src.begin(p.src.lineOf(at)), p.src.begin(p.src.blockEnd(line, indent, dashes)), indent}
}

// lines gives a text of whole lines to put at an offset: what stands before it
// may lack the end of its line.
func (p *splice) lines(at int, text string) string {
	if at > 0 && at == len(p.src.text) && p.src.column(at) > 0 {
		return p.src.eol + strings.TrimSuffix(text, p.src.eol)
	}
	return text
}

func (p *splice) removePair(n *yaml.Node, i int) {
	at := p.pairAt(n, i)
	if inFlow(n) { // with the comma before it
		at.from = p.pairAt(n, i-2).to
	}
	p.wholeLines(n, i)
	p.replace(at.from, at.to, "")
}

// wholeLines fails where a key shares its line with what stands before it.
func (p *splice) wholeLines(n *yaml.Node, i int) {
	if !inFlow(n) && !p.src.first(p.src.at(n.Content[i])) {
		p.failed = true
	}
}

func (p *splice) replacePair(n *yaml.Node, i int, key string, value *yaml.Node) {
	at := p.pairAt(n, i)
	p.wholeLines(n, i)
	if inFlow(n) {
		p.replace(at.from, at.to, quoted(key)+": "+flow(value))
		return
	}
	p.replace(at.from, at.to, block(textNode(key), value, at.indent, p.src.eol))
}

// addPair appends to a mapping that is not empty.
func (p *splice) addPair(n *yaml.Node, key string, value *yaml.Node) {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		p.failed = true
		return
	}
	last := p.pairAt(n, len(n.Content)-2)
	if inFlow(n) {
		p.replace(last.to, last.to, ", "+quoted(key)+": "+flow(value))
		return
	}
	p.replace(last.to, last.to, p.lines(last.to, block(textNode(key), value, last.indent, p.src.eol)))
}

// setPair gives a key a value, and adds it where it is missing.
func (p *splice) setPair(n *yaml.Node, key string, value *yaml.Node) {
	switch {
	case n == nil || n.Kind != yaml.MappingNode:
		p.failed = true
	case pairOf(n, key) >= 0:
		p.replaceValue(n, key, value)
	case len(n.Content) > 0:
		p.addPair(n, key, value)
	default:
		end, ok := p.src.end(n, true)
		p.failed = p.failed || !ok
		p.replace(p.src.skipProperties(p.src.at(n)), end, flow(mapNode(key, value)))
	}
}

// replaceValue puts another value in place of a scalar, an alias or an empty
// collection.
func (p *splice) replaceValue(n *yaml.Node, key string, value *yaml.Node) {
	i := pairOf(n, key)
	old := n.Content[i+1]
	from := p.src.at(old)
	to, ok := p.src.end(old, inFlow(n))
	if absent(old) { // behind the colon
		end, found := p.src.end(n.Content[i], inFlow(n))
		from = end + strings.IndexByte(string(p.src.text[end:]), ':') + 1
		to, ok = from, found && from > end
	}
	p.failed = p.failed || !ok || to < from
	switch {
	case p.failed:
	case inFlow(n):
		p.replace(from, to, space(p.src, from)+flow(value))
	case value.Kind == yaml.ScalarNode:
		p.replace(from, to, space(p.src, from)+scalarText(value, false))
	default:
		for from > 0 && p.src.text[from-1] == ' ' {
			from--
		}
		indent := p.src.column(p.src.at(n.Content[i]))
		p.replace(from, to, strings.TrimSuffix(blockValue(value, indent, p.src.eol), p.src.eol))
	}
}

// space returns what has to stand between a colon and what follows it.
func space(src *source, at int) string {
	if at > 0 && src.text[at-1] == ':' {
		return " "
	}
	return ""
}

// addElement appends to a list that is not empty.
func (p *splice) addElement(n, element *yaml.Node) {
	if inFlow(n) {
		end, ok := p.src.endPair(n)
		p.failed = p.failed || !ok
		p.replace(end, end, ", "+flow(element))
		return
	}
	_, to, indent, ok := p.itemAt(n, len(n.Content)-1)
	p.failed = p.failed || !ok
	p.replace(to, to, p.lines(to, item(element, indent, p.src.eol)))
}

// itemAt finds the lines of an element of a list, and how far its dash is
// indented.
func (p *splice) itemAt(n *yaml.Node, i int) (from, to, indent int, ok bool) {
	element := n.Content[i]
	at := p.src.at(element)
	dash, ok := p.src.dash(at)
	if !ok {
		return 0, 0, 0, false
	}
	line := p.src.lineOf(at) + 1
	if end, ok := p.src.end(element, false); ok {
		line = max(line, p.src.lineOf(end)+1)
	}
	indent = p.src.column(dash)
	return p.src.begin(p.src.lineOf(dash)), p.src.begin(p.src.blockEnd(line, indent, false)), indent, true
}
