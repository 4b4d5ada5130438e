package cmd

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// In trouble the file is as it was, nothing stays in the cache, and one line
// says why.
func TestImportFails(t *testing.T) {
	plainUser := user("me", "token: canary-me")
	for name, c := range map[string]struct {
		text  string
		args  []string
		code  int
		error string
		// at is what another program does at a step.
		at map[string]func(p *place)
	}{
		"no kubeconfig":         {text: "users: [canary", args: []string{"--user=me"}, code: exitConfig, error: "config"},
		"a user given twice":    {text: "users:\n" + plainUser + plainUser, args: []string{"--user=me"}, code: exitConfig, error: "line"},
		"a name mistyped":       {text: "users:\n" + plainUser, args: []string{"--user=me", "--kubeconfig=no-such-file"}, code: exitConfig, error: "no-such-file does not exist"},
		"all of one mistyped":   {text: "users:\n" + plainUser, args: []string{"--all", "--kubeconfig=no-such-file"}, code: exitConfig, error: "no-such-file does not exist"},
		"no such user":          {text: "users:\n" + plainUser, args: []string{"--user=other"}, code: exitConfig, error: `no user named "other"`},
		"no current context":    {text: "users:\n" + plainUser, code: exitConfig, error: "no current context"},
		"no storage":            {text: "users:\n" + plainUser, args: []string{"--user=me", "--token-cache-storage=none"}, code: exitCache, error: "nothing is kept"},
		"nothing to take":       {text: "users:\n" + user("me", "{}"), args: []string{"--user=me"}, code: exitConfig, error: "no credential"},
		"another plugin":        {text: "users:\n" + user("me", "exec: {command: aws, args: [eks, get-token]}"), args: []string{"--user=me"}, code: exitConfig, error: "another plugin"},
		"Azure's kubelogin":     {text: "users:\n" + user("me", "exec: {command: kubelogin, args: [get-token, --server-id=canary]}"), args: []string{"--user=me"}, code: exitConfig, error: "--server-id"},
		"an issuer over http":   {text: "users:\n" + user("me", "auth-provider: {name: oidc, config: {idp-issuer-url: 'http://i.example', client-id: c, client-secret: canary}}"), args: []string{"--user=me"}, code: exitConfig, error: "https"},
		"half a pair":           {text: "users:\n" + user("me", "client-certificate-data: "+base64.StdEncoding.EncodeToString([]byte("canary"))), args: []string{"--user=me"}, code: exitConfig, error: "without its key"},
		"two names":             {text: "users:\n" + plainUser, args: []string{"--user=me", "--context=c"}, code: exitConfig, error: "--context"},
		"no such context":       {text: "users:\n" + plainUser, args: []string{"--context=other"}, code: exitConfig, error: `no context named "other"`},
		"two contradictions":    {text: "users:\n" + plainUser, args: []string{"--user=me", "--all"}, code: exitConfig, error: "--all"},
		"a change in between":   {text: "users:\n" + plainUser, args: []string{"--user=me"}, code: exitConfig, error: "changed by another program", at: map[string]func(*place){"write": appendComment}},
		"damage in between":     {text: "users:\n" + plainUser, args: []string{"--user=me"}, code: exitCache, error: "cannot be read by another process", at: map[string]func(*place){"read": damageSealed}},
		"the cache is gone":     {text: "users:\n" + plainUser, args: []string{"--user=me"}, code: exitCache, error: "cannot be read by another process", at: map[string]func(*place){"read": removeSealed}},
		"a file that was taken": {text: "users:\n" + plainUser, args: []string{"--user=me"}, code: exitConfig, error: "changed by another program", at: map[string]func(*place){"write": removeFile}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.write(c.text, ".kube", "config")
			want := c.text
			p.step = func(step string) {
				if f := c.at[step]; f != nil {
					f(p)
					data, _ := os.ReadFile(p.path(".kube", "config"))
					want = string(data)
				}
			}
			got := p.importing(append([]string{"--yes"}, c.args...)...)
			got.fails(c.code, c.error)
			if strings.Contains(got.stderr, "canary") {
				t.Errorf("a secret is shown: %s", got.stderr)
			}
			if data, _ := os.ReadFile(p.path(".kube", "config")); !bytes.Equal(data, []byte(want)) {
				t.Errorf("the file became\n%s", data)
			}
			if name != "damage in between" { // what does not open is set aside, never deleted
				p.nothingSealed()
			}
		})
	}
}

func appendComment(p *place) { p.write(p.read(".kube", "config")+"# theirs\n", ".kube", "config") }
func removeFile(p *place)    { os.Remove(p.path(".kube", "config")) }
func removeSealed(p *place)  { os.RemoveAll(p.path("sealed", "file")) }

func damageSealed(p *place) {
	files, _ := filepath.Glob(p.path("sealed", "file", strings.Repeat("[0-9a-f]", 64)))
	for _, path := range files {
		os.WriteFile(path, []byte("damage"), 0o600)
	}
}
