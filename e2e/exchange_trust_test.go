package e2e

// An API server trusts the exchange in three ways: it verifies a token itself, it asks about a token,
// or it trusts the exchange's certificates.

import (
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/exchange"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// trusts are the flags by which each way of trusting the exchange is used.
func trusts() map[string][]string {
	return map[string][]string{
		"JWT":         {"--audience=" + exchange.Verify},
		"webhook":     {"--audience=" + exchange.Here},
		"certificate": {"--credential=certificate", "--exchange-cluster=" + exchange.Here},
	}
}

// The password is typed once, at kubectl's own terminal. The next kubectl asks nobody, and the exchange
// for nothing but the review that the webhook is there for.
func TestExchangeIsTrustedEachWay(t *testing.T) {
	theCluster(t)
	for name, flags := range trusts() {
		for _, version := range []string{kubeconfig.V1, kubeconfig.V1beta1} {
			t.Run(name+"/"+short(version), func(t *testing.T) {
				t.Parallel()
				parts.Need(t, parts.Kubernetes, parts.Terminal)
				s := newStaff(t, theExchange(t))
				s.writeExec(version, s.typed(flags...)...)
				r := s.whoAmI(desk.Terminal)
				s.typePassword(r)
				s.sees(s.finish(r))
				before := s.issued()
				again := s.finish(s.whoAmI(desk.Null))
				s.sees(again)
				s.silent(again)
				if after := s.issued(); after != before {
					t.Errorf("the exchange was asked for %d more credentials", after-before)
				}
				s.decided("password", "granted", "", 1)
				if asked := s.reviews() > 0; asked != (name == "webhook") {
					t.Errorf("the API server asked %d times about the token", s.reviews())
				}
			})
		}
	}
}
