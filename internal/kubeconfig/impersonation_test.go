package kubeconfig

import (
	"reflect"
	"strings"
	"testing"
)

const acting = `
current-context: dev
contexts:
- name: dev
  context: {cluster: dev, user: alice}
users:
- name: alice
  user: {as: bob, as-uid: u-1, as-groups: [a, b], as-user-extra: {reason: [x, y]}, exec: {command: kubecred}}
`

func TestImpersonation(t *testing.T) {
	got, err := load(t, acting).Target("")
	if err != nil {
		t.Fatal(err)
	}
	as := Impersonation{User: "bob", UID: "u-1", Groups: []string{"a", "b"}, Extra: map[string][]string{"reason": {"x", "y"}}}
	if !reflect.DeepEqual(got.User.As, as) || !got.User.As.Any() {
		t.Errorf("as = %+v", got.User.As)
	}
	if got, err := load(t, one).Target(""); err != nil || got.User.As.Any() {
		t.Errorf("as = %+v, %v", got.User.As, err)
	}
	for right, wrong := range map[string]string{"as-groups: [a, b]": "as-groups: a", "as: bob": "as: [bob]", "reason: [x, y]": "reason: x"} {
		if _, err := Load(write(t, strings.Replace(acting, right, wrong, 1))); err == nil {
			t.Errorf("%s: accepted", wrong)
		}
	}
}
