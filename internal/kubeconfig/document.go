package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubecred/kubecred/internal/secret"
)

// Document is one kubeconfig as it is written, for a look at a user's
// credentials and for changing it. A change touches the text of what it
// changes alone: every other byte stays, with comments, order, quotes, anchors
// and fields that nobody knows.
//
// A file that kubectl would refuse for a name given twice is refused, and so
// is one in which a key stands twice where it matters: the one that does not
// count would keep its secret.
type Document struct {
	path string
	src  *source
	root *yaml.Node // nil where the file says nothing
}

// UserEntry is what a file holds for a user. Paths stand as they were written.
type UserEntry struct {
	Name                         string
	Token                        secret.Text
	TokenFile                    string
	ClientCertificate, ClientKey string // paths
	ClientCertificateData        []byte // PEM, decoded from base64
	ClientKeyData                secret.Text
	Username                     string
	Password                     secret.Text
	Exec                         *Exec
	AuthProvider                 *AuthProvider
	// Raw is the entry's own source, for Document.Restore. It holds secrets.
	Raw []byte
}

// Format implements fmt.Formatter: an entry shows its name alone.
func (e UserEntry) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "user %q", e.Name) }

// AuthProvider is the legacy auth-provider of a user, which client-go no
// longer knows but for a few names.
type AuthProvider struct {
	Name   string
	Config map[string]secret.Text
}

// credentialFields are the fields of a user that authenticate it.
func credentialFields() []string {
	return []string{
		"token", "tokenFile", "client-certificate", "client-certificate-data", "client-key", "client-key-data",
		"username", "password", "auth-provider", "exec",
	}
}

// Open reads a file. Errors: *FileError, and the system's.
func Open(path string) (*Document, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	return newDocument(path, data)
}

func newDocument(path string, data []byte) (*Document, error) {
	d := &Document{path: path, src: newSource(data)}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, &FileError{Path: path, Reason: "is written in UTF-16; save it as UTF-8"}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, syntaxError(path, err)
	}
	if len(doc.Content) > 0 && !isNull(doc.Content[0]) {
		d.root = doc.Content[0]
	}
	return d, d.check()
}

// syntaxError keeps of the parser's error the line alone: it repeats content.
func syntaxError(path string, err error) error {
	_, text, _ := strings.Cut(err.Error(), "line ")
	digits, _, _ := strings.Cut(text, ":")
	if line, err := strconv.Atoi(digits); err == nil {
		return &FileError{Path: path, Reason: fmt.Sprintf("is not a kubeconfig: near line %d it is no YAML", line), Line: line}
	}
	return &FileError{Path: path, Reason: "is not a kubeconfig"}
}

func (d *Document) tooMuch() error {
	return &FileError{Path: d.path, Reason: "says too much, or nests too deep, to be looked at"}
}

// check refuses another shape, what stands twice, and what says more, by its
// aliases, than anyone could write down: the rest may take it that it fits.
func (d *Document) check() error {
	all := &walk{left: maxSteps}
	if all.visit(d.root, maxDepth); all.err != nil {
		return d.tooMuch()
	}
	w := &walk{left: maxSteps}
	top := w.mapping(d.root)
	if d.root != nil && d.root.Kind == yaml.MappingNode {
		if err := d.once(d.root, "users", "contexts", "clusters", "current-context"); err != nil {
			return err
		}
	}
	for list, kind := range map[string]string{"users": "user", "contexts": "context", "clusters": "cluster"} {
		if err := d.checkList(w, top[list], kind); err != nil {
			return err
		}
	}
	if w.err != nil {
		return &FileError{Path: d.path, Reason: "is not a kubeconfig"}
	}
	return nil
}

func (d *Document) checkList(w *walk, n *yaml.Node, kind string) error {
	lines := map[string]int{}
	for _, entry := range list(w, n, func(n *yaml.Node) *yaml.Node { return n }) {
		if entry.Kind != yaml.MappingNode {
			return d.refuse(entry, "is no "+kind)
		}
		if err := d.once(entry, "name", kind); err != nil {
			return err
		}
		name, text := w.value(w.mapping(entry)["name"], 1).(string)
		if n := w.mapping(entry)["name"]; !text && !isNull(n) {
			return d.refuse(n, "has a name that is no text; kubectl wants quotes around it")
		}
		if first, taken := lines[name]; taken {
			return d.refuse(entry, fmt.Sprintf("is a second %s named %q (the first is in line %d)", kind, name, first))
		}
		lines[name] = entry.Line
	}
	return nil
}

