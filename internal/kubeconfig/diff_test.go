package kubeconfig

import (
	"fmt"
	"strings"
	"testing"
)

// secretive holds a secret in every place where people have them. Each has
// "canary" in it.
const secretive = `# token: canary-in-a-comment
# LS0tLS1CRUdJTiBcanaryURSBLRVktLS0tLQpNSUdIQWdFQU1CTUdCeXFHU000OUFnRUc
x-shared: &shared canary-behind-an-alias
x-words: &words one, canary
x-args: &args
- --password
- two, canary
clusters:
- name: a
  cluster:
    server: https://a.example
    proxy-url: http://me:canary@proxy.example
users:
- name: a
  user:
    token: canary-token # was: token=canary-before
    password: "canary \
      of two lines"
    client-key-data: |
      Y2FuYXJ5canary
      # canary-that-is-no-comment
    username: seen-name
- name: b
  user:
    token: *shared
    auth-provider:
      name: seen-provider
      config: {client-id: seen-client, client-secret: canary, refresh-token: 'canary', cookie-jar: canary, other: canary}
- {name: c, user: {token: canary, as: seen-as}}
- name: d
  user:
    exec:
      command: seen-command
      args: [get-token, --oidc-client-secret=canary, "--password", canary, --oidc-issuer-url=https://seen.example,
        "eyJcanary.eyJ.sig"]
      env:
      - name: SEEN_VARIABLE
        value: canary
      - {name: B, value: canary, note: canary}
    token: >-
      canary
      and canary
- name: e
  user:
    exec:
      command: seen-command
      args: [--password, -canary, --oidc-use-access-token, --oidc-issuer-url=https://seen.example]
- {name: f, user: {token: *words, exec: {command: seen-command, args: *args}}}
`

func TestDiffShowsNoSecret(t *testing.T) {
	for name, text := range map[string]string{
		"lines": secretive, "Windows lines": strings.ReplaceAll(secretive, "\n", "\r\n"), "no YAML": secretive + "[",
		"JSON": `{"users": [{"name": "a", "user": {"token": "canary", "client-key-data": "canary", "exec": {"args": ["--token", "canary", "--token-cache-storage=seen-storage"]}}}]}`,
	} {
		diff := Change{Path: "config", After: []byte(text), Made: true}.Diff()
		if strings.Contains(diff, "canary") || !strings.Contains(diff, "REDACTED-1") {
			t.Errorf("%s:\n%s", name, diff)
		}
		for _, seen := range []string{"seen-name", "seen-provider", "seen-client", "seen-as", "seen-command", "seen.example", "SEEN_VARIABLE", "--oidc-client-secret=REDACTED"} {
			if strings.HasSuffix(name, "lines") && !strings.Contains(diff, seen) {
				t.Errorf("%s: %s is hidden in\n%s", name, seen, diff)
			}
		}
		if name == "JSON" && !strings.Contains(diff, "seen-storage") {
			t.Errorf("where a token lies is hidden in\n%s", diff)
		}
	}
}

// One secret in place of another is seen; the same one stays the same.
func TestDiffShowsThatASecretChanged(t *testing.T) {
	diff := Change{Path: "c", Before: []byte("users: [{name: a}]\ntoken: one\npassword: p\n"), After: []byte("users: [{name: a}]\ntoken: two\npassword: p\n")}.Diff()
	const want = "--- c\n+++ c\n@@ -1,3 +1,3 @@\n users: [{name: a}]\n-token: REDACTED-1\n+token: REDACTED-3\n password: REDACTED-2\n"
	if diff != want {
		t.Errorf("got\n%s\nwant\n%s", diff, want)
	}
}

// What a stranger wrote into a kubeconfig does not reach a terminal as it is.
func TestDiffIsClean(t *testing.T) {
	diff := Change{Path: "config", Before: []byte("users: [] # \u202emine\n"), After: []byte("users: []\n")}.Diff()
	if strings.Contains(diff, "\u202e") || !strings.Contains(diff, "# mine") {
		t.Errorf("%q", diff)
	}
}

func TestHunks(t *testing.T) {
	lines := func(from, to int) (text string) {
		for i := from; i <= to; i++ {
			text += fmt.Sprintf("l%d: x\n", i)
		}
		return text
	}
	before := lines(1, 30)
	after := strings.NewReplacer("l5: x\n", "l5: y\n", "l9: x\n", "", "l25: x\n", "l25: x\nnew: x\n").Replace(before)
	after = strings.TrimSuffix(after, "\n")
	want := "--- c\n+++ c\n" +
		"@@ -2,11 +2,10 @@\n l2: x\n l3: x\n l4: x\n-l5: x\n+l5: y\n l6: x\n l7: x\n l8: x\n-l9: x\n l10: x\n l11: x\n l12: x\n" +
		"@@ -23,8 +22,9 @@\n l23: x\n l24: x\n l25: x\n+new: x\n l26: x\n l27: x\n l28: x\n l29: x\n-l30: x\n+l30: x\n\\ No newline at end of file\n"
	if got := (Change{Path: "c", Before: []byte(before), After: []byte(after)}).Diff(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
