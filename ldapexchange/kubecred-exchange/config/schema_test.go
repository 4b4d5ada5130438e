package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const published = "../../../docs/exchange-config.schema.json"

// The published schema is what the reader knows. When it fails:
// go run ./ldapexchange/kubecred-exchange schema >docs/exchange-config.schema.json
func TestSchemaIsPublished(t *testing.T) {
	got, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(Schema()) {
		t.Error("the published schema is not the reader's; print it anew")
	}
}

// node is what of JSON Schema the published one uses.
type node struct {
	Type                 string
	Properties           map[string]*node
	Required             []string
	AdditionalProperties *bool
	Items                *node
	Enum                 []string
	Pattern              string
	Minimum, Maximum     *int
	MinItems, MinLength  int
	Description          string
	Default              any
}

func readSchema(t *testing.T) *node {
	t.Helper()
	s := new(node)
	if err := json.Unmarshal(Schema(), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// validate is a hand's breadth of a validator: enough for what the schema says.
func (s *node) validate(path string, v any) error {
	switch s.Type {
	case "object":
		return s.validateObject(path, v)
	case "array":
		list, ok := v.([]any)
		if !ok || len(list) < s.MinItems {
			return fmt.Errorf("%s is no list of %d", path, s.MinItems)
		}
		for i, e := range list {
			if err := s.Items.validate(fmt.Sprintf("%s[%d]", path, i), e); err != nil {
				return err
			}
		}
	case "string":
		text, ok := v.(string)
		if !ok || len(text) < s.MinLength || s.Enum != nil && !slices.Contains(s.Enum, text) ||
			s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(text) {
			return fmt.Errorf("%s is no such text", path)
		}
	case "integer":
		if n, ok := v.(int); !ok || n < *s.Minimum || n > *s.Maximum {
			return fmt.Errorf("%s is no such number", path)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return fmt.Errorf("%s is neither true nor false", path)
		}
	default:
		return fmt.Errorf("%s has a schema of type %q", path, s.Type)
	}
	return nil
}

func (s *node) validateObject(path string, v any) error {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is no object", path)
	}
	for key, value := range object {
		inner := s.Properties[key]
		if inner == nil {
			return fmt.Errorf("%s.%s is unknown", path, key)
		}
		if err := inner.validate(path+"."+key, value); err != nil {
			return err
		}
	}
	for _, key := range s.Required {
		if _, ok := object[key]; !ok {
			return fmt.Errorf("%s.%s is missing", path, key)
		}
	}
	return nil
}

func validate(t *testing.T, text string) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		return err
	}
	return readSchema(t).validate("", v)
}

// Every key of the schema is read, and every key that is read is in it: each
// takes its place in a configuration, and the reader complains of the value
// and never that it does not know the key.
func TestSchemaAndReaderKnowTheSameKeys(t *testing.T) {
	keys := 0
	var walk func(path []string, s *node)
	walk = func(path []string, s *node) {
		if s.Items != nil {
			walk(append(slices.Clone(path), "-"), s.Items)
			return
		}
		if s.Type == "object" && (s.AdditionalProperties == nil || *s.AdditionalProperties) {
			t.Errorf("%v takes any key", path)
		}
		for key, inner := range s.Properties {
			keys++
			at := append(slices.Clone(path), key)
			if inner.Description == "" || strings.HasSuffix(inner.Description, ".") {
				t.Errorf("%v is not described", at)
			}
			_, p := parse([]byte(nest(at)), "/etc")
			if strings.Contains(p.Error(), "is not known") {
				t.Errorf("%v: %v", at, p)
			}
			if _, p := parse([]byte(nest(append(slices.Clone(path), key+"x"))), "/etc"); !strings.Contains(p.Error(), "is not known") {
				t.Errorf("%vx is taken: %v", at, p)
			}
			walk(at, inner)
		}
	}
	walk(nil, readSchema(t))
	if keys < 60 {
		t.Errorf("only %d keys", keys)
	}
}

