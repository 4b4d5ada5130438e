package e2e

// Every way to sign in, in both versions of the protocol, with each kind of standard input,
// ends in the API server's own word for who somebody is.

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/provider"
)

// way is one of the ways to sign in.
type way struct {
	name  string
	parts []string
	flags func(*person) []string
	// play is what the person does while the program waits; nil where it needs nobody.
	play func(*person, *desk.Running)
	// unasked says where the person cannot do so; nil where that is nowhere.
	unasked func(desk.Stdin) bool
	account func(*person) string
}

func ways() []way {
	own := func(p *person) string { return p.account }
	return []way{
		{name: "browser", parts: []string{parts.Chromium}, account: own, flags: browserFlags, play: clickInBrowser},
		{name: "device", account: own, unasked: unwatched, flags: deviceFlags, play: approveDevice},
		{name: "paste", account: own, unasked: unanswered, flags: pasteFlags, play: pasteAddress},
		{name: "password", account: own, unasked: unanswered, flags: passwordFlags, play: typePassword},
		{
			name: "client credentials", flags: machineFlags,
			account: func(*person) string { return machineClient },
		},
	}
}

// unanswered: nobody types an answer where standard input is no terminal.
func unanswered(stdin desk.Stdin) bool { return stdin != desk.Terminal }

// unwatched: nobody reads a code where there is no terminal at all.
func unwatched(stdin desk.Stdin) bool { return stdin == desk.Null }

func browserFlags(p *person) []string {
	return p.flags("--grant-type=authcode", "--browser-command="+p.Browser)
}

func deviceFlags(p *person) []string { return p.flags("--grant-type=device-code") }

func pasteFlags(p *person) []string { return p.flags("--grant-type=authcode-keyboard") }

func passwordFlags(p *person) []string {
	return p.flags("--grant-type=password", "--username="+p.account)
}

// machineFlags ask for an access token that the API server can read: a JWT for one resource.
func machineFlags(p *person) []string {
	return []string{
		"--oidc-issuer-url=" + theProvider(p.t).Issuer,
		"--oidc-client-id=" + machineClient, "--oidc-client-secret=" + clientSecret,
		"--grant-type=client-credentials", "--oidc-use-access-token",
		"--oidc-auth-request-extra-params=resource=urn:" + audience,
		"--certificate-authority=" + p.ca(), "--token-cache-storage=file",
	}
}

func clickInBrowser(p *person, r *desk.Running) {
	p.t.Helper()
	address := p.opens(r)
	tab, err := theBrowser(p.t).Open(p.t.Context())
	p.must(err)
	defer tab.Close()
	p.must(tab.SignIn(address, p.account, provider.Password))
}

func approveDevice(p *person, r *desk.Running) {
	p.t.Helper()
	code, err := r.Terminal.Expect(`\b([A-Z]{4}-[A-Z]{4})\b`, patience)
	p.must(err)
	p.must(theProvider(p.t).ApproveDevice(context.Background(), code[1], p.account))
}

func pasteAddress(p *person, r *desk.Running) {
	p.t.Helper()
	shown, err := r.Terminal.Expect(`(https://localhost:\d+/auth\?\S+)`, patience)
	p.must(err)
	redirected, err := theProvider(p.t).SignIn(context.Background(), shown[1], p.account)
	p.must(err)
	p.must(r.Terminal.Type(redirected + "\r"))
}

// typePassword agrees that the password may go to this host, and types it unseen.
func typePassword(p *person, r *desk.Running) {
	p.t.Helper()
	_, err := r.Terminal.Expect(`\[y/N\]`, patience)
	p.must(err)
	p.must(r.Terminal.Type("y\r"))
	_, err = r.Terminal.Expect(`Password of [^\n]*: `, patience)
	p.must(err)
	if echo, err := r.Terminal.Echoes(); err != nil || echo {
		p.t.Errorf("the terminal shows the password as it is typed (%v)", err)
	}
	p.must(r.Terminal.Type(provider.Password + "\r"))
}

func TestEveryWayToSignIn(t *testing.T) {
	theCluster(t)
	for _, w := range ways() {
		for _, version := range []string{kubeconfig.V1, kubeconfig.V1beta1} {
			for _, stdin := range []desk.Stdin{desk.Terminal, desk.Pipe, desk.Null} {
				name := strings.Join([]string{w.name, short(version), string(stdin)}, "/")
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					parts.Need(t, append(w.parts, parts.Kubernetes, parts.Provider, parts.Terminal)...)
					p := newPerson(t, kubecred(t))
					p.writeKubeconfig(version, w.flags(p)...)
					signIn(p, w, stdin)
					fromCache(p, w, stdin)
				})
			}
		}
	}
}

func short(version string) string { return version[strings.LastIndex(version, "/")+1:] }

// signIn is the first kubectl, or, where nobody can be asked, the login that it then names.
func signIn(p *person, w way, stdin desk.Stdin) {
	p.t.Helper()
	first := p.whoAmI(stdin)
	if w.unasked != nil && w.unasked(stdin) {
		refused := p.finish(first)
		if refused.Code == 0 || refused.Took > 5*time.Second {
			p.t.Fatalf("with nobody to ask, kubectl exited with %d after %s", refused.Code, refused.Took)
		}
		login, err := hint(refused.Stderr)
		p.must(err)
		r := p.start(desk.Terminal, "/bin/sh", "-c", login)
		w.play(p, r)
		if done := p.finish(r); done.Code != 0 {
			p.t.Fatalf("%s\nexited with %d:\n%s%s", login, done.Code, done.Stdout, done.Stderr)
		}
		return
	}
	if w.play != nil {
		w.play(p, first)
	}
	p.is(w.account(p), p.finish(first))
}

// fromCache is the kubectl after that: nobody is asked, nor is the provider, and nothing is said.
func fromCache(p *person, w way, stdin desk.Stdin) {
	p.t.Helper()
	before := len(p.requests("token"))
	again := p.finish(p.whoAmI(stdin))
	p.is(w.account(p), again)
	p.silent(again)
	if w.play != nil {
		p.asked("token", before)
	}
}

func TestPeopleSeeWhatTheyMay(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecred(t))
	p.writeKubeconfig(kubeconfig.V1, deviceFlags(p)...)
	r := p.start(desk.Terminal, kubectl(t), "get", "pods")
	approveDevice(p, r)
	if got := p.finish(r); got.Code != 0 || !strings.Contains(got.Stderr+got.Stdout, "No resources found") {
		t.Errorf("kubectl get pods exited with %d:\n%s%s", got.Code, got.Stdout, got.Stderr)
	}
	p.asked(deviceGrant, 1) // one kubectl runs the plugin several times
}
