package kubeconfig

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What kubectl takes, in every form in which people have it.
func TestForms(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		args    string // of alice's exec block, joined
	}{
		"byte order mark":  {"\ufeffusers: [{name: alice, user: {exec: {args: [a]}}}]\n", "a"},
		"Windows lines":    {"users:\r\n- name: alice\r\n  user:\r\n    exec:\r\n      args:\r\n      - a\r\n", "a"},
		"tabs in JSON":     {"{\"users\": [\n\t{\"name\": \"alice\", \"user\": {\"exec\": {\"args\": [\n\t\t\"a\"\n\t]}}}\n]}\n", "a"},
		"first document":   {"users: [{name: alice, user: {exec: {args: [a]}}}]\n---\nusers: [\n", "a"},
		"block texts":      {"users:\n- name: >-\n    alice\n  user:\n    exec:\n      args:\n      - |-\n        a\n        b\n", "a\nb"},
		"numbers":          {"users: [{name: alice, user: {exec: {args: [-v, 010, 1.0, true, 2026-01-02]}}}]\n", "-v 010 1.0 true 2026-01-02"},
		"alias":            {"x: &x {args: [a]}\nusers: [{name: alice, user: {exec: *x}}]\n", "a"},
		"merge":            {"x: &x {args: [a], command: x}\nusers: [{name: alice, user: {exec: {<<: *x, command: y}}}]\n", "a"},
		"merge of several": {"x: &x {args: [a]}\ny: &y {args: [b]}\nusers: [{name: alice, user: {exec: {<<: [*x, *y]}}}]\n", "a"},
		"key twice":        {"users: []\nusers: [{name: alice, user: {exec: {args: [a], args: [b]}}}]\n", "b"},
		"body twice":       {"users: [{name: alice, user: {exec: {args: [a]}}, user: {exec: {command: x}}}]\n", ""},
		"nulls":            {"contexts:\nclusters: ~\nusers: [{name: alice, user: {exec: {args: null, env: , command: ~}}}]\n", ""},
		"comments":         {"# a\nusers: # b\n# c\n- name: alice # d\n  user: {exec: {args: [a]}} # e\n", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			user, err := load(t, test.content).User("alice")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(user.Exec.Args, " "); got != test.args {
				t.Errorf("args = %q, want %q", got, test.args)
			}
		})
	}
}

// The library's own decoder would make a date of a text, and refuse a key that
// is given twice.
func TestExtensionAsJSON(t *testing.T) {
	for extension, want := range map[string]string{
		`{audience: a, scopes: [b, c]}`:        `{"audience":"a","scopes":["b","c"]}`,
		`{audience: 2026-01-02}`:               `{"audience":"2026-01-02"}`,
		`{audience: a, audience: b}`:           `{"audience":"b"}`,
		`{n: 1, f: 1.5, t: true, z: null}`:     `{"f":1.5,"n":1,"t":true,"z":null}`,
		`{scopes: [on, 'on', n]}`:              `{"scopes":[true,"on",false]}`,
		`{1: a, true: b}`:                      `{"1":"a","true":"b"}`,
		`text`:                                 `"text"`,
		`[]`:                                   `[]`,
		`.nan`:                                 ``,
		`{<<: {audience: a}, profile: p}`:      `{"audience":"a","profile":"p"}`,
		`{audience: &a x, profile: *a, l: []}`: `{"audience":"x","l":[],"profile":"x"}`,
	} {
		content := strings.Replace(one, "{audience: dev, scopes: [a, b]}", extension, 1)
		got, err := load(t, content).Target("dev")
		if err != nil || string(got.Config) != want {
			t.Errorf("%s: %s, %v", extension, got.Config, err)
		}
	}
}

func TestShapes(t *testing.T) {
	for _, content := range []string{
		"- a", "contexts: a", "contexts: [a]", "users: [{name: [a]}]", "users: [{name: a, user: b}]",
		"users: [{name: a, user: {exec: {args: a}}}]", "users: [{name: a, user: {exec: {env: [a]}}}]",
		"users: [{name: a, user: {exec: {provideClusterInfo: maybe}}}]", "users: [{<<: a}]",
		"x: &x {<<: *x}\nusers: [*x]", "users: [{name: a, user: {exec: {args: [[a]]}}}]",
	} {
		if _, err := Load(write(t, content)); err == nil || !strings.HasSuffix(err.Error(), "is not a kubeconfig") {
			t.Errorf("%s: %v", content, err)
		}
	}
}

// A small file that says a great deal ends soon, and with an error.
func TestBombs(t *testing.T) {
	keys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "k%d: v\n", i)
		}
		return b.String()
	}
	laughs := func(begin, one, many string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "a0: &a0 %s\n", one)
		for i := 1; i < 12; i++ {
			before := fmt.Sprintf("*a%d", i-1)
			fmt.Fprintf(&b, "a%d: &a%d "+many+"\n", i, i, strings.Repeat(before+", ", 9)+before)
		}
		return b.String() + begin
	}
	extension := "clusters: [{name: c, cluster: {extensions: [{name: " + extensionName + ", extension: %s}]}}]\n"
	for name, test := range map[string]struct {
		content string
		fails   bool
	}{
		"many keys": {keys(100_000), false}, // the library's decoder compares each with each
		"laughs":    {laughs(fmt.Sprintf(extension, "*a11"), "[x]", "[%s]"), true},
		"every cluster's": {laughs("c: &c "+strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf(extension, "*a3"), "clusters: ["), "]\n")+
			"\nclusters: ["+strings.Repeat("*c,", 20_000)+"]", "[x]", "[%s]"), true},
		"laughing merges":  {laughs("users: [*a11]\n", "{name: x}", "{<<: [%s]}"), true},
		"one in itself":    {"x: &x [*x]\n" + fmt.Sprintf(extension, "*x"), true},
		"many aliases":     {"x: &x {name: a, " + strings.ReplaceAll(keys(1000), "\n", ", ") + "}\nusers: [" + strings.Repeat("*x,", 100_000) + "]", true},
		"brackets":         {strings.Repeat("[", 200_000), true},
		"brackets in pair": {"x: " + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000), true},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := Load(write(t, test.content))
			if (err != nil) != test.fails {
				t.Errorf("error %v", err)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
