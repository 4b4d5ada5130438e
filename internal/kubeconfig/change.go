package kubeconfig

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// SetExec puts an exec block in place of all that authenticates a user, and
// makes the user where it is missing. What else its entry holds stays. Errors:
// *FileError, where that cannot be done without changing something else.
func (d *Document) SetExec(user string, e Exec) error {
	what := fmt.Sprintf("the user %q", user)
	block := execNode(e)
	entry, i := d.entry("users", user)
	if entry == nil {
		return d.add("users", mapNode("name", textNode(user), "user", mapNode("exec", block)), what)
	}
	meant, err := d.meant()
	if err != nil {
		return err
	}
	body, _ := elementOf(meant, "users", i)["user"].(map[string]any)
	if body == nil {
		body = map[string]any{}
	}
	for _, field := range credentialFields() {
		delete(body, field)
	}
	body["exec"] = valueOf(block)
	elementOf(meant, "users", i)["user"] = body
	return d.apply(d.setExec(entry, block), meant, entry, what)
}

func (d *Document) setExec(entry, block *yaml.Node) *splice {
	p := &splice{src: d.src}
	body := valueNode(entry, "user")
	if body == nil || isNull(body) {
		p.setPair(entry, "user", mapNode("exec", block))
		return p
	}
	if body.Kind == yaml.AliasNode { // what it shares with others stays theirs
		p.replaceValue(entry, "user", without(resolved(body), credentialFields(), "exec", block))
		return p
	}
	if alone := inFlow(body) && !inFlow(entry); len(body.Content) == 0 || alone && onlyCredentials(body) {
		p.replaceValue(entry, "user", mapNode("exec", block))
		return p
	}
	placed := false
	for i := 0; i+1 < len(body.Content); i += 2 {
		switch {
		case !slices.Contains(credentialFields(), body.Content[i].Value):
		case placed:
			p.removePair(body, i)
		default:
			p.replacePair(body, i, "exec", block)
			placed = true
		}
	}
	if !placed {
		p.addPair(body, "exec", block)
	}
	return p
}

func onlyCredentials(body *yaml.Node) bool {
	for i := 0; i+1 < len(body.Content); i += 2 {
		if !slices.Contains(credentialFields(), body.Content[i].Value) {
			return false
		}
	}
	return body.Anchor == ""
}

// without copies a mapping but for some keys, and adds one.
func without(n *yaml.Node, keys []string, key string, value *yaml.Node) *yaml.Node {
	all, c := expand(n, maxDepth), mapNode()
	for i := 0; i+1 < len(all.Content); i += 2 {
		if !slices.Contains(keys, all.Content[i].Value) {
			c.Content = append(c.Content, all.Content[i:i+2]...)
		}
	}
	c.Content = append(c.Content, textNode(key), value)
	return c
}

// expand copies a value with what its aliases and merged mappings stand for.
func expand(n *yaml.Node, depth int) *yaml.Node {
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Style: n.Style &^ yaml.FlowStyle, Value: n.Value}
	switch {
	case depth == 0:
		return textNode("")
	case n.Kind == yaml.MappingNode:
		values := (&walk{left: maxSteps}).mapping(n)
		for _, key := range keysOf(n, values) {
			c.Content = append(c.Content, textNode(key), expand(values[key], depth-1))
		}
	default:
		for _, child := range n.Content {
			c.Content = append(c.Content, expand(resolved(child), depth-1))
		}
	}
	return c
}

// keysOf returns a mapping's keys in its order, and then those merged into it.
func keysOf(n *yaml.Node, values map[string]*yaml.Node) (keys []string) {
	left := maps.Clone(values)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Tag != "!!merge" && left[key.Value] != nil {
			keys = append(keys, key.Value)
			delete(left, key.Value)
		}
	}
	return append(keys, slices.Sorted(maps.Keys(left))...)
}

func execNode(e Exec) *yaml.Node {
	n := mapNode("apiVersion", textNode(e.APIVersion))
	add := func(key string, value *yaml.Node) { n.Content = append(n.Content, textNode(key), value) }
	if len(e.Args) > 0 {
		args := listNode()
		for _, arg := range e.Args {
			args.Content = append(args.Content, textNode(arg))
		}
		add("args", args)
	}
	add("command", textNode(e.Command))
	if len(e.Env) > 0 {
		env := listNode()
		for _, v := range e.Env {
			env.Content = append(env.Content, mapNode("name", textNode(v.Name), "value", textNode(v.Value)))
		}
		add("env", env)
	}
	if e.InstallHint != "" {
		add("installHint", textNode(e.InstallHint))
	}
	if e.InteractiveMode != "" {
		add("interactiveMode", textNode(e.InteractiveMode))
	}
	add("provideClusterInfo", boolNode(e.ProvideClusterInfo))
	return n
}

