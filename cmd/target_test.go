package cmd

import (
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/oidctest"
)

func TestIsOurs(t *testing.T) {
	for command, want := range map[string]bool{
		"kubecred": true, "/usr/local/bin/kubecred": true, "./bin/kubecred": true, "kubecred.exe": true,
		"kubectl": true, "kubelogin": true, "kubectl-oidc_login": true,
		"aws": false, "kubecred2": false, "not-kubecred": false, "": false, "/": false,
	} {
		if got := isOurs(&kubeconfig.Exec{Command: command, Args: []string{"oidc-login", "get-token"}}); got != want {
			t.Errorf("%q: %v", command, got)
		}
	}
	if isOurs(&kubeconfig.Exec{Command: "kubecred", Args: []string{"login"}}) || isOurs(&kubeconfig.Exec{Command: "kubecred"}) {
		t.Error("an exec block without get-token counts as ours")
	}
}

func TestWithEnv(t *testing.T) {
	getenv := withEnv(func(name string) string { return "outer " + name }, []kubeconfig.EnvVar{{Name: "A", Value: "inner"}, {Name: "EMPTY"}})
	for name, want := range map[string]string{"A": "inner", "EMPTY": "", "B": "outer B"} {
		if got := getenv(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

const kubeconfigs = `
current-context: prod
contexts:
- {name: prod, context: {cluster: c, user: me}}
- {name: same, context: {cluster: d, user: me-again}}
- {name: email, context: {cluster: c, user: me-email}}
- {name: extended, context: {cluster: e, user: told}}
- {name: certificate, context: {cluster: c, user: certificate}}
- {name: broken, context: {cluster: c, user: broken}}
- {name: nobody, context: {cluster: c, user: no-such-user}}
clusters:
- {name: c, cluster: {server: "https://c.example"}}
- name: e
  cluster: {server: "https://e.example", extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: prod}}]}
users:
- {name: me, user: {exec: {command: kubecred, args: [get-token, ARGS]}}}
- {name: me-again, user: {exec: {command: kubectl, args: [oidc-login, get-token, ARGS, --grant-type=device-code]}}}
- {name: me-email, user: {exec: {command: kubecred, args: [get-token, ARGS], env: [{name: KUBECRED_OIDC_EXTRA_SCOPE, value: email}]}}}
- {name: told, user: {exec: {command: kubecred, provideClusterInfo: true, args: [get-token, ARGS]}}}
- {name: certificate, user: {client-certificate-data: Cg==}}
- {name: broken, user: {exec: {command: kubecred, args: [get-token, --no-such-flag]}}}
- {name: unused, user: {exec: {command: kubecred, args: [get-token, ARGS, --oidc-extra-scope=groups]}}}
`

func withKubeconfigs(t *testing.T) *place {
	p := newPlace(t)
	args := "--oidc-issuer-url=" + p.provider.Issuer + ", --oidc-client-id=" + oidctest.ClientID
	p.write(strings.ReplaceAll(kubeconfigs, "ARGS", args), ".kube", "config")
	return p
}

// scope is what the last login asked for.
func (p *place) scope() string {
	all := p.provider.Requests(oidctest.Token)
	return all[len(all)-1].Form.Get("scope")
}

func TestLoginTakesAnExecBlock(t *testing.T) {
	t.Parallel()
	p := withKubeconfigs(t)
	for _, test := range []struct{ args, says, scope string }{
		{"login", "Signed in as user-1", "openid"},
		{"login", "Already signed in as user-1", ""},
		{"login --context same", "Already signed in as user-1", ""}, // another grant is the same entry
		{"login --user me", "Already signed in as user-1", ""},
		{"login --context email", "Signed in as alice@example.com", "openid email"},
		{"login --user unused", "Signed in as user-1", "openid groups"},
		{"login --context prod --oidc-extra-scope=profile", "Signed in as ", "openid profile"}, // a flag adds to the block
		{"login --context extended", "Signed in as user-1", "openid"},
	} {
		before := p.provider.Count(oidctest.Token)
		p.run(strings.Fields(test.args)...).ok().prints(test.says)
		if asked := p.provider.Count(oidctest.Token) > before; asked != (test.scope != "") || asked && p.scope() != test.scope {
			t.Errorf("%s: asked for %q", test.args, p.scope())
		}
	}
	if last := p.provider.Requests(oidctest.Token); last[len(last)-1].Form.Get("audience") != "prod" {
		t.Error("the cluster's extension was not read")
	}
	p.env["KUBECONFIG"] = p.path("none") + listSeparator + p.path(".kube", "config")
	p.run("login").ok().prints("Already")
	p.run("login", "--kubeconfig", p.path(".kube", "config")).ok().prints("Already")
}

func TestLoginFindsNoExecBlock(t *testing.T) {
	p := withKubeconfigs(t)
	for args, text := range map[string]string{
		"login --context nowhere":         `no context named "nowhere"`,
		"login --context nobody":          `no user named "no-such-user"`,
		"login --user nobody":             `no user named "nobody"`,
		"login --context certificate":     `"certificate" does not sign in with kubecred`,
		"login --context broken":          `"--no-such-flag"`,
		"login --kubeconfig no-such-file": "no-such-file does not exist",
		"login --entry 0000":              "0000",
	} {
		p.run(strings.Fields(args)...).fails(exitConfig, text)
	}
	p.write("contexts: [canary", ".kube", "config")
	got := p.run("login").fails(exitConfig, "is not a kubeconfig")
	if strings.Contains(got.stderr, "canary") {
		t.Error(got.stderr)
	}
	if n := len(p.provider.All()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// An entry has one ID, however many users of the kubeconfig lead to it; less of
// the ID will do while it is one entry's.
func TestEntry(t *testing.T) {
	p := withKubeconfigs(t)
	var status statusReport
	p.run("status", "-o", "json").ok().decode(&status)
	p.run("login", "--entry", status.Current).ok().prints("Signed in as user-1")
	p.run("login", "--entry", status.Current[:6]).ok().prints("Already")
	p.run("login", "--context", "email").ok()
	p.run("login", "--entry", "").fails(exitConfig, "empty") // a variable that is not set
	p.run("logout", "--entry", status.Current).ok().prints("Signed out as user-1")
	p.run("status").ok().prints("alice@example.com")
}

// Two entries that begin alike are not chosen between.
func TestEntryOfTwo(t *testing.T) {
	t.Parallel()
	p := withKubeconfigs(t)
	ids := map[byte]int{}
	for _, scope := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "q", "r"} {
		p.provider.Apply(func(c *oidctest.Config) { c.Scopes = append(c.Scopes, scope) })
		p.at("login", "--oidc-extra-scope="+scope).ok()
	}
	var status statusReport
	p.run("status", "-o", "json").ok().decode(&status)
	for _, e := range status.Entries {
		ids[e.Entry[0]]++
	}
	for digit, n := range ids { // 17 entries, 16 digits: one comes twice
		if n > 1 {
			p.run("logout", "--entry", string(digit)).fails(exitConfig, "give more of the ID")
			return
		}
	}
	t.Error("no two entries begin alike")
}
