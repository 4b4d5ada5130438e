package kubeconfig

// Reading YAML: the one place that knows the library. The file is walked as
// nodes and not decoded into structs: kubectl lets a key be given twice, which
// the library's decoder refuses, after comparing every key with every other.

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	// maxSteps bounds what is visited of one file, in nodes and the bytes of
	// their text. Without aliases each is visited about once; with them a small
	// file could say as much as it likes.
	maxSteps = 2 * maxFile
	// maxExtension is the same for an extension: it goes through a variable,
	// where Linux allows 128 KiB.
	maxExtension = 1 << 20
	// maxDepth bounds the nesting of an extension and of merged mappings: an
	// alias may stand within its own anchor.
	maxDepth = 100
)

// Errors of a walk. Nobody reads them: Load says that the file is none.
var (
	errShape = errors.New("another shape")
	errLong  = errors.New("too much to visit")
)

// walk visits the nodes of one file. After its first error it goes on with
// nothing in place of what was wrong.
type walk struct {
	left int
	err  error
}

// parse reads the first document of data, as kubectl does.
func parse(data []byte) (file, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) == 0 {
		return file{}, err
	}
	w := &walk{left: maxSteps}
	top := w.mapping(doc.Content[0])
	return file{
		current:  w.text(top["current-context"]),
		contexts: list(w, top["contexts"], w.context),
		clusters: list(w, top["clusters"], w.cluster),
		users:    list(w, top["users"], w.user),
	}, w.err
}

func (w *walk) context(n *yaml.Node) named[contextBody] {
	entry := w.mapping(n)
	body := w.mapping(entry["context"])
	return named[contextBody]{w.text(entry["name"]), contextBody{w.text(body["cluster"]), w.text(body["user"])}}
}

func (w *walk) user(n *yaml.Node) named[userBody] {
	entry := w.mapping(n)
	body := w.mapping(entry["user"])
	return named[userBody]{w.text(entry["name"]), userBody{w.exec(body["exec"]), w.impersonation(body)}}
}

func (w *walk) exec(n *yaml.Node) *Exec {
	if isNull(n) {
		return nil
	}
	block := w.mapping(n)
	return &Exec{
		APIVersion:         w.text(block["apiVersion"]),
		Command:            w.text(block["command"]),
		Args:               list(w, block["args"], w.text),
		Env:                list(w, block["env"], w.variable),
		InstallHint:        w.text(block["installHint"]),
		InteractiveMode:    w.text(block["interactiveMode"]),
		ProvideClusterInfo: w.truth(block["provideClusterInfo"]),
	}
}

func (w *walk) variable(n *yaml.Node) EnvVar {
	entry := w.mapping(n)
	return EnvVar{w.text(entry["name"]), w.text(entry["value"])}
}

func (w *walk) cluster(n *yaml.Node) named[clusterBody] {
	entry := w.mapping(n)
	body := w.mapping(entry["cluster"])
	c := named[clusterBody]{name: w.text(entry["name"])}
	c.body.Cluster = Cluster{
		Server:                w.text(body["server"]),
		CAData:                w.base64(body["certificate-authority-data"]),
		CAFile:                w.text(body["certificate-authority"]),
		TLSServerName:         w.text(body["tls-server-name"]),
		ProxyURL:              w.text(body["proxy-url"]),
		InsecureSkipTLSVerify: w.truth(body["insecure-skip-tls-verify"]),
	}
	for _, extension := range list(w, body["extensions"], w.mapping) {
		if w.text(extension["name"]) == extensionName {
			c.body.extension = w.json(extension["extension"])
		}
	}
	return c
}

// base64 decodes as encoding/json does, which client-go reads with. Its text
// counts as visited, as often as aliases repeat it.
func (w *walk) base64(n *yaml.Node) []byte {
	text := w.text(n)
	if text == "" || !w.step(n) {
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		w.fail(errShape)
	}
	return data
}

// json returns nil for what cannot be JSON (.nan), which reaches no plugin.
func (w *walk) json(n *yaml.Node) json.RawMessage {
	budget := min(maxExtension, w.left)
	inner := &walk{left: budget, err: w.err}
	value := inner.value(n, maxDepth)
	w.left -= budget - inner.left
	if inner.err != nil {
		w.fail(inner.err)
		return nil
	}
	data, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return data
}

