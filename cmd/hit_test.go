package cmd

import (
	"io"
	"testing"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// A person waits for a hit at every kubectl call. Its allocations are counted,
// since they are the same on every machine: 270, of which the flags are 100. cobra's
// Execute would add 100.
func TestHitStaysSmall(t *testing.T) {
	p := newPlace(t)
	p.at("get-token").ok()
	args := []string{"get-token", "--oidc-issuer-url=" + p.provider.Issuer, "--oidc-client-id=" + oidctest.ClientID}
	got := testing.AllocsPerRun(20, func() {
		if code := p.app(io.Discard, io.Discard, args...).run(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
	if got > 330 {
		t.Errorf("a hit allocates %v times", got)
	}
}
