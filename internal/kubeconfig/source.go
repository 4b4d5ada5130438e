package kubeconfig

// Where things stand in a file's text. The library says where a node begins,
// and not where it ends; what it says of the place is in characters and in
// YAML's lines.

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const byteOrderMark = "\ufeff"

// source is a text with the places of its lines.
type source struct {
	text  []byte
	lines []int  // where each begins
	eol   string // what ends them
	last  place  // that was asked for: a file may be one long line
}

// place is a node's place and what it comes to, in bytes.
type place struct{ line, column, at int }

func newSource(text []byte) *source {
	s := &source{text: text, eol: "\n"}
	at := 0
	if bytes.HasPrefix(text, []byte(byteOrderMark)) {
		at = len(byteOrderMark)
	}
	for s.lines = []int{at}; at < len(text); {
		if n := lineBreak(text[at:]); n > 0 {
			at += n
			s.lines = append(s.lines, at)
		} else {
			at++
		}
	}
	if len(s.lines) > 1 && bytes.HasSuffix(text[:s.lines[1]], []byte("\r\n")) {
		s.eol = "\r\n"
	}
	return s
}

// lineBreak returns the length of the line break that text begins with, in
// bytes. YAML 1.1 has five.
func lineBreak(text []byte) int {
	for _, end := range []string{"\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"} {
		if len(text) >= len(end) && string(text[:len(end)]) == end {
			return len(end)
		}
	}
	return 0
}

// at returns where a node begins.
func (s *source) at(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(s.lines) {
		return len(s.text)
	}
	p := place{n.Line, 1, s.lines[n.Line-1]}
	if s.last.line == n.Line && s.last.column <= n.Column {
		p = s.last
	}
	for ; p.column < n.Column; p.column++ {
		_, size := utf8.DecodeRune(s.text[p.at:])
		p.at += size
	}
	s.last = p
	return p.at
}

// lineOf returns the number of the line that an offset lies in, from 0.
func (s *source) lineOf(at int) int {
	i, found := slices.BinarySearch(s.lines, at)
	if !found {
		i--
	}
	return max(i, 0)
}

// line returns a line without its break. Past the end it is empty.
func (s *source) line(i int) []byte {
	return bytes.TrimRight(s.text[s.begin(i):s.begin(i+1)], "\r\n\u0085\u2028\u2029")
}

// begin returns where a line begins, or where the text ends.
func (s *source) begin(i int) int {
	if i >= len(s.lines) {
		return len(s.text)
	}
	return s.lines[i]
}

// column returns how far into its line an offset lies, in characters.
func (s *source) column(at int) int { return utf8.RuneCount(s.text[s.begin(s.lineOf(at)):at]) }

// first reports whether nothing but spaces stands before an offset on its line.
func (s *source) first(at int) bool {
	return len(bytes.Trim(s.text[s.begin(s.lineOf(at)):at], " ")) == 0
}

// dash returns where the dash of a list's element stands, which may be on a line
// of its own.
func (s *source) dash(at int) (dash int, ok bool) {
	for i := s.lineOf(at); i >= 0; i-- {
		before, _, _ := bytes.Cut(s.text[s.begin(i):min(at, s.begin(i+1))], []byte(" #"))
		kind, indent := s.kind(i)
		switch text := string(bytes.TrimSpace(before)); {
		case text == "-":
			return s.begin(i) + indent, true
		case text != "" && kind != comment:
			return 0, false
		}
	}
	return 0, false
}

// The kinds of a line that tell where a block ends.
const (
	blank = iota
	comment
	content
	mark // --- or ...
)

// kind returns what a line is and how far it is indented.
func (s *source) kind(i int) (kind, indent int) {
	line := s.line(i)
	rest := bytes.TrimLeft(line, " ")
	indent = len(line) - len(rest)
	switch {
	case len(bytes.TrimSpace(rest)) == 0:
		return blank, indent
	case rest[0] == '#':
		return comment, indent
	case indent == 0 && (bytes.HasPrefix(rest, []byte("---")) || bytes.HasPrefix(rest, []byte("..."))):
		return mark, indent
	}
	return content, indent
}

// blockEnd returns the line after a block that began on an earlier line at an
// indentation. What is indented deeper belongs to it, and where dashes is true
// so do elements of a list as deep as it is. Comments and empty lines after it
// belong to what follows.
func (s *source) blockEnd(line, indent int, dashes bool) int {
	end := line
	for i := line; i < len(s.lines) && s.begin(i) < len(s.text); i++ {
		kind, depth := s.kind(i)
		if kind == blank || kind == comment && depth <= indent {
			continue
		}
		dash := dashes && depth == indent && kind == content && s.line(i)[depth] == '-'
		if kind == mark || depth <= indent && !dash {
			break
		}
		end = i + 1
	}
	return end
}

