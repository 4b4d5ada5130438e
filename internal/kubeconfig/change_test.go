package kubeconfig

import (
	"strings"
	"testing"
)

var sealed = Exec{
	APIVersion: "client.authentication.k8s.io/v1", Command: "kubecred", Args: []string{"get-token", "--imported=abc"},
	InteractiveMode: "IfAvailable", InstallHint: "see https://example.com\nor ask",
}

const sealedLines = `    exec:
      apiVersion: client.authentication.k8s.io/v1
      args:
      - get-token
      - --imported=abc
      command: kubecred
      installHint: "see https://example.com\nor ask"
      interactiveMode: IfAvailable
      provideClusterInfo: false
`

const sealedJSON = `"exec": {"apiVersion": "client.authentication.k8s.io/v1", "args": ["get-token", "--imported=abc"], "command": "kubecred", ` +
	`"installHint": "see https://example.com\nor ask", "interactiveMode": "IfAvailable", "provideClusterInfo": false}`

func document(t *testing.T, content string) *Document {
	t.Helper()
	d, err := Open(write(t, content)[0])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Only the credentials are touched, in every form in which people write them.
func TestSetExec(t *testing.T) {
	for name, test := range map[string]struct{ before, after string }{
		"lines": {
			"# head\nusers: # the users\n# of a\n- name: a\n  user:\n    as: x # who\n    # the old one\n    token: abc\n    colour: red\n    tokenFile: f\n\n# of b\n- name: b\n  user:\n    token: b\nkind: Config\n",
			"# head\nusers: # the users\n# of a\n- name: a\n  user:\n    as: x # who\n    # the old one\n" + sealedLines + "    colour: red\n\n# of b\n- name: b\n  user:\n    token: b\nkind: Config\n",
		},
		"deeper lists": {
			"users:\n  - user:\n        client-key-data: |\n            YQ==\n            # Yg==\n        client-certificate-data: >-\n\n            YQ==\n\n    name: a\n",
			"users:\n  - user:\n" + strings.ReplaceAll("    "+strings.TrimSuffix(strings.ReplaceAll(sealedLines, "\n", "\n    "), "    "), "\t", "") + "\n    name: a\n",
		},
		"exec block": {
			"users:\n- name: a\n  user:\n    exec:\n      args:\n      - b\n      # c\n    # d\n",
			"users:\n- name: a\n  user:\n" + sealedLines + "    # d\n",
		},
		"no end of line":  {"users:\n- name: a\n  user:\n    token: abc", "users:\n- name: a\n  user:\n" + sealedLines},
		"nothing held":    {"users:\n- name: a\n  user:\n    as: b", "users:\n- name: a\n  user:\n    as: b\n" + strings.TrimSuffix(sealedLines, "\n")},
		"empty brackets":  {"users:\n- name: a\n  user: {} # none\nkind: Config\n", "users:\n- name: a\n  user:\n" + strings.TrimSuffix(sealedLines, "\n") + " # none\nkind: Config\n"},
		"no body":         {"users:\n- name: a\n  user:\n", "users:\n- name: a\n  user:\n" + sealedLines},
		"null":            {"users:\n- name: a\n  user: ~\n", "users:\n- name: a\n  user:\n" + sealedLines},
		"no user field":   {"users:\n- name: a\n", "users:\n- name: a\n  user:\n" + sealedLines},
		"brackets":        {"users: [{name: a, user: {as: x, token: 'a''}', username: u, password: \"}\\\"\"}}, {name: b}]\n", "users: [{name: a, user: {as: x, " + sealedJSON + "}}, {name: b}]\n"},
		"brackets, alone": {"users:\n- {name: a, user: {token: abc, as: x}} # c\n", "users:\n- {name: a, user: {" + sealedJSON + ", as: x}} # c\n"},
		"JSON": {
			"{\n\t\"users\": [\n\t\t{\"name\": \"a\", \"user\": {\n\t\t\t\"token\": \"abc\",\n\t\t\t\"as\": \"x\"\n\t\t}}\n\t]\n}\n",
			"{\n\t\"users\": [\n\t\t{\"name\": \"a\", \"user\": {\n\t\t\t" + sealedJSON + ",\n\t\t\t\"as\": \"x\"\n\t\t}}\n\t]\n}\n",
		},
		"another user":     {"users:\n- name: b\n  user: {token: b}\n# end\n", "users:\n- name: b\n  user: {token: b}\n- name: a\n  user:\n" + sealedLines + "# end\n"},
		"another, in JSON": {`{"users": [{"name": "b"}]}`, `{"users": [{"name": "b"}, {"name": "a", "user": {` + sealedJSON + `}}]}`},
		"no users":         {"kind: Config\nusers: []\n", "kind: Config\nusers:\n- name: a\n  user:\n" + sealedLines},
		"null users":       {"users: null\nkind: Config\n", "users:\n- name: a\n  user:\n" + sealedLines + "kind: Config\n"},
		"no list":          {"kind: Config\n", "kind: Config\nusers:\n- name: a\n  user:\n" + sealedLines},
		"no list in JSON":  {`{}`, `{"users": [{"name": "a", "user": {` + sealedJSON + `}}]}`},
		"nothing":          {"", "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n" + sealedLines},
		"comments alone":   {"# mine", "# mine\napiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n" + sealedLines},
		"alias":            {"x: &x {token: t, as: z}\nusers:\n- name: a\n  user: *x\n- name: b\n  user: *x\n", "x: &x {token: t, as: z}\nusers:\n- name: a\n  user:\n    as: z\n" + sealedLines + "- name: b\n  user: *x\n"},
		"second document":  {"users:\n- name: a\n  user:\n    token: t\n---\nusers: [", "users:\n- name: a\n  user:\n" + sealedLines + "---\nusers: ["},
		"byte order mark":  {"\ufeffusers:\n- name: a\n  user:\n    token: t\n", "\ufeffusers:\n- name: a\n  user:\n" + sealedLines},
		"Windows lines":    {"users:\r\n- name: a\r\n  user:\r\n    token: t\r\n    as: b\r\n", strings.ReplaceAll("users:\n- name: a\n  user:\n"+sealedLines+"    as: b\n", "\n", "\r\n")},
	} {
		t.Run(name, func(t *testing.T) {
			d := document(t, test.before)
			if err := d.SetExec("a", sealed); err != nil {
				t.Fatal(err)
			}
			if got := string(d.src.text); got != test.after {
				t.Errorf("got\n%s\nwant\n%s", got, test.after)
			}
			user, err := d.User("a")
			if err != nil || !strings.HasPrefix(user.Exec.InstallHint, "see") || !user.Token.Empty() {
				t.Errorf("%+v, %v", user, err)
			}
		})
	}
}

// What shares its text with something else stays as it is.
func TestSetExecRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"shared body":  "users:\n- name: a\n  user: &x\n    token: t\n- name: b\n  user: *x\n",
		"shared token": "users:\n- name: a\n  user:\n    token: &x t\n- name: b\n  user: {token: *x}\n",
		"merged token": "x: &x {token: t}\nusers:\n- name: a\n  user:\n    <<: *x\n    as: b\n",
	} {
		t.Run(name, func(t *testing.T) {
			d := document(t, content)
			err := d.SetExec("a", sealed)
			if err == nil || !strings.Contains(err.Error(), "line ") {
				t.Errorf("error %v\n%s", err, d.src.text)
			}
			if string(d.src.text) != content {
				t.Errorf("changed to\n%s", d.src.text)
			}
		})
	}
}