// once refuses keys that stand twice in a mapping.
func (d *Document) once(n *yaml.Node, keys ...string) error {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if seen[key.Value] && slices.Contains(keys, key.Value) {
			return d.refuse(key, fmt.Sprintf("has %q a second time", key.Value))
		}
		seen[key.Value] = true
	}
	return nil
}

func (d *Document) refuse(n *yaml.Node, reason string) error {
	return &FileError{Path: d.path, Reason: fmt.Sprintf("cannot be used as it is: line %d %s", n.Line, reason), Line: n.Line}
}

// Users returns the names of the users in the file's order.
func (d *Document) Users() []string {
	w := &walk{left: maxSteps}
	return list(w, w.mapping(d.root)["users"], func(n *yaml.Node) string { return w.text(w.mapping(n)["name"]) })
}

// Current returns the file's current context, or "".
func (d *Document) Current() string {
	w := &walk{left: maxSteps}
	return w.text(w.mapping(d.root)["current-context"])
}

// User returns what the file holds for a user. Errors: *NotFoundError,
// *FileError.
func (d *Document) User(name string) (*UserEntry, error) {
	n, _ := d.entry("users", name)
	if n == nil {
		return nil, &NotFoundError{"user", name}
	}
	w := &walk{left: maxSteps}
	body := w.mapping(w.mapping(n)["user"])
	e := &UserEntry{
		Name:                  name,
		Token:                 secret.New(w.text(body["token"])),
		TokenFile:             w.text(body["tokenFile"]),
		ClientCertificate:     w.text(body["client-certificate"]),
		ClientKey:             w.text(body["client-key"]),
		ClientCertificateData: w.base64(body["client-certificate-data"]),
		ClientKeyData:         secret.New(string(w.base64(body["client-key-data"]))),
		Username:              w.text(body["username"]),
		Password:              secret.New(w.text(body["password"])),
		Exec:                  w.exec(body["exec"]),
		AuthProvider:          w.authProvider(body["auth-provider"]),
		Raw:                   d.raw(name),
	}
	if w.err != nil {
		return nil, d.refuse(n, fmt.Sprintf("begins a user %q in another shape than kubectl's", name))
	}
	return e, nil
}

func (w *walk) authProvider(n *yaml.Node) *AuthProvider {
	if isNull(n) {
		return nil
	}
	block := w.mapping(n)
	p := &AuthProvider{Name: w.text(block["name"]), Config: map[string]secret.Text{}}
	for key, value := range w.mapping(block["config"]) {
		p.Config[key] = secret.New(w.text(value))
	}
	return p
}

// entry finds an entry of a list by its name, and its place there.
func (d *Document) entry(listed, name string) (*yaml.Node, int) {
	w := &walk{left: maxSteps}
	entries := list(w, w.mapping(d.root)[listed], func(n *yaml.Node) *yaml.Node { return n })
	for i, entry := range entries {
		if w.text(w.mapping(entry)["name"]) == name {
			return entry, i
		}
	}
	return nil, len(entries)
}

// Find returns the file that holds a user. Where none does, found is false and
// path is where a new one goes; Default says which. Errors: *FileError, and the
// system's.
func Find(paths []string, user string) (path string, found bool, err error) {
	return find(paths, "users", user)
}

// FindContext is Find for a context.
func FindContext(paths []string, context string) (path string, found bool, err error) {
	return find(paths, "contexts", context)
}

func find(paths []string, listed, name string) (string, bool, error) {
	for _, path := range paths {
		d, err := Open(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", false, err
		}
		if n, _ := d.entry(listed, name); n != nil {
			return path, true, nil
		}
	}
	return Default(paths), false, nil
}

// Default returns the file that a new thing goes to, as kubectl decides: the
// first that exists, else the last (client-go, PathOptions.GetDefaultFilename).
func Default(paths []string) string {
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if len(paths) == 0 {
		return ""
	}
	return paths[len(paths)-1]
}