// mapping returns the values of a mapping. Of a key that is given twice the
// last counts, and a merged mapping counts at its place.
func (w *walk) mapping(n *yaml.Node) map[string]*yaml.Node {
	if isNull(n) {
		return nil
	}
	values := map[string]*yaml.Node{}
	w.collect(n, values, maxDepth)
	return values
}

func (w *walk) collect(n *yaml.Node, values map[string]*yaml.Node, depth int) {
	n = resolved(n)
	if n.Kind != yaml.MappingNode || depth == 0 {
		w.fail(errShape)
		return
	}
	for i := 0; i+1 < len(n.Content) && w.step(n.Content[i]); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Tag == "!!merge":
			w.merge(resolved(value), values, depth-1)
		case key.Kind == yaml.ScalarNode:
			values[key.Value] = resolved(value)
		}
	}
}

// merge takes in what "<<" names: a mapping, or several, of which the first
// counts.
func (w *walk) merge(n *yaml.Node, values map[string]*yaml.Node, depth int) {
	if n.Kind != yaml.SequenceNode {
		w.collect(n, values, depth)
		return
	}
	for i := len(n.Content) - 1; i >= 0 && w.err == nil; i-- {
		w.collect(n.Content[i], values, depth)
	}
}

// list reads the elements of a list.
func list[T any](w *walk, n *yaml.Node, element func(*yaml.Node) T) []T {
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		w.fail(errShape)
		return nil
	}
	var all []T
	for i := 0; i < len(n.Content) && w.step(n.Content[i]); i++ {
		all = append(all, element(resolved(n.Content[i])))
	}
	return all
}

// text returns a word, a number or a date as it was written.
func (w *walk) text(n *yaml.Node) string {
	if isNull(n) {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		w.fail(errShape)
	}
	return n.Value
}

// truth reads true or false, in the words of YAML 1.1 too.
func (w *walk) truth(n *yaml.Node) (on bool) {
	if !isNull(n) && (n.Kind != yaml.ScalarNode || n.Decode(&on) != nil) {
		w.fail(errShape)
	}
	return on
}

// value returns n as encoding/json takes it.
func (w *walk) value(n *yaml.Node, depth int) any {
	switch {
	case isNull(n) || !w.step(n):
		return nil
	case depth == 0:
		w.fail(errShape)
		return nil
	case n.Kind == yaml.MappingNode:
		object := map[string]any{}
		for key, value := range w.mapping(n) {
			object[key] = w.value(value, depth-1)
		}
		return object
	case n.Kind == yaml.SequenceNode:
		elements := list(w, n, func(element *yaml.Node) any { return w.value(element, depth-1) })
		return append([]any{}, elements...) // not null where there are none
	}
	return w.scalar(n)
}

// scalar reads a word as kubectl does, which goes by YAML 1.1: it has more
// words for true and false, and takes dates for texts.
func (w *walk) scalar(n *yaml.Node) (value any) {
	if n.Decode(&value) != nil {
		w.fail(errShape)
	}
	var on bool
	switch value.(type) {
	case time.Time:
		return n.Value
	case string:
		if n.Style == 0 && n.Decode(&on) == nil { // plain: no quotes and no tag
			return on
		}
	}
	return value
}

// visit goes once over all that a node says, its aliases followed.
func (w *walk) visit(n *yaml.Node, depth int) {
	if n == nil || !w.step(n) {
		return
	}
	if depth == 0 {
		w.fail(errShape)
		return
	}
	for _, child := range n.Content {
		w.visit(resolved(child), depth-1)
	}
}

// step counts a node that is visited, and reports whether there is another to
// be had.
func (w *walk) step(n *yaml.Node) bool {
	w.left -= 1 + len(n.Value)
	if w.left < 0 {
		w.fail(errLong)
	}
	return w.err == nil
}

func (w *walk) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func isNull(n *yaml.Node) bool { return n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// resolved follows an alias to what it stands for.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
