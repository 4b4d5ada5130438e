package settings

// Named profiles: the person's configuration file first, then the machine's.
// A profile is taken whole from the one file that has it. It may name commands
// and files with secrets, so nobody else may have written the file.

import (
	"errors"
	"io/fs"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// maxName bounds the name of a profile or of a cluster, in bytes.
const maxName = 64

// profile returns what the profile called name says.
func (f *Files) profile(name string, specs *[keyCount]spec) (layer, error) {
	if !isName(name) {
		return layer{}, &Error{Problem: Invalid, Setting: "profile",
			Detail: "a profile's name has up to 64 letters, digits, dots, dashes and underscores"}
	}
	for _, file := range []struct {
		path string
		by   writer
	}{{f.User, byUser}, {f.Machine, byAdministrator}} {
		l, found, err := f.profileIn(file.path, file.by, name, specs)
		if err != nil || found {
			return l, err
		}
	}
	return layer{}, &Error{Problem: Missing, Setting: "profile",
		Detail: "there is no profile " + name + " in " + f.User + " or " + f.Machine}
}

func (f *Files) profileIn(path string, by writer, name string, specs *[keyCount]spec) (layer, bool, error) {
	l := layer{
		from:   Source{Kind: FromProfile, Name: path, Profile: name},
		base:   filepath.Dir(path),
		values: map[key]value{},
	}
	if path == "" {
		return l, false, nil
	}
	data, err := f.read(path, maxPolicy, by)
	if errors.Is(err, fs.ErrNotExist) {
		return l, false, nil
	}
	found := false
	if err == nil {
		found, err = readProfile(data, name, l.values, specs)
	}
	return l, found, blame(err, Source{Kind: FromProfile, Name: path, Profile: name})
}

// readProfile reads a configuration file, {profiles: {NAME: {SETTING: …}}},
// into values. Every profile must be sound, not only the one that is asked for:
// a mistake should not wait until someone needs it.
func readProfile(data []byte, want string, values map[key]value, specs *[keyCount]spec) (found bool, err error) {
	root, err := document(data)
	if root == nil || err != nil {
		return false, err
	}
	err = entries(root, func(top, profiles *yaml.Node) error {
		if top.Value != "profiles" {
			return unknown(top)
		}
		return entries(profiles, func(name, body *yaml.Node) error {
			into := map[key]value{}
			if name.Value == want {
				into, found = values, true
			}
			return readBody(body, into, specs)
		})
	})
	return found, err
}

func readBody(body *yaml.Node, into map[key]value, specs *[keyCount]spec) error {
	return entries(body, func(name, val *yaml.Node) error {
		for k := range specs {
			s := &specs[k]
			if s.name != name.Value || s.from&inProfile == 0 {
				continue
			}
			v, err := fromNode(s, val)
			if err == nil && !v.empty(s.kind) {
				into[key(k)] = v
			}
			return err
		}
		return unknown(name)
	})
}

func isName(name string) bool {
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
		default:
			return false
		}
	}
	return name != "" && len(name) <= maxName
}

// blame adds the source to an error that does not have one.
func blame(err error, from Source) error {
	var e *Error
	if errors.As(err, &e) && e.Source.Kind == "" {
		e.Source = from
	}
	return err
}