func TestRestore(t *testing.T) {
	for name, content := range map[string]string{
		"lines":    "users:\n- name: a\n  user:\n    token: abc # mine\n    as: b\n\n# of b\n- name: b\n",
		"brackets": "users: [{name: a, user: {token: abc}}]\n",
		"JSON":     `{"users":[{"name":"a","user":{"token":"abc"}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			d := document(t, content)
			user, err := d.User("a")
			if err != nil {
				t.Fatal(err)
			}
			if err := d.SetExec("a", sealed); err != nil {
				t.Fatal(err)
			}
			if err := d.Restore("a", user.Raw); err != nil {
				t.Fatal(err)
			}
			if string(d.src.text) != content {
				t.Errorf("got\n%s", d.src.text)
			}
		})
	}
}

func TestSetContext(t *testing.T) {
	d := document(t, one)
	for _, err := range []error{d.SetContext("dev", "", "carol"), d.SetContext("new", "prod", "bob"), d.SetCurrent("new")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := strings.NewReplacer("{cluster: dev, user: alice}", `{cluster: dev, user: "carol"}`, "current-context: dev", "current-context: new",
		"user: bob}\n", "user: bob}\n- context:\n    cluster: prod\n    user: bob\n  name: new\n").Replace(one)
	if got := string(d.src.text); got != want {
		t.Errorf("got\n%s", got)
	}
}
