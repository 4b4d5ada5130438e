package e2e

// The commands that people run themselves, beside the exec block.

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// A day with the program: login takes the kubeconfig's context, kubectl is served by it, status
// shows it, and after logout the provider has forgotten the session and kubectl needs a login.
func TestLoginStatusLogout(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecred(t))
	p.writeKubeconfig(kubeconfig.V1, deviceFlags(p)...)

	login := p.start(desk.Terminal, p.program, "login")
	approveDevice(p, login)
	if done := p.finish(login); done.Code != 0 || !strings.Contains(done.Stdout, p.account) {
		t.Fatalf("login exited with %d: %s%s", done.Code, done.Stdout, done.Stderr)
	}
	served := p.finish(p.whoAmI(desk.Null))
	p.is(p.account, served)
	p.silent(served)
	if status := p.run(desk.Null, p.program, "status"); status.Code != 0 || !strings.Contains(status.Stdout, p.account) {
		t.Errorf("status exited with %d: %s%s", status.Code, status.Stdout, status.Stderr)
	}

	if logout := p.run(desk.Null, p.program, "logout"); logout.Code != 0 {
		t.Fatalf("logout exited with %d: %s%s", logout.Code, logout.Stdout, logout.Stderr)
	}
	all, err := theProvider(t).Requests(context.Background(), "")
	p.must(err)
	revoked := 0
	for _, r := range all {
		if r.Route == "revocation" && r.Client == publicClient && r.Status == http.StatusOK {
			revoked++
		}
	}
	if revoked == 0 {
		t.Error("the provider was not asked to revoke anything")
	}
	if refused := p.finish(p.whoAmI(desk.Null)); refused.Code == 0 {
		t.Error("after logout kubectl still has a credential")
	}
}

// Without --grant-type the surroundings choose: a display means a browser, SSH means an address to paste.
func TestSurroundingsChoose(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Terminal)
	t.Run("a display", func(t *testing.T) {
		t.Parallel()
		p := newPerson(t, kubecred(t))
		p.Env = append(p.Env, "DISPLAY=:99")
		r := p.start(desk.Null, p.program, append([]string{"get-token"}, p.flags()...)...)
		address := p.opens(r) // by xdg-open, from PATH
		p.visit(address)
		credentialOf(p, p.finish(r))
	})
	t.Run("BROWSER", func(t *testing.T) {
		t.Parallel()
		p := newPerson(t, kubecred(t))
		p.Env = append(p.Env, "BROWSER="+p.Browser, "SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22")
		r := p.start(desk.Null, p.program, append([]string{"get-token"}, p.flags()...)...)
		address := p.opens(r)
		p.visit(address)
		credentialOf(p, p.finish(r))
	})
	t.Run("SSH", func(t *testing.T) {
		t.Parallel()
		p := newPerson(t, kubecred(t))
		p.Env = append(p.Env, "SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22")
		r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, p.flags()...)...)
		pasteAddress(p, r)
		credentialOf(p, p.finish(r))
	})
}

// visit signs in at the address and follows it back to the program's own page, as a browser does.
func (p *person) visit(address string) {
	p.t.Helper()
	redirected, err := theProvider(p.t).SignIn(context.Background(), address, p.account)
	p.must(err)
	response, err := http.Get(redirected)
	p.must(err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		p.t.Errorf("the page after signing in: %s", response.Status)
	}
}

// The access token instead of the ID token: a JWT, where the provider was asked for a resource.
func TestAccessTokenIsTaken(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	p := newPerson(t, kubecred(t))
	p.writeKubeconfig(kubeconfig.V1, append(browserFlags(p),
		"--oidc-use-access-token", "--oidc-auth-request-extra-params=resource=urn:"+audience)...)
	r := p.whoAmI(desk.Null)
	address := p.opens(r)
	p.visit(address)
	p.is(p.account, p.finish(r))
}

// A profile of the person's own holds everything, the client's secret in a file beside it; the
// kubeconfig names the profile and nothing else. The secret has the characters that must be
// encoded before Basic authentication (RFC 6749, section 2.3.1).
func TestProfileWithASecretFile(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	p := newPerson(t, kubecred(t))
	dir := filepath.Join(p.Home, ".config", "kubecred")
	p.must(os.MkdirAll(dir, 0o700))
	p.must(os.WriteFile(filepath.Join(dir, "secret"), []byte(clientSecret+"\n"), 0o600))
	p.must(os.WriteFile(filepath.Join(dir, "config.yaml"), fmt.Appendf(nil, `profiles:
  corp:
    oidc-issuer-url: %s
    oidc-client-id: %s
    oidc-client-secret-file: secret
    certificate-authority: [%s]
    token-cache-storage: file
    grant-type: authcode
    listen-address: ["127.0.0.1:0"]
    browser-command: %s
`, theProvider(t).Issuer, secretClient, p.ca(), p.Browser), 0o600))
	p.writeKubeconfig(kubeconfig.V1, "--profile=corp")
	r := p.whoAmI(desk.Null)
	p.visit(p.opens(r))
	p.is(p.account, p.finish(r))
	for _, one := range p.requests("authorization_code") {
		if one.Client != secretClient || one.Status != http.StatusOK {
			t.Errorf("the token endpoint saw %+v", one)
		}
	}
}
