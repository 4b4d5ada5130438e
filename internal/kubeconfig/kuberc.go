package kubeconfig

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Kuberc is what a person's kubectl preferences say about credential plugins
// (kubectl.config.k8s.io, Preference).
type Kuberc struct {
	Policy    string   // "", AllowAll, DenyAll or Allowlist
	Allowlist []string // commands; nil where there is no list
}

// KubercPath returns the file that kubectl reads, by the KUBERC variable's
// value; "" is none. named: the variable names it, so that it must be there.
func KubercPath(variable, home string) (path string, named bool) {
	switch {
	case variable == "off":
		return "", false
	case variable != "":
		return variable, true
	case home == "":
		return "", false
	}
	return filepath.Join(home, ".kube", "kuberc"), false
}

// LoadKuberc reads the first Preference of a file. A file that says nothing is
// the zero Kuberc. Errors: *FileError, and the system's.
func LoadKuberc(path string) (Kuberc, error) {
	data, err := read(path)
	if err != nil {
		return Kuberc{}, err
	}
	documents, said := yaml.NewDecoder(bytes.NewReader(data)), false
	for {
		var doc yaml.Node
		if err := documents.Decode(&doc); err != nil {
			if said || !errors.Is(err, io.EOF) {
				return Kuberc{}, &FileError{Path: path, Reason: "is not a kuberc"}
			}
			return Kuberc{}, nil
		}
		w := &walk{left: maxSteps}
		if len(doc.Content) == 0 || isNull(doc.Content[0]) {
			continue
		}
		said = true
		top := w.mapping(doc.Content[0])
		group, _, _ := strings.Cut(w.text(top["apiVersion"]), "/")
		if group != "kubectl.config.k8s.io" || w.text(top["kind"]) != "Preference" || w.err != nil {
			continue // kubectl passes over it as well
		}
		k := Kuberc{Policy: w.text(top["credentialPluginPolicy"]), Allowlist: list(w, top["credentialPluginAllowlist"], w.allowed)}
		if w.err != nil {
			return Kuberc{}, &FileError{Path: path, Reason: "is not a kuberc"}
		}
		return k, nil
	}
}

// allowed reads an entry of the list. "name" is the older word for "command".
func (w *walk) allowed(n *yaml.Node) string {
	entry := w.mapping(n)
	if command := w.text(entry["command"]); command != "" {
		return command
	}
	return w.text(entry["name"])
}

// Allows reports whether client-go would run command (plugin/pkg/client/auth/exec,
// checkAllowlistLocked), or why it refuses everything. lookPath is
// exec.LookPath.
func (k Kuberc) Allows(command string, lookPath func(string) (string, error)) (bool, error) {
	switch k.Policy {
	case "", "AllowAll", "DenyAll":
		if len(k.Allowlist) > 0 {
			return false, errors.New("credentialPluginAllowlist needs the policy Allowlist")
		}
		return k.Policy != "DenyAll", nil
	case "Allowlist":
		if len(k.Allowlist) == 0 {
			return false, errors.New("the policy Allowlist has no credentialPluginAllowlist")
		}
	default:
		return false, errors.New("credentialPluginPolicy is none of AllowAll, DenyAll and Allowlist")
	}
	command = filepath.Clean(command)
	path, err := lookPath(command)
	for _, entry := range k.Allowlist {
		if entry == "" || filepath.Clean(entry) != entry {
			return false, errors.New("an entry of credentialPluginAllowlist is empty, or no clean path")
		}
	}
	if slices.Contains(k.Allowlist, command) {
		return true, nil
	}
	return err == nil && slices.ContainsFunc(k.Allowlist, func(entry string) bool {
		found, err := lookPath(entry)
		return err == nil && found == path
	}), nil
}
