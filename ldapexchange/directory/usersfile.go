package directory

// A file of users, read strictly: an unknown key, a name given twice or a hash
// out of bounds is an error that names its line. No error repeats a value.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// user is one in a file.
type user struct {
	Identity
	hash     hash
	disabled bool
}

// known is the identity, with groups that the caller may change.
func (u user) known() Identity {
	who := u.Identity
	who.Groups = slices.Clone(who.Groups)
	return who
}

// userSet is all of them, by folded name.
type userSet struct {
	byName map[string]user
	decoy  hash // what an unknown name is compared with
}

// maxUsers bounds a file, and maxUserGroups each user's groups.
const (
	maxUsers      = 10000
	maxUserGroups = 1000
)

// fold makes one of the spellings of a name, as a directory does.
func fold(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

func (s *userSet) add(u user) error {
	key := fold(u.Name)
	if _, twice := s.byName[key]; twice {
		return errors.New("a user of this name is there already")
	}
	if s.byName == nil {
		s.byName = map[string]user{}
	}
	s.byName[key] = u
	if s.decoy == nil || u.hash.cost() > s.decoy.cost() {
		s.decoy = decoyOf(u.hash)
	}
	return nil
}

// parseUsers reads
//
//	users:
//	- name: alice
//	  passwordHash: $2y$12$…
//	  email: alice@corp.example # optional, as are the following
//	  groups: [developers]
//	  disabled: false
func parseUsers(data []byte) (*userSet, error) {
	var document, more yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	err := d.Decode(&document)
	if err == nil && d.Decode(&more) != io.EOF {
		err = errors.New("more than one document")
	}
	if err != nil {
		return nil, unreadable(err)
	}
	set := new(userSet)
	err = mapping(document.Content[0], func(key string, value *yaml.Node) error {
		if key != "users" {
			return errUnknownKey
		}
		return sequence(value, maxUsers, func(n *yaml.Node) error {
			u, err := readUser(n)
			if err == nil {
				err = set.add(u)
			}
			return at(n, err)
		})
	})
	if err == nil && len(set.byName) == 0 {
		err = errors.New("there are no users")
	}
	return set, err
}

func readUser(n *yaml.Node) (u user, err error) {
	err = mapping(n, func(key string, value *yaml.Node) (err error) {
		switch key {
		case "name":
			u.Name, err = readName(value)
		case "passwordHash":
			u.hash, err = readHash(value)
		case "email":
			u.Email, err = word(value)
		case "groups":
			err = sequence(value, maxUserGroups, func(group *yaml.Node) error {
				name, err := word(group)
				u.Groups = append(u.Groups, name)
				return at(group, err)
			})
		case "disabled":
			u.disabled, err = truth(value)
		default:
			err = errUnknownKey
		}
		return err
	})
	if err == nil && (u.Name == "" || u.hash == nil) {
		err = errors.New("a user needs a name and a passwordHash")
	}
	u.ID, u.Groups = u.Name, sorted(u.Groups)
	return u, err
}

func readName(n *yaml.Node) (string, error) {
	text, err := word(n)
	if err != nil {
		return "", err
	}
	return checkName(text)
}

func readHash(n *yaml.Node) (hash, error) {
	text, err := word(n)
	if err != nil {
		return nil, err
	}
	h, err := parseHash(text)
	if err != nil {
		return nil, fmt.Errorf("the passwordHash %w", err)
	}
	return h, nil
}

// lineError is an error that has its line.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.err) }

// at gives an error the line of n, if it has none.
func at(n *yaml.Node, err error) error {
	var known *lineError
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &lineError{n.Line, err}
}

var errUnknownKey = errors.New("this key is unknown")

// unreadable keeps the line of a syntax error. The parser's own words may
// repeat content.
func unreadable(err error) error {
	if err == io.EOF {
		return errors.New("it is empty")
	}
	if text, ok := strings.CutPrefix(err.Error(), "yaml: line "); ok {
		digits, _, _ := strings.Cut(text, ":")
		if line, err := strconv.Atoi(digits); err == nil {
			return fmt.Errorf("it is not valid YAML, near line %d", line)
		}
	}
	return errors.New("it is not one document of YAML")
}

// mapping calls each with the keys and values of n.
func mapping(n *yaml.Node, each func(key string, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return at(n, errors.New("keys and values are expected"))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if seen[key.Value] {
			return at(key, errors.New("this key is given twice"))
		}
		seen[key.Value] = true
		if err := each(key.Value, n.Content[i+1]); err != nil {
			return at(key, err)
		}
	}
	return nil
}

func sequence(n *yaml.Node, most int, each func(*yaml.Node) error) error {
	if n.Kind != yaml.SequenceNode {
		return at(n, errors.New("a list is expected"))
	}
	if len(n.Content) > most {
		return at(n, fmt.Errorf("more than %d elements", most))
	}
	for _, element := range n.Content {
		if err := each(element); err != nil {
			return err
		}
	}
	return nil
}

// word reads a text. An alias is none: there is nothing here to be repeated.
func word(n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		return "", at(n, errors.New("a text is expected"))
	}
	if !printable(n.Value) {
		return "", at(n, errors.New("the text holds control characters"))
	}
	return n.Value, nil
}

func truth(n *yaml.Node) (bool, error) {
	if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" {
		return false, at(n, errors.New("true or false is expected"))
	}
	return n.Value == "true", nil
}
