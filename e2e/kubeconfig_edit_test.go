package e2e

// One user's credentials are changed in kubeconfigs of every kind that people have, and client-go's clientcmd
// reads the same as before but for that user; or the change is refused with the line, and the file is as it was.

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	ours "github.com/kubecred/kubecred/internal/kubeconfig"
)

// plain is a kubeconfig whose users hold credentials of every kind.
const plain = `# mine
apiVersion: v1
kind: Config
preferences: {}
current-context: dev
clusters:
- name: dev
  cluster:
    server: https://dev.example # the small one
    certificate-authority-data: Y2E=
    colour: red
contexts:
- name: dev
  context:
    cluster: dev
    user: alice
    namespace: default
users:
# the one who changes
- name: alice
  user:
    # from the console
    token: alices-token
    as: carol
    as-groups: [a, b]
    client-certificate-data: Y2VydA==
    client-key-data: a2V5
    extensions:
    - name: mine
      extension: {a: b}
    shape: round

# the one who stays
- name: bob
  user:
    username: bob
    password: bobs-password
- name: dora
  user:
    auth-provider:
      name: oidc
      config:
        idp-issuer-url: https://issuer.example
        refresh-token: doras-token
- name: emil
  user:
    tokenFile: emil.token
    client-certificate: emil.crt
    client-key: emil.key
- name: '007'
  user: {token: bonds-token}
`

var sealedExec = ours.Exec{
	APIVersion: "client.authentication.k8s.io/v1", Command: "kubecred", Args: []string{"get-token", "--imported=0123"},
	Env: []ours.EnvVar{{Name: "A", Value: "on"}}, InstallHint: "two\nlines: #", InteractiveMode: "IfAvailable",
}

// oddKubeconfigs are taken; refusedKubeconfigs are not, for the reason.
func oddKubeconfigs() map[string]string {
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(plain) }
	aliceAt := strings.Index(plain, "- name: alice")
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, "- name: user%d\n  user:\n    token: %s\n", i, strings.Repeat("t", 300))
	}
	return map[string]string{
		"plain":             plain,
		"Windows lines":     edit("\n", "\r\n"),
		"lines of both":     edit("    token: alices-token\n", "    token: alices-token\r\n", "    as: carol\n", "    as: carol\r\n"),
		"byte order mark":   "\ufeff" + plain,
		"mark and Windows":  "\ufeff" + edit("\n", "\r\n"),
		"no end of line":    strings.TrimSuffix(plain, "\n"),
		"ends with alice":   strings.TrimRight(plain[:strings.Index(plain, "\n# the one who stays")], "\n"),
		"empty":             "",
		"comments alone":    "# nothing yet\n\n# really\n",
		"huge":              plain + many.String(),
		"second document":   plain + "---\nkind: Other\n",
		"first line":        "---\n" + plain + "...\n",
		"directive":         "%YAML 1.1\n---\n" + plain,
		"JSON":              `{"apiVersion":"v1","kind":"Config","users":[{"name":"alice","user":{"token":"t","as":"x"}},{"name":"bob","user":{"token":"b"}}]}`,
		"JSON alone":        `{"users":[{"name":"alice","user":{"token":"\u00e9\"}]"}}]}`,
		"JSON in lines":     "{\n    \"kind\": \"Config\",\n    \"users\": [\n        {\n            \"name\": \"alice\",\n            \"user\": {\n                \"client-key-data\": \"a2V5\",\n                \"token\": \"t\"\n            }\n        }\n    ]\n}\n",
		"JSON with tabs":    "{\n\t\"kind\": \"Config\",\n\t\"users\": [\n\t\t{\n\t\t\t\"name\": \"alice\",\n\t\t\t\"user\": {\n\t\t\t\t\"token\": \"t\"\n\t\t\t}\n\t\t}\n\t]\n}\n",
		"brackets":          edit("- name: '007'\n", "- {name: alan, user: {token: 't]'}}\n- name: '007'\n"),
		"all in brackets":   "{kind: Config, users: [{name: alice, user: {token: a b, as: 'it''s', password: \"}\"}}, {name: bob, user: {token: b}}]}\n",
		"brackets in lines": "users: [\n  {name: alice, # the first\n   user: {\n     token: t, # old\n     as: x, }},\n  {name: bob, user: {token: b}}, ]\n",
		"list indented":     "users:\n  - name: alice\n    user:\n        token: t\n  - name: bob\n    user:\n        token: b\n",
		"dash alone":        "users:\n-\n  name: alice\n  user:\n    token: t\n- # bob\n  name: bob\n  user: {token: b}\n",
		"user first":        "users:\n- user:\n    token: t\n  name: alice\n- user:\n    token: b\n  name: bob\n",
		"block texts":       edit("token: alices-token", "token: |-\n      alices\n      # no comment\n\n    # a comment", "client-key-data: a2V5", "client-key-data: >\n      a2V5\n\n"),
		"quotes":            edit("token: alices-token", "\"tok\\x65n\": 'alices\n\n      token: x'", "name: alice", "\"name\": 'alice'"),
		"words of lines":    edit("token: alices-token", "token: alices\n      token\n      # rest"),
		"tags":              edit("token: alices-token", "token: !!str 123", "user:\n    # from", "user: !!map\n    # from"),
		"unknown fields":    edit("shape: round", "shape: {of: [a, b]}\n    token-of-old: x", "preferences: {}", "preferences: {colors: true}\nmore: [1, 2]"),
		"comments":          edit("\n", " # c\n# d\n"),
		"anchors elsewhere": edit("server: https://dev.example", "server: &s https://dev.example", "namespace: default", "namespace: &c default", "as: carol", "as: *c", "password: bobs-password", "password: *s"),
		"merge elsewhere":   edit("user:\n    username: bob", "user:\n    <<: {password: p}\n    username: bob"),
		"merge of others":   edit("preferences: {}", "x: &x {as-uid: '7'}", "    as: carol", "    <<: *x\n    as: carol"),
		"alias":             edit("preferences: {}", "x: &x {token: t, as: 'on', as-groups: ['y', Yes.]}", "user: {token: bonds-token}", "user: *x", "- name: bob\n", "- name: zoe\n  user: *x\n- name: bob\n"),
		"alice is an alias": "x: &x\n  token: t\n  as: 'on'\nusers:\n- name: alice\n  user: *x # shared\n- name: bob\n  user: *x\n",
		"no body":           "users:\n- name: alice\n  user:\n- name: bob\n  user:\n    token: b\n",
		"null body":         "users:\n- name: alice\n  user: null # yet\n",
		"empty body":        "users:\n- name: alice\n  user: {}\n",
		"no user field":     "users:\n- name: alice\n",
		"null users":        "apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: null\n",
		"no users":          "users: []\nkind: Config\n",
		"nobody":            plain[:aliceAt] + plain[strings.Index(plain, "- name: bob"):],
		"exec already":      edit("token: alices-token", "exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      command: kubectl\n      args:\n      - oidc-login\n      - get-token"),
		"fields twice":      edit("token: alices-token", "token: other\n    token: alices-token"),
		"no-break space":    edit("round", "r\u00a0und", "red", "\u65e5\u672c\u8a9e"),
		"wide names":        edit("# from the console", "\u65e5\u672c: {\u8a9e: x}", "shape: round", "\"\u8a9e\": x"),
	}
}

