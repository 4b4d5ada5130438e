package kubeconfig

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// redaction takes secrets out of texts. Each distinct one gets a number, which
// shows where one took another's place and tells nothing of either; a digest
// would let short ones be guessed.
type redaction struct {
	numbers map[string]int
}

func (r *redaction) mask(s string) string {
	if r.numbers[s] == 0 {
		r.numbers[s] = len(r.numbers) + 1
	}
	return fmt.Sprintf("REDACTED-%d", r.numbers[s])
}

// redact returns a kubeconfig's text with its secrets masked. What cannot be
// read is masked as a whole.
func (r *redaction) redact(text []byte) []byte {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return []byte(r.mask(string(text)) + "\n")
	}
	v := &veil{redaction: r, splice: splice{src: newSource(text)}, done: map[*yaml.Node]bool{}}
	if len(doc.Content) > 0 {
		v.visit(doc.Content[0], inFlow(doc.Content[0]))
	}
	v.comments()
	masked, err := v.splice.done()
	if err != nil {
		return []byte(r.mask(string(text)) + "\n")
	}
	return masked
}

// veil finds the secrets of one text.
type veil struct {
	*redaction
	splice splice
	done   map[*yaml.Node]bool // what an alias may lead to a second time
}

// visit masks what a node holds; flow says whether it stands in brackets.
func (v *veil) visit(n *yaml.Node, flow bool) {
	flow = flow || inFlow(n)
	switch n.Kind {
	case yaml.SequenceNode:
		for _, element := range n.Content {
			v.visit(element, flow)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			v.visitPair(n.Content[i].Value, n.Content[i+1], flow)
		}
	case yaml.ScalarNode:
		if revealing(n.Value) {
			v.hide(n, "", flow)
		}
	}
}

func (v *veil) visitPair(key string, value *yaml.Node, flow bool) {
	switch {
	case sensitive(key):
		v.hideAll(value, flow)
	case key == "args" && resolved(value).Kind == yaml.SequenceNode:
		v.arguments(resolved(value), flow || inFlow(resolved(value)))
	case key == "env":
		v.variables(value, flow || inFlow(value))
	case key == "config":
		v.config(value, flow || inFlow(value))
	default:
		v.visit(value, flow)
	}
}

// hideAll masks every scalar below a node.
func (v *veil) hideAll(n *yaml.Node, flow bool) {
	n = resolved(n)
	flow = flow || inFlow(n)
	if n.Kind == yaml.ScalarNode {
		v.hide(n, "", flow)
		return
	}
	if v.done[n] {
		return
	}
	v.done[n] = true
	for i, child := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			v.hideAll(child, flow)
		}
	}
}

// arguments masks the values of flags that hold secrets: in one word with the
// flag, or the word after it.
func (v *veil) arguments(n *yaml.Node, flow bool) {
	next := false
	for _, element := range n.Content {
		text := resolved(element).Value
		name, _, joined := strings.Cut(text, "=")
		flag := strings.HasPrefix(text, "-")
		switch {
		case flag && joined && (sensitive(name) || revealing(text)):
			v.hide(resolved(element), name+"=", flow)
		case next && !strings.HasPrefix(text, "--"), revealing(text): // a secret may begin with one dash
			v.hide(resolved(element), "", flow)
		}
		next = flag && !joined && sensitive(name)
	}
}

// variables masks the values of an exec block's variables.
func (v *veil) variables(n *yaml.Node, flow bool) {
	n = resolved(n)
	for _, variable := range n.Content {
		v.visitVariable(resolved(variable), flow)
	}
}

func (v *veil) visitVariable(n *yaml.Node, flow bool) {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "name" {
			v.hideAll(n.Content[i+1], flow || inFlow(n))
		}
	}
}

// config masks an auth-provider's fields but for those that are known to be
// no secrets.
func (v *veil) config(n *yaml.Node, flow bool) {
	n = resolved(n)
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if !slices.Contains(openFields(), n.Content[i].Value) {
			v.hideAll(n.Content[i+1], flow)
		}
	}
}

func openFields() []string {
	return []string{
		"client-id", "idp-issuer-url", "idp-certificate-authority", "idp-certificate-authority-data", "extra-scopes",
		"expiry", "expires-in", "expires-on", "tenant-id", "apiserver-id", "environment", "config-mode",
		"cmd-path", "cmd-args", "expiry-key", "token-key", "scopes",
	}
}

// hide puts a mask in place of a scalar, behind what of it may be seen.
func (v *veil) hide(n *yaml.Node, seen string, flow bool) {
	if v.done[n] || n.Value == "" || isNull(n) {
		return
	}
	v.done[n] = true
	src := v.splice.src
	at := src.skipProperties(src.at(n))
	end, ok := src.end(n, flow)
	if !ok { // of several lines
		line := src.lineOf(at)
		_, indent := src.kind(line)
		end = src.begin(src.blockEnd(line+1, indent, false))
		for end > at && strings.IndexByte("\r\n", src.text[end-1]) >= 0 {
			end--
		}
	}
	v.splice.replace(at, end, seen+v.mask(strings.TrimPrefix(n.Value, seen)))
}

// comments masks those that may hold a secret: a credential that somebody put
// out of use by a "#".
func (v *veil) comments() {
	src := v.splice.src
	for i := range src.lines {
		at, text := commentOf(src, i)
		end := at + len(text)
		if text == "" || !telling(text) {
			continue
		}
		if !slices.ContainsFunc(v.splice.parts, func(p part) bool { return p.from < end && at < p.to }) {
			v.splice.replace(at, end, "# "+v.mask(text))
		}
	}
}

// telling reports whether a comment may hold a secret: a field with a value, or
// a word that is too long for one.
func telling(comment string) bool {
	return sensitive(comment) && strings.ContainsAny(comment, ":=") || revealing(comment) ||
		slices.ContainsFunc(strings.Fields(comment), func(word string) bool { return len(word) >= 40 && !strings.Contains(word, "://") })
}

// commentOf returns what of a line may be a comment.
func commentOf(src *source, i int) (at int, text string) {
	line := string(src.line(i))
	for j := range len(line) {
		if line[j] == '#' && (j == 0 || line[j-1] == ' ' || line[j-1] == '\t') {
			return src.begin(i) + j, line[j:]
		}
	}
	return 0, ""
}

// sensitive reports whether what is named so may be a secret. It is generous:
// a mask too many harms nobody.
func sensitive(name string) bool {
	name = strings.ToLower(name)
	if name == "tokenfile" || strings.Contains(name, "token-cache-") { // where a token lies
		return false
	}
	for _, word := range []string{"token", "password", "passwd", "passphrase", "secret", "key-data", "private", "credential", "bearer", "cookie"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// revealing reports whether a text looks like a secret whatever its name: a
// token, or an address with a password in it.
func revealing(text string) bool {
	if i := strings.Index(text, "eyJ"); i >= 0 && strings.Count(text[i:], ".") >= 2 {
		return true
	}
	_, rest, found := strings.Cut(text, "://")
	authority, _, _ := strings.Cut(rest, "/")
	return found && strings.Contains(authority, "@")
}
