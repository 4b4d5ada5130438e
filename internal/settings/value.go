package settings

// A value as a source gives it, before it is checked. The same flag parsers
// read flags and variables, so that both have one syntax.

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// value holds one setting; its spec's kind says in which field.
type value struct {
	text   string
	list   []string
	pairs  map[string]string
	on     bool
	number int
}

// empty reports whether nothing was said. An empty flag counts as none, as it
// does for int128/kubelogin.
func (v *value) empty(k kind) bool {
	switch k {
	case kindText:
		return v.text == ""
	case kindWords, kindItems:
		return len(v.list) == 0
	case kindPairs:
		return len(v.pairs) == 0
	}
	return false
}

// bind registers the flag of s, which fills v.
func bind(fs *pflag.FlagSet, s *spec, v *value) {
	switch s.kind {
	case kindText:
		fs.StringVar(&v.text, s.name, s.def, s.usage)
	case kindToggle:
		fs.BoolVar(&v.on, s.name, false, s.usage)
	case kindNumber:
		fs.IntVarP(&v.number, s.name, shorthand(s.name), defaultNumber(s.def), s.usage)
	default:
		v.list = defaultList(s.def)
		fs.Var(&several{spec: s, value: v}, s.name, s.usage)
	}
}

// several is a flag of many values. pflag's own types do the work; they are
// made when the flag is first given, since each makes a CSV writer with a
// buffer of 4 KB to learn its default, at every start of the program.
type several struct {
	spec  *spec
	value *value
	inner pflag.Value
}

func (m *several) Set(content string) error {
	if m.inner == nil {
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		switch m.spec.kind {
		case kindWords:
			fs.StringSliceVar(&m.value.list, "x", nil, "")
		case kindItems:
			fs.StringArrayVar(&m.value.list, "x", nil, "")
		case kindPairs:
			fs.StringToStringVar(&m.value.pairs, "x", nil, "")
		}
		m.inner = fs.Lookup("x").Value
	}
	return m.inner.Set(content)
}

// String is the default in help, or what was given.
func (m *several) String() string {
	switch {
	case m.inner != nil:
		return m.inner.String()
	case m.spec == nil || m.spec.def == "":
		return ""
	}
	return "[" + m.spec.def + "]"
}

// Type is pflag's name, which help and completions go by.
func (m *several) Type() string {
	return map[kind]string{kindWords: "stringSlice", kindItems: "stringArray", kindPairs: "stringToString"}[m.spec.kind]
}

// shorthand makes -v1 work, as klog's users write it.
func shorthand(name string) string {
	if len(name) == 1 {
		return name
	}
	return ""
}

func defaultList(def string) []string {
	if def == "" {
		return nil
	}
	return strings.Split(def, ",")
}

// defaultNumber reads a default of the table, which a test holds to be one.
func defaultNumber(def string) int {
	n, _ := strconv.Atoi(def)
	return n
}

// defaultValue returns the value that holds when no source gives one.
func defaultValue(s *spec) value {
	switch s.kind {
	case kindWords:
		return value{list: defaultList(s.def)}
	case kindNumber:
		return value{number: defaultNumber(s.def)}
	}
	return value{text: s.def}
}

// parse reads a variable's content as the flag of s would be read. Its error
// says what is wrong and does not repeat the content, which may be a secret.
func parse(s *spec, content string) (value, error) {
	var v value
	if s.kind == kindText { // nearly all of them; and no set of flags is needed
		v.text = content
		return v, nil
	}
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	bind(fs, s, &v)
	if err := fs.Set(s.name, content); err != nil {
		return value{}, fmt.Errorf("expects %s", expects(s.kind))
	}
	return v, nil
}

// expects says what a value of kind k looks like.
func expects(k kind) string {
	switch k {
	case kindWords, kindItems:
		return "a list"
	case kindPairs:
		return "name=value"
	case kindToggle:
		return "true or false"
	case kindNumber:
		return "a whole number"
	}
	return "a value"
}