func TestOddKubeconfigs(t *testing.T) {
	for name, content := range oddKubeconfigs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, path := theirs(t, content), file(t, content)
			undo := entryOf(t, path, "alice")
			change, err := ours.Edit(t.Context(), path, func(d *ours.Document) error { return d.SetExec("alice", sealedExec) })
			if err != nil {
				t.Fatal(err)
			}
			seal(want, "alice")
			same(t, want, theirs(t, string(change.After)), string(change.After))
			if name != "mark and Windows" && strings.Contains(content, "\r\n") == strings.Contains(content, "both") {
				if got := strings.Count(string(change.After), "\r\n"); got > 0 && got != strings.Count(string(change.After), "\n") {
					t.Errorf("%d lines of Windows in\n%q", got, change.After)
				}
			}
			noSecrets(t, change)
			if undo == nil {
				return
			}
			back, err := ours.Edit(t.Context(), path, func(d *ours.Document) error { return d.Restore("alice", undo.Raw) })
			if err != nil {
				t.Fatal(err)
			}
			same(t, theirs(t, content), theirs(t, string(back.After)), string(back.After))
		})
	}
}

// What cannot be changed for one user alone, and what kubectl itself would not read, is named by its line.
func TestRefusedKubeconfigs(t *testing.T) {
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(plain) }
	for name, test := range map[string]struct{ content, want string }{
		"name twice":         {edit("name: bob", "name: alice"), "line 34 is a second user named \"alice\" (the first is in line 20)"},
		"cluster twice":      {edit("contexts:", "- name: dev\n  cluster: {server: x}\ncontexts:"), "line 12 is a second cluster named \"dev\""},
		"users twice":        {plain + "users: []\n", "has \"users\" a second time"},
		"body twice":         {edit("  user:\n    # from the console\n", "  user: {token: hidden}\n  user:\n"), "line 22 has \"user\" a second time"},
		"body shared":        {edit("user:\n    # from the console", "user: &x", "user: {token: bonds-token}", "user: *x"), "line 20 holds the user \"alice\""},
		"token shared":       {edit("token: alices-token", "token: &x alices-token", "{token: bonds-token}", "{token: *x}"), "line 20 holds the user \"alice\""},
		"merged credentials": {edit("preferences: {}", "x: &x {token: t}", "    as: carol", "    <<: *x\n    as: carol"), "line 20 holds the user \"alice\""},
		"number for a name":  {edit("'007'", "007"), "line 50 has a name that is no text"},
		"word for a name":    {edit("'007'", "on"), "line 50 has a name that is no text"},
		"tabs":               {edit("    token: alices-token", "\ttoken: alices-token"), "near line 2"},
		"no YAML":            {edit("current-context: dev", "current-context: [dev"), "near line"},
		"pairs in JSON":      {`{"users":[{"name":"alice","user":{"token":"\ud83d\ude00"}}]}`, "is not a kubeconfig"},
		"UTF-16":             {"\xff\xfek\x00i\x00n\x00d\x00:\x00 \x00C\x00o\x00n\x00f\x00i\x00g\x00\n\x00", "UTF-16"},
		"a list":             {"- users\n", "is not a kubeconfig"},
		"users no list":      {"users: {alice: {token: t}}\n", "is not a kubeconfig"},
		"a text":             {"users:\n- alice\n", "line 2 is no user"},
		"laughs":             {"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\nusers: [{name: alice}]\n", "too much"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := file(t, test.content)
			_, err := ours.Edit(t.Context(), path, func(d *ours.Document) error { return d.SetExec("alice", sealedExec) })
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if now, err := os.ReadFile(path); err != nil || string(now) != test.content {
				t.Errorf("%v: the file is\n%s", err, now)
			}
		})
	}
}

