package e2e

// What a cluster received is good there and nowhere else. The API server is one cluster, and another
// that the exchange knows is the one that the credentials were made for.

import (
	"crypto/x509"
	"encoding/pem"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/kubecred/kubecred/e2e/internal/cluster"
	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/exchange"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/ldapexchange"
)

// bearer is a client of the API server with a token.
func bearer(c *cluster.Cluster, token string) *rest.Config {
	config := c.Config()
	config.BearerToken = token
	return config
}

// unauthorized asserts that the API server takes a credential for nobody's.
func (s staff) unauthorized(what string, config *rest.Config) {
	s.t.Helper()
	if who, err := cluster.WhoAmI(s.t.Context(), config); !apierrors.IsUnauthorized(err) {
		s.t.Errorf("%s: the API server sees %q, error %v", what, who.Username, err)
	}
}

// reviewed asserts what a cluster is told about a token.
func (s staff) reviewed(what, cluster, token string, want bool) {
	s.t.Helper()
	status, err := s.x.Review(s.t.Context(), cluster, token)
	s.must(err)
	if status.Authenticated != want || status.Error != "" || want != (status.User.Username == exchange.Prefix+s.account) {
		s.t.Errorf("%s: %s is told %+v", what, cluster, status)
	}
}

func TestTokenOfAnotherClusterIsRefused(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes)
	c, s := theCluster(t), newStaff(t, theExchange(t))
	theirs, err := s.x.SignIn(t.Context(), s.account, exchange.There)
	s.must(err)
	ours, err := s.x.SignIn(t.Context(), s.account, exchange.Here)
	s.must(err)
	verified, err := s.x.SignIn(t.Context(), s.account, exchange.Verify)
	s.must(err)
	s.reviewed("a token for there", exchange.There, theirs.ID, true)
	s.reviewed("a token for there", exchange.Here, theirs.ID, false)
	s.reviewed("a token for here", exchange.Here, ours.ID, true)
	s.reviewed("a token for here", exchange.There, ours.ID, false)
	s.unauthorized("a token for there", bearer(c, theirs.ID)) // as JWT, and then by the webhook
	if asked := theDoor(t).Reviews(theirs.ID); asked != 1 {
		t.Errorf("the API server asked %d times about it", asked)
	}
	s.reviewed("a token that here verifies", exchange.There, verified.ID, false)
	for what, tokens := range map[string]exchange.Tokens{"there": theirs, "here": ours, "here, verified": verified} {
		s.unauthorized("an access token of "+what, bearer(c, tokens.Access))
		s.unauthorized("a refresh token of "+what, bearer(c, tokens.Refresh))
		for _, cluster := range []string{exchange.Here, exchange.There} {
			s.reviewed("an access token of "+what, cluster, tokens.Access, false)
			s.reviewed("a refresh token of "+what, cluster, tokens.Refresh, false)
		}
	}
}

// The client's own ID is an audience of every token, and no cluster's.
func TestTokenForNoClusterIsRefused(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes)
	c, s := theCluster(t), newStaff(t, theExchange(t))
	nobodys, err := s.x.SignIn(t.Context(), s.account, "")
	s.must(err)
	s.unauthorized("a token for the client alone", bearer(c, nobodys.ID))
	s.reviewed("a token for the client alone", exchange.Here, nobodys.ID, false)
}

// Neither what a cluster was shown nor a refresh token brings a certificate; the access token does.
func TestClusterCannotGetACertificate(t *testing.T) {
	t.Parallel()
	s := newStaff(t, theExchange(t))
	key, err := ldapexchange.NewKey()
	s.must(err)
	csr, err := key.CSR()
	s.must(err)
	tokens, err := s.x.SignIn(t.Context(), s.account, exchange.Here)
	s.must(err)
	for what, c := range map[string]struct {
		token string
		want  int
	}{"an ID token": {tokens.ID, 401}, "a refresh token": {tokens.Refresh, 401}, "an access token": {tokens.Access, 200}} {
		for _, cluster := range []string{exchange.Here, exchange.There} {
			status, err := s.x.Credentials(t.Context(), c.token, cluster, csr)
			s.must(err)
			if status != c.want {
				t.Errorf("%s for %s: %d, want %d", what, cluster, status, c.want)
			}
		}
	}
}

func TestCertificateOfAnotherClusterIsRefused(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes)
	c, s := theCluster(t), newStaff(t, theExchange(t))
	for name, good := range map[string]bool{exchange.Here: true, exchange.There: false} {
		got := certificateOf(s.person, s.getToken(desk.Null, s.kept("--credential=certificate", "--exchange-cluster="+name)...))
		if err := chains(got.ClientCertificateData, s.x.CAs[name].PEM); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		config := c.Config()
		config.CertData, config.KeyData = []byte(got.ClientCertificateData), []byte(got.ClientKeyData)
		if !good {
			s.unauthorized("a certificate for "+name, config)
		} else if who, err := cluster.WhoAmI(t.Context(), config); err != nil || who.UID != s.account {
			t.Errorf("the API server sees %+v, error %v", who, err)
		}
	}
}

// chains verifies a client certificate as an API server does.
func chains(certificate string, authority []byte) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	block, _ := pem.Decode([]byte(certificate))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err
}
