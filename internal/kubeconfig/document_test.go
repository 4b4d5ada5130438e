package kubeconfig

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What kubectl would not read, or would read half of, is refused by its line,
// and nothing of it is repeated but names.
func TestOpenRefuses(t *testing.T) {
	for content, want := range map[string]string{
		"users:\n- name: a\n- name: a\n":                     `line 3 is a second user named "a" (the first is in line 2)`,
		"contexts:\n- name: a\n- name: a\n":                  `line 3 is a second context named "a"`,
		"users: []\n# canary\nusers: []\n":                   `line 3 has "users" a second time`,
		"users:\n- name: a\n  user: {}\n  user: {a: canary}": `line 4 has "user" a second time`,
		"users:\n- name: 7\n  user: {token: canary}\n":       "line 2 has a name that is no text",
		"users:\n- name: a\n  user: {token: [canary\n":       "near line",
		"\xfe\xff\x00a":      "UTF-16",
		"users: canary\n":    "is not a kubeconfig",
		"users:\n- canary\n": "line 2 is no user",
	} {
		_, err := Open(write(t, content)[0])
		if broken := (*FileError)(nil); !errors.As(err, &broken) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v, want %s", content, err, want)
		}
	}
}

func TestUserThatIsNone(t *testing.T) {
	d := document(t, "users:\n- name: a\n  user: {client-key-data: '?canary'}\n- name: b\n  user: {token: canary}\n")
	if _, err := d.User("a"); err == nil || !strings.Contains(err.Error(), "line 2") || strings.Contains(err.Error(), "canary") {
		t.Errorf("error %v", err)
	}
	var missing *NotFoundError
	if _, err := d.User("c"); !errors.As(err, &missing) {
		t.Errorf("error %v", err)
	}
	b, err := d.User("b")
	if err != nil || b.Token.Reveal() != "canary" {
		t.Fatal(b, err)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", b, *b, b, b); strings.Contains(shown, "canary") {
		t.Errorf("an entry prints as %s", shown)
	}
}

// The file was written anew since, by kubectl or by hand: the user comes back
// in the form that the file has now.
func TestRestoreIntoAnotherForm(t *testing.T) {
	const kept = "- name: a\n  user:\n    token: abc # mine\n"
	for before, want := range map[string]string{
		"users:\n  - name: a\n    user: {}\n  - name: b\n": "users:\n  - name: a\n    user:\n      token: abc # mine\n  - name: b\n",
		"users:\n- name: b\n":                              "users:\n- name: b\n- name: a\n  user:\n    token: abc\n",
		"users: [{name: a}]\n":                             `users: [{"name": "a", "user": {"token": "abc"}}]` + "\n",
		"kind: Config\n":                                   "kind: Config\nusers:\n- name: a\n  user:\n    token: abc\n",
	} {
		d := document(t, before)
		if err := d.Restore("a", []byte(kept)); err != nil || string(d.src.text) != want {
			t.Errorf("%v, got\n%s\nwant\n%s", err, d.src.text, want)
		}
	}
	d := document(t, "users:\n- name: a\n- name: b\n")
	if err := d.Restore("a", []byte("- name: a\n  user: {as: c}")); err != nil || string(d.src.text) != "users:\n- name: a\n  user: {as: c}\n- name: b\n" {
		t.Errorf("%v, got\n%s", err, d.src.text)
	}
	d = document(t, one)
	for _, raw := range []string{kept, "", "[", "- name: [bob]\n", "- name: bob\n  user: *x\n"} {
		if err := d.Restore("bob", []byte(raw)); err == nil || string(d.src.text) != one {
			t.Errorf("%q: %v\n%s", raw, err, d.src.text)
		}
	}
}
