package kubeconfig

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// bomb is a small file that says more than fits anywhere.
func bomb(user string) string {
	var text strings.Builder
	text.WriteString("x0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 12 {
		fmt.Fprintf(&text, "x%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	return text.String() + user
}

// A file that says too much ends at once, whatever is asked of it.
func TestBomb(t *testing.T) {
	for name, user := range map[string]string{
		"an extension": "users:\n- name: me\n  user:\n    token: t\n    extensions: *a12\n",
		"in brackets":  "users: [{name: me, user: {token: t, extensions: *a12}}]\n",
		"an alias":     "x: &b {token: t, extensions: *a12}\nusers:\n- name: me\n  user: *b\n",
	} {
		done := make(chan error, 1)
		go func() {
			d, err := newDocument("config", []byte(bomb(user)))
			if err == nil {
				_, _ = d.User("me")
				err = d.SetExec("me", Exec{APIVersion: "v1", Command: "kubecred"})
			}
			_ = Change{Path: "config", After: []byte(bomb(user)), Made: true}.Diff()
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil {
				t.Errorf("%s: changed", name)
			}
		case <-time.After(3 * time.Second):
			t.Fatalf("%s: no end", name)
		}
	}
}