// nest writes a document in which path is given.
func nest(path []string) string {
	var b strings.Builder
	for _, key := range path {
		if key == "-" {
			b.WriteString("[")
			continue
		}
		b.WriteString("{" + key + ": ")
	}
	b.WriteString("x")
	for _, key := range slices.Backward(path) {
		b.WriteString(map[bool]string{true: "]", false: "}"}[key == "-"])
	}
	return b.String()
}

func TestSchemaTakesWhatTheReaderTakes(t *testing.T) {
	for name, text := range examples(t) {
		if _, p := parse([]byte(text), "/etc"); len(p) > 0 {
			t.Errorf("%s: the reader: %v", name, p)
		}
		if err := validate(t, text); err != nil {
			t.Errorf("%s: the schema: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"unknown":  minimal + "a: b\n",
		"missing":  edit("state: {file: state.db}", ""),
		"type":     edit("id: kubernetes", "id: 5"),
		"truth":    minimal + "identity: {lowercase: \"true\"}\n",
		"duration": edit("{keysFolder: keys}", "{keysFolder: keys, lifetime: 600}"),
		"choice":   edit("{keysFolder: keys}", "{keysFolder: keys, algorithm: HS256}"),
		"number":   minimal + "limits: {failuresPerUser: 0}\n",
		"no list":  edit("clients:\n- id: kubernetes", "clients: []"),
	} {
		if _, p := parse([]byte(text), "/etc"); len(p) == 0 {
			t.Errorf("%s: the reader takes it", name)
		}
		if validate(t, text) == nil {
			t.Errorf("%s: the schema takes it", name)
		}
	}
}

// Every default in the schema is what the reader takes for it.
func TestDefaultsAreTaken(t *testing.T) {
	var walk func(s *node)
	walk = func(s *node) {
		for key, inner := range s.Properties {
			if inner.Default != nil && inner.Type == "string" {
				if err := inner.validate(key, inner.Default); err != nil {
					t.Error(err)
				}
			}
			walk(inner)
		}
	}
	walk(readSchema(t))
}

// The page's table is what the reader knows. When it fails, copy what it prints
// between the two marks.
func TestEveryKeyIsDescribed(t *testing.T) {
	_, rest, ok := strings.Cut(read(t, "../../../docs/exchange.md"), "<!-- keys -->\n")
	got, _, end := strings.Cut(rest, "<!-- /keys -->")
	if !ok || !end {
		t.Fatal("the page has no marks")
	}
	var rows strings.Builder
	rows.WriteString("| key | default | meaning |\n| --- | --- | --- |\n")
	for _, f := range defaults().fields() {
		row(&rows, "", f)
	}
	if got != rows.String() {
		t.Errorf("the table should read:\n%s", rows.String())
	}
}

// row writes a key, and those below it.
func row(to *strings.Builder, path string, f field) {
	s := f.schema()
	key := "`" + path + f.key + "`"
	if f.required {
		key = "**" + key + "**"
	}
	given := ""
	if value, ok := s["default"]; ok {
		given = fmt.Sprintf("`%v`", value)
	}
	doc := f.doc
	if options, ok := s["enum"]; ok {
		doc += ": " + strings.Join(strings.Fields(strings.Trim(fmt.Sprint(options), "[]")), ", ")
	}
	fmt.Fprintf(to, "| %s | %s | %s |\n", key, given, strings.ReplaceAll(doc, "|", "\\|"))
	inner := path + f.key + "."
	if f.several {
		inner = path + f.key + "[]."
	}
	for _, below := range f.inner {
		row(to, inner, below)
	}
}

// examples are the configurations of this test, of the pages and of the
// manifests.
func examples(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"minimal": minimal, "full": full}
	for _, page := range []string{"exchange.md"} {
		rest := read(t, filepath.Join("../../../docs", page))
		for {
			_, after, ok := strings.Cut(rest, "<!-- configuration -->\n```yaml\n")
			block, tail, end := strings.Cut(after, "```")
			if !ok || !end {
				break
			}
			all[fmt.Sprintf("%s %d", page, len(all))], rest = block, tail
		}
	}
	all["manifests"] = read(t, "../../../deploy/kustomize/exchange.yaml")
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
