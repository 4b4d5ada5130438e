package config

// Sections within sections.

import "go.yaml.in/yaml/v3"

// section is a mapping with known keys.
type section interface{ fields() []field }

// part is a section that is always there, with its defaults.
func part(key string, to section, doc string) field {
	return field{key: key, doc: doc, inner: to.fields(),
		read:   func(r *reader, path string, n *yaml.Node) { r.section(path, n, to.fields()) },
		schema: func() object { return schemaOf(to.fields()) },
	}
}

// pointer is what a *T has that is a section.
type pointer[T any] interface {
	*T
	section
}

// option is a section that counts only where it is given.
func option[T any, P pointer[T]](key string, to **T, fresh func() T, doc string) field {
	example := fresh()
	inner := P(&example).fields()
	return field{key: key, doc: doc, inner: inner,
		read: func(r *reader, path string, n *yaml.Node) {
			value := fresh()
			*to = &value
			r.section(path, n, P(*to).fields())
		},
		schema: func() object { return schemaOf(inner) },
	}
}

// several is a list of sections.
func several[T any, P pointer[T]](key string, to *[]T, fresh func() T, doc string) field {
	example := fresh()
	inner := P(&example).fields()
	return field{key: key, doc: doc, inner: inner, several: true,
		read: func(r *reader, path string, n *yaml.Node) {
			*to = nil
			r.list(path, n, func(path string, n *yaml.Node) {
				value := fresh()
				r.section(path, n, P(&value).fields())
				*to = append(*to, value)
			})
		},
		schema: func() object { return object{"type": "array", "minItems": 1, "items": schemaOf(inner)} },
	}
}
