package kubeconfig

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// Whatever a file looks like: a change of one user is refused, or every other
// user keeps what it has to the byte, and an undo brings back what was said.
func FuzzSetExec(f *testing.F) {
	for _, content := range []string{
		one, two, reached, "users: [{name: a, user: {token: t}}]", "- a: &a [*a]\n",
		"users:\n- name: a\n  user: &x {token: t}\n- name: b\n  user: *x\n- {name: c, user: {<<: *x, as: d}}\n",
		"\ufeffusers:\r\n- name: a\r\n  user:\r\n    client-key-data: |\r\n      YQ==\r\n    token: 'a\r\n\r\n     b'\r\n",
		"? users\n: - ? name\n    : a\n", "users:\n-\n  # c\n  name: a\n  user: !!map\n    token: >-\n     a\n    as: \"b\\\n c\"\n",
	} {
		f.Add(content, "a")
	}
	f.Fuzz(func(t *testing.T, content, name string) {
		d, err := newDocument("config", []byte(content))
		if err != nil {
			return
		}
		before, err := d.meant()
		if err != nil {
			return
		}
		raws := rawsOf(d)
		was, _ := d.User(name)
		if err := d.SetExec(name, sealed); err != nil {
			if string(d.src.text) != content {
				t.Errorf("refused (%v), and changed to\n%s", err, d.src.text)
			}
			return
		}
		for other, raw := range rawsOf(d) {
			if other != name && !bytes.Equal(raw, raws[other]) {
				t.Errorf("%q was\n%s\nand is\n%s", other, raws[other], raw)
			}
		}
		if now, err := d.User(name); err != nil || !reflect.DeepEqual(now.Exec, &sealed) || !now.Token.Empty() {
			t.Errorf("the user is %+v, %v", now, err)
		}
		if was == nil {
			return
		}
		if err := d.Restore(name, was.Raw); err != nil {
			t.Logf("no undo: %v", err)
			return
		}
		if after, err := d.meant(); err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("undone, it says %v, %v\nbefore: %v", after, err, before)
		}
	})
}

func rawsOf(d *Document) map[string][]byte {
	all := map[string][]byte{}
	for _, name := range d.Users() {
		all[name] = bytes.TrimRight(d.raw(name), "\r\n")
	}
	return all
}

// No secret is shown, however it is written.
func FuzzDiff(f *testing.F) {
	for _, content := range []string{one, two, leaky} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		c := Change{Path: "config", After: []byte(content), Made: true}
		d, err := newDocument("config", c.After)
		if err != nil {
			return
		}
		diff := c.Diff()
		for _, name := range d.Users() {
			user, err := d.User(name)
			if err != nil {
				continue
			}
			for _, secret := range []string{user.Token.Reveal(), user.Password.Reveal()} {
				if len(secret) > 12 && !strings.Contains(strings.ReplaceAll(content, secret, ""), secret[:12]) && strings.Contains(diff, secret) && strings.Count(content, secret) == 1 {
					t.Errorf("shows %q:\n%s", secret, diff)
				}
			}
		}
	})
}

const leaky = `users:
- name: a
  user:
    token: canary-of-a-token
    password: "canary of a password"
`
