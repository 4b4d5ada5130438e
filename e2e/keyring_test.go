package e2e

// The cache sealed under a real Secret Service.

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/keyring"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// newKeyring puts an unlocked keyring on the person's desk.
func newKeyring(p *person) *keyring.Keyring {
	p.t.Helper()
	parts.Need(p.t, parts.Keyring)
	k, err := keyring.Start(context.Background(), p.Home)
	p.must(err)
	p.t.Cleanup(k.Stop)
	p.Env = append(p.Env, k.Env()...)
	return k
}

func TestKeyringSealsTheCache(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.Chromium, parts.Keyring)
	p := newPerson(t, kubecred(t))
	newKeyring(p)
	flags := append(browserFlags(p), "--token-cache-storage=keyring")
	p.writeKubeconfig(kubeconfig.V1, flags...)

	first := p.whoAmI(desk.Null)
	clickInBrowser(p, first)
	p.is(p.account, p.finish(first))

	for range 2 {
		again := p.finish(p.whoAmI(desk.Null))
		p.is(p.account, again)
		p.silent(again)
	}
	p.asked("authorization_code", 1)
	p.asked("refresh_token", 0)
	p.noPlainText(flags)
}

// noPlainText asserts that the token that get-token prints stands nowhere under the person's home,
// nor does its readable middle part.
func (p *person) noPlainText(flags []string) {
	p.t.Helper()
	token := credentialOf(p, p.getToken(desk.Null, flags...)).Token
	claims := strings.Split(token, ".")[1]
	found := 0
	for path, content := range p.files(p.Home) {
		found++
		if strings.Contains(content, token) || strings.Contains(content, claims) {
			p.t.Errorf("%s holds the token in plain text", path)
		}
	}
	if found == 0 {
		p.t.Error("nothing was stored at all")
	}
}

// A keyring that is locked hides the credential for now: nothing is asked of a person who is not
// there, nothing is lost, and the same entry serves again once the keyring is open.
func TestLockedKeyringLosesNothing(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Keyring, parts.Terminal)
	p := newPerson(t, kubecred(t))
	k := newKeyring(p)
	// The kernel's copy of the data key outlives a lock of the keyring, by design.
	flags := append(deviceFlags(p), "--token-cache-storage=keyring")

	r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, flags...)...)
	approveDevice(p, r)
	if first := p.finish(r); first.Code != 0 {
		t.Fatalf("get-token exited with %d: %s", first.Code, first.Stderr)
	}
	before := p.files(p.Home + "/.cache")

	p.must(k.Relock(context.Background()))
	began := time.Now()
	locked := p.getToken(desk.Null, flags...)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("with a locked keyring get-token took %s", took)
	}
	if locked.Code != 0 && locked.Stdout != "" {
		t.Errorf("a failure printed %q to stdout", locked.Stdout)
	}
	after := p.files(p.Home + "/.cache")
	for path, content := range before {
		if after[path] != content {
			t.Errorf("%s is not what it was before the keyring was locked", path)
		}
	}

	p.must(k.Reopen(context.Background()))
	credentialOf(p, p.getToken(desk.Null, flags...))
	p.asked(deviceGrant, 1)
}
