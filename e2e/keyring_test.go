package e2e

// The cache sealed under a real Secret Service.

import (
	"context"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/keyring"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// newKeyring puts an unlocked keyring on the person's desk, and returns it with the flags that choose it.
func newKeyring(p *person) (*keyring.Keyring, []string) {
	p.t.Helper()
	parts.Need(p.t, parts.Keyring)
	k, err := keyring.Start(context.Background(), p.Home)
	p.must(err)
	p.t.Cleanup(k.Stop)
	p.Env = append(p.Env, k.Env()...)
	p.t.Cleanup(p.dropCopies)
	return k, []string{"--token-cache-storage=keyring", "--token-cache-dir=" + p.cacheDir()}
}

func (p *person) cacheDir() string { return filepath.Join(p.Home, ".cache", "e2e") }

// dropCopies takes the data key out of the kernel's keyring, which belongs to whoever runs the tests:
// a copy there outlives the desk, and, by design, a lock of the keyring.
func (p *person) dropCopies() {
	p.t.Helper()
	store, err := cache.Open(cache.Options{Dir: p.cacheDir(), Storage: cache.Keyring})
	p.must(err)
	p.must(store.DropCopies())
}

func TestKeyringSealsTheCache(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.Chromium, parts.Keyring)
	p := newPerson(t, kubecred(t))
	_, sealed := newKeyring(p)
	flags := append(browserFlags(p), sealed...)
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
	k, sealed := newKeyring(p)
	flags := append(deviceFlags(p), sealed...)
	r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, flags...)...)
	approveDevice(p, r)
	credentialOf(p, p.finish(r))
	before := p.files(p.cacheDir())

	p.dropCopies()
	p.must(k.Relock(context.Background()))
	locked := p.getToken(desk.Null, flags...)
	if locked.Code != 7 || locked.Stdout != "" || !strings.Contains(locked.Stderr, "nothing is lost") {
		t.Errorf("locked: exited with %d, printed %q, said %q", locked.Code, locked.Stdout, locked.Stderr)
	}
	if locked.Took > 10*time.Second { // three, on a machine with nothing else to do
		t.Errorf("locked: it took %s", locked.Took)
	}
	if after := p.files(p.cacheDir()); !maps.Equal(before, after) {
		t.Errorf("the cache is not what it was: %d files before, %d after", len(before), len(after))
	}

	p.must(k.Reopen(context.Background()))
	credentialOf(p, p.getToken(desk.Null, flags...))
	p.asked(deviceGrant, 1)
}