// SetContext adds a context, or changes the user of one that is there. Errors:
// *FileError.
func (d *Document) SetContext(context, cluster, user string) error {
	what := fmt.Sprintf("the context %q", context)
	entry, i := d.entry("contexts", context)
	if entry == nil {
		body := mapNode("cluster", textNode(cluster), "user", textNode(user))
		return d.add("contexts", mapNode("context", body, "name", textNode(context)), what)
	}
	meant, err := d.meant()
	if err != nil {
		return err
	}
	fields, _ := elementOf(meant, "contexts", i)["context"].(map[string]any)
	if fields == nil {
		return d.refuse(entry, "begins a context that is empty")
	}
	fields["user"] = user
	p := &splice{src: d.src}
	p.setPair(valueNode(entry, "context"), "user", textNode(user))
	return d.apply(p, meant, entry, what)
}

// SetCurrent makes a context the current one. Errors: *FileError.
func (d *Document) SetCurrent(context string) error {
	if d.Current() == context {
		return nil
	}
	return d.begun(func() error {
		meant, err := d.meant()
		if err != nil {
			return err
		}
		meant["current-context"] = context
		p := &splice{src: d.src}
		p.setPair(d.root, "current-context", textNode(context))
		return d.apply(p, meant, d.root, "the current context")
	})
}

// add appends an entry to a list of the file.
func (d *Document) add(listed string, entry *yaml.Node, what string) error {
	return d.begun(func() error {
		meant, err := d.meant()
		if err != nil {
			return err
		}
		entries, _ := meant[listed].([]any)
		meant[listed] = append(entries, valueOf(entry))
		p := &splice{src: d.src}
		if old := valueNode(d.root, listed); old != nil && len(old.Content) > 0 {
			p.addElement(old, entry)
		} else {
			p.setPair(d.root, listed, listNode(entry))
		}
		return d.apply(p, meant, d.root, what)
	})
}

// begun makes a change to a file that says something. One that says nothing is
// given the head of a kubeconfig first, and loses it where the change fails.
func (d *Document) begun(change func() error) error {
	if d.root != nil {
		return change()
	}
	was := *d
	err := d.begin()
	if err == nil {
		err = change()
	}
	if err != nil {
		*d = was
	}
	return err
}

// begin writes the head of a kubeconfig.
func (d *Document) begin() error {
	p := &splice{src: d.src}
	at := len(d.src.text)
	if at > 0 && d.src.column(at) > 0 {
		p.replace(at, at, d.src.eol)
	}
	p.replace(at, at, "apiVersion: v1"+d.src.eol+"kind: Config"+d.src.eol)
	return d.apply(p, map[string]any{"apiVersion": "v1", "kind": "Config"}, &yaml.Node{Line: 1}, "the empty file")
}

// apply makes a change and holds what the file says then against what was
// meant. Without that nothing is changed.
func (d *Document) apply(p *splice, meant map[string]any, at *yaml.Node, what string) error {
	refused := d.refuse(at, fmt.Sprintf("holds %s in a form that cannot be changed without touching something else", what))
	text, err := p.done()
	if err != nil {
		return refused
	}
	if len(text) > maxFile {
		return &FileError{Path: d.path, Reason: fmt.Sprintf("would be larger than %d MiB", maxFile>>20)}
	}
	after, err := newDocument(d.path, text)
	if err != nil {
		return refused
	}
	if says, err := after.meant(); err != nil || !reflect.DeepEqual(says, meant) {
		return refused
	}
	*d = *after
	return nil
}

// meant returns all that the file says, as Go values.
func (d *Document) meant() (map[string]any, error) {
	w := &walk{left: maxSteps}
	value, _ := w.value(d.root, maxDepth).(map[string]any)
	if w.err != nil {
		return nil, d.tooMuch()
	}
	return value, nil
}

func valueOf(n *yaml.Node) any {
	return (&walk{left: maxSteps}).value(n, maxDepth)
}

// elementOf returns an element of a list of meant.
func elementOf(meant map[string]any, listed string, i int) map[string]any {
	entries, _ := meant[listed].([]any)
	if i >= len(entries) {
		return map[string]any{}
	}
	entry, _ := entries[i].(map[string]any)
	return entry
}

// valueNode returns a key's value in a mapping as it stands: the alias, not
// what it stands for.
func valueNode(n *yaml.Node, key string) *yaml.Node {
	if i := pairOf(n, key); i >= 0 {
		return n.Content[i+1]
	}
	return nil
}

// pairOf returns where a key stands in a mapping's nodes, or -1.
func pairOf(n *yaml.Node, key string) int {
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Kind == yaml.ScalarNode && n.Content[i].Value == key {
				return i
			}
		}
	}
	return -1
}