// Every kind of credential is read as client-go reads it.
func TestUsersAsClientGoReadsThem(t *testing.T) {
	for name, content := range oddKubeconfigs() {
		d, err := ours.Open(file(t, content))
		if err != nil {
			t.Fatal(err)
		}
		for user, info := range theirs(t, content).AuthInfos {
			mine, err := d.User(user)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			got := api.AuthInfo{
				Token: mine.Token.Reveal(), TokenFile: mine.TokenFile, Username: mine.Username, Password: mine.Password.Reveal(),
				ClientCertificate: mine.ClientCertificate, ClientCertificateData: mine.ClientCertificateData,
				ClientKey: mine.ClientKey, ClientKeyData: []byte(mine.ClientKeyData.Reveal()),
			}
			want := api.AuthInfo{
				Token: info.Token, TokenFile: info.TokenFile, Username: info.Username, Password: info.Password,
				ClientCertificate: info.ClientCertificate, ClientCertificateData: info.ClientCertificateData,
				ClientKey: info.ClientKey, ClientKeyData: append([]byte{}, info.ClientKeyData...),
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %s is %+v, client-go has %+v", name, user, got, want)
			}
			if (mine.AuthProvider != nil) != (info.AuthProvider != nil) || (mine.Exec != nil) != (info.Exec != nil) {
				t.Errorf("%s: %s authenticates in another way", name, user)
			}
		}
	}
}

// theirs is what client-go reads.
func theirs(t *testing.T, content string) *api.Config {
	t.Helper()
	config, err := clientcmd.Load([]byte(content))
	if err != nil {
		t.Fatalf("client-go refuses it: %v\n%s", err, content)
	}
	return config
}

// seal does to client-go's config what SetExec does to the file.
func seal(config *api.Config, user string) {
	info := config.AuthInfos[user]
	if info == nil {
		info = api.NewAuthInfo()
		config.AuthInfos[user] = info
	}
	info.Token, info.TokenFile, info.Username, info.Password = "", "", "", ""
	info.ClientCertificate, info.ClientKey = "", ""
	info.ClientCertificateData, info.ClientKeyData, info.AuthProvider = nil, nil, nil
	info.Exec = &api.ExecConfig{
		APIVersion: sealedExec.APIVersion, Command: sealedExec.Command, Args: sealedExec.Args,
		Env: []api.ExecEnvVar{{Name: "A", Value: "on"}}, InstallHint: sealedExec.InstallHint, InteractiveMode: "IfAvailable",
	}
}

func same(t *testing.T, want, got *api.Config, content string) {
	t.Helper()
	written, err := clientcmd.Write(*got)
	wanted, wantedErr := clientcmd.Write(*want)
	if err != nil || wantedErr != nil || string(written) != string(wanted) {
		t.Errorf("%v, %v: client-go reads\n%.4000s\nand should\n%.4000s\nin\n%.4000s", err, wantedErr, written, wanted, content)
	}
}

func noSecrets(t *testing.T, change ours.Change) {
	t.Helper()
	diff := change.Diff()
	for _, secret := range []string{"alices", "bobs-password", "doras-token", "bonds-token", "a2V5"} {
		if strings.Contains(diff, secret) {
			t.Errorf("the diff shows %q:\n%s", secret, diff)
		}
	}
	if !strings.HasPrefix(diff, "--- ") {
		t.Errorf("the diff is %q", diff)
	}
}

func entryOf(t *testing.T, path, user string) *ours.UserEntry {
	t.Helper()
	d, err := ours.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	entry, _ := d.User(user)
	return entry
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
