package config

// The kinds of fields. Each reads its value and describes it in JSON Schema
// (draft 2020-12); a default is what the field holds before anything is read.

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// field is one key of a section.
type field struct {
	key, doc string
	required bool
	read     func(r *reader, path string, n *yaml.Node)
	schema   func() object
	inner    []field // of a section; the fields of a fresh one where it is no part
	several  bool    // it is a list of sections
}

// object is a piece of JSON.
type object map[string]any

// must makes a field required.
func must(f field) field {
	f.required = true
	return f
}

// check says why a word will not do, in words that do not repeat it.
type check func(string) error

// maxWord bounds a word, in bytes.
const maxWord = 4096

func text(key string, to *string, doc string, checks ...check) field {
	return field{key: key, doc: doc,
		read: func(r *reader, path string, n *yaml.Node) {
			if word, ok := r.checked(path, n, checks); ok {
				*to = word
			}
		},
		schema: func() object { return withDefault(object{"type": "string", "minLength": 1}, *to) },
	}
}

// checked reads a word that passes every check.
func (r *reader) checked(path string, n *yaml.Node, checks []check) (string, bool) {
	word, ok := r.word(path, n)
	if !ok {
		return "", false
	}
	for _, c := range append([]check{plain}, checks...) {
		if err := c(word); err != nil {
			r.complain(n.Line, path, err.Error())
			return "", false
		}
	}
	return word, true
}

func words(key string, to *[]string, doc string, checks ...check) field {
	return field{key: key, doc: doc,
		read: func(r *reader, path string, n *yaml.Node) {
			*to = nil
			r.list(path, n, func(path string, n *yaml.Node) {
				if word, ok := r.checked(path, n, checks); ok {
					*to = append(*to, word)
				}
			})
		},
		schema: func() object {
			s := object{"type": "array", "minItems": 1, "items": object{"type": "string", "minLength": 1}}
			if len(*to) > 0 {
				s["default"] = *to
			}
			return s
		},
	}
}

func choice[T ~string](key string, to *T, doc string, options ...T) field {
	return field{key: key, doc: doc,
		read: func(r *reader, path string, n *yaml.Node) {
			word, ok := r.word(path, n)
			switch {
			case !ok:
			case slices.Contains(options, T(word)):
				*to = T(word)
			default:
				r.complain(n.Line, path, "expects one of "+orList(options))
			}
		},
		schema: func() object { return withDefault(object{"type": "string", "enum": options}, string(*to)) },
	}
}

// file is the path of a file that is read: what it holds is watched.
func file(key string, to *string, doc string) field {
	f := place(key, to, doc)
	read := f.read
	f.read = func(r *reader, path string, n *yaml.Node) {
		if read(r, path, n); *to != "" {
			r.files = append(r.files, *to)
		}
	}
	return f
}

// place is the path of a file or folder; a relative one starts at the folder
// of the configuration.
func place(key string, to *string, doc string) field {
	return field{key: key, doc: doc,
		read: func(r *reader, path string, n *yaml.Node) {
			if word, ok := r.checked(path, n, nil); ok {
				*to = r.absolute(word)
			}
		},
		schema: func() object { return object{"type": "string", "minLength": 1} },
	}
}

func (r *reader) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(r.base, path)
}

// truth reads true or false, and no other spelling.
func truth(key string, to *bool, doc string) field {
	return field{key: key, doc: doc,
		read: func(r *reader, path string, n *yaml.Node) {
			if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Value != "true" && n.Value != "false" {
				r.complain(n.Line, path, "expects true or false")
				return
			}
			*to = n.Value == "true"
		},
		schema: func() object { return object{"type": "boolean", "default": *to} },
	}
}

func number(key string, to *int, low, high int, doc string) field {
	return field{key: key, doc: doc,
		read: func(r *reader, path string, n *yaml.Node) {
			got, err := strconv.Atoi(n.Value)
			if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil || got < low || got > high {
				r.complain(n.Line, path, fmt.Sprintf("expects a whole number from %d to %d", low, high))
				return
			}
			*to = got
		},
		schema: func() object {
			return object{"type": "integer", "minimum": low, "maximum": high, "default": *to}
		},
	}
}

// span is a duration: 10m, 12h, 30d.
func span(key string, to *time.Duration, low, high time.Duration, doc string) field {
	return field{key: key, doc: doc,
		read: func(r *reader, path string, n *yaml.Node) {
			got, ok := parseSpan(n.Value)
			if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || !ok || got < low || got > high {
				r.complain(n.Line, path, fmt.Sprintf("expects a duration from %s to %s", Span(low), Span(high)))
				return
			}
			*to = got
		},
		schema: func() object {
			s := object{"type": "string", "pattern": spanPattern}
			if *to > 0 {
				s["default"] = Span(*to)
			}
			return s
		},
	}
}

// size is a number of bytes: 64KiB, 1MiB.
func size(key string, to *int64, low, high int64, doc string) field {
	return field{key: key, doc: doc,
		read: func(r *reader, path string, n *yaml.Node) {
			got, ok := parseSize(n.Value)
			if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || !ok || got < low || got > high {
				r.complain(n.Line, path, fmt.Sprintf("expects a size from %s to %s", Size(low), Size(high)))
				return
			}
			*to = got
		},
		schema: func() object {
			return object{"type": "string", "pattern": sizePattern, "default": Size(*to)}
		},
	}
}

func withDefault(s object, value string) object {
	if value != "" {
		s["default"] = value
	}
	return s
}

func orList[T ~string](options []T) string {
	all := make([]string, len(options))
	for i, o := range options {
		all[i] = string(o)
	}
	return strings.Join(all, ", ")
}
