package e2e

// An API server trusts the exchange in three ways: it verifies a token itself, it asks about a token,
// or it trusts the exchange's certificates.

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/cluster"
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

// With ES256 tokens are believed in both ways. The API server is one of its own: it asks one exchange about tokens.
func TestES256IsTrusted(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	x, err := exchange.Start(t.Context(), exchange.Options{Program: exchangeProgram(t), Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Stop)
	c, err := cluster.Start(t.Context(), believing(theProvider(t), x, x.Issuer))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	if err := settleExchange(t.Context(), c, x); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"JWT", "webhook"} {
		t.Run(name, func(t *testing.T) {
			s := newStaff(t, x)
			flags := s.kept(trusts()[name]...)
			s.writeExecFor(c, kubeconfig.V1, flags...)
			s.sees(s.finish(s.whoAmI(desk.Null)))
			if asked := s.reviews() > 0; asked != (name == "webhook") {
				t.Errorf("the API server asked %d times about the token", s.reviews())
			}
			if got := s.algorithm(credentialOf(s.person, s.getToken(desk.Null, flags...)).Token); got != "ES256" {
				t.Errorf("the token is signed by %q", got)
			}
		})
	}
}

// algorithm is how a token is signed (RFC 7515, section 4.1.1).
func (s staff) algorithm(token string) string {
	s.t.Helper()
	header, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(header)
	s.must(err)
	var h struct{ Alg string }
	s.must(json.Unmarshal(text, &h))
	return h.Alg
}