// end returns where a scalar, an alias or a collection in brackets ends. flow
// says whether it stands within brackets itself. ok is false for what cannot
// be told.
func (s *source) end(n *yaml.Node, flow bool) (end int, ok bool) {
	at := s.skipProperties(s.at(n))
	switch {
	case n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return 0, false
	case n.Kind == yaml.ScalarNode && n.Style&yaml.SingleQuotedStyle != 0:
		return s.endQuote(at, '\'')
	case n.Kind == yaml.ScalarNode && n.Style&yaml.DoubleQuotedStyle != 0:
		return s.endQuote(at, '"')
	case n.Kind == yaml.ScalarNode:
		end = s.endPlain(at, flow)
		return end, strings.Join(strings.Fields(string(s.text[at:end])), " ") == strings.Join(strings.Fields(n.Value), " ")
	case n.Kind == yaml.AliasNode:
		end = at + 1 + len(n.Value)
		return end, end <= len(s.text) && string(s.text[at:end]) == "*"+n.Value
	case n.Style&yaml.FlowStyle != 0:
		return s.endBrackets(at, n)
	}
	return 0, false
}

// skipProperties passes over a node's anchor and tag.
func (s *source) skipProperties(at int) int {
	for at < len(s.text) && (s.text[at] == '&' || s.text[at] == '!') {
		for at < len(s.text) && !bytes.ContainsRune([]byte(" \t\r\n,[]{}"), rune(s.text[at])) {
			at++
		}
		for at < len(s.text) && (s.text[at] == ' ' || s.text[at] == '\t') {
			at++
		}
	}
	return at
}

func (s *source) endQuote(at int, quote byte) (end int, ok bool) {
	if at >= len(s.text) || s.text[at] != quote {
		return 0, false
	}
	for i := at + 1; i < len(s.text); i++ {
		switch {
		case s.text[i] == '\\' && quote == '"':
			i++
		case s.text[i] == quote && quote == '\'' && i+1 < len(s.text) && s.text[i+1] == quote:
			i++
		case s.text[i] == quote:
			return i + 1, true
		}
	}
	return 0, false
}

// endPlain returns where a word without quotes ends. Outside of brackets it is
// taken to end with its line.
func (s *source) endPlain(at int, flow bool) int {
	end := at
	for i := at; i < len(s.text); i++ {
		c, next := s.text[i], byte('\n')
		if i+1 < len(s.text) {
			next = s.text[i+1]
		}
		space := bytes.IndexByte([]byte(" \t\r\n"), c) >= 0
		switch {
		case flow && bytes.IndexByte([]byte(",[]{}"), c) >= 0,
			!flow && lineBreak(s.text[i:]) > 0,
			c == ':' && bytes.IndexByte([]byte(" \t\r\n"), next) >= 0,
			c == ':' && flow && bytes.IndexByte([]byte(",[]{}"), next) >= 0,
			space && next == '#':
			return end
		case !space:
			end = i + 1
		}
	}
	return end
}

func (s *source) endBrackets(at int, n *yaml.Node) (end int, ok bool) {
	bracketed := at < len(s.text) && (s.text[at] == '{' || s.text[at] == '[')
	end = at + 1
	if len(n.Content) > 0 {
		if end, ok = s.endPair(n); !ok {
			return 0, false
		}
	}
	if !bracketed { // {a: b} within a list may stand without its brackets
		return end, true
	}
	for end < len(s.text) {
		switch c := s.text[end]; {
		case c == '}' || c == ']':
			return end + 1, true
		case c == '#':
			end = s.begin(s.lineOf(end) + 1)
		case c == ',' || c == ' ' || c == '\t' || lineBreak(s.text[end:]) > 0:
			end++
		default:
			return 0, false
		}
	}
	return 0, false
}

// endPair returns where the last of a bracket's nodes ends. A value that is
// not there ends with its key.
func (s *source) endPair(n *yaml.Node) (end int, ok bool) {
	last := n.Content[len(n.Content)-1]
	if n.Kind == yaml.MappingNode && absent(last) {
		end, ok = s.end(n.Content[len(n.Content)-2], true)
		return max(end, s.at(last)), ok
	}
	return s.end(last, true)
}

// absent reports whether nothing at all stands for a null.
func absent(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 && n.Anchor == ""
}
