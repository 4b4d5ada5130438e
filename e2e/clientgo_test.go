package e2e

// client-go itself, which is in kubectl and in everything else written in Go, runs the plugin
// through the cases of its own exec_test: k8s.io/client-go/plugin/pkg/client/auth/exec.

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/pki"
	"github.com/kubecred/kubecred/execcred"
)

func TestClientGoTakesTokens(t *testing.T) {
	t.Parallel()
	for _, version := range []string{kubeconfig.V1, kubeconfig.V1beta1} {
		t.Run(short(version), func(t *testing.T) {
			t.Parallel()
			s, plugin := newServer(t), newStub(t, answer{Credential: execcred.Credential{Token: "one"}})
			client := s.client(t, plugin.exec(version))
			for range 3 {
				s.mustGet(t, client, http.StatusOK)
			}
			if got := s.last(t).authorization; got != "Bearer one" {
				t.Errorf("Authorization: %q", got)
			}
			if got := len(plugin.asked()); got != 1 {
				t.Errorf("a token without an end was fetched %d times, want once", got)
			}
		})
	}
}

// The expiry that is printed is one that client-go acts upon: once it has passed, the plugin runs again.
func TestClientGoRunsAgainAfterExpiry(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	plugin := newStub(t, answer{Credential: execcred.Credential{Token: "one", Expiry: time.Now().Add(4 * time.Second)}})
	client := s.client(t, plugin.exec(kubeconfig.V1))
	s.mustGet(t, client, http.StatusOK)
	s.mustGet(t, client, http.StatusOK)
	if got := len(plugin.asked()); got != 1 {
		t.Fatalf("a token that lives was fetched %d times, want once", got)
	}
	plugin.answers(answer{Credential: execcred.Credential{Token: "two", Expiry: time.Now().Add(time.Hour)}})
	s.getUntil(t, client, 10*time.Second, func(got seen) bool { return got.authorization == "Bearer two" })
}

func TestClientGoRunsAgainAfter401(t *testing.T) {
	t.Parallel()
	s, plugin := newServer(t), newStub(t, answer{Credential: execcred.Credential{Token: "one"}})
	client := s.client(t, plugin.exec(kubeconfig.V1))
	s.refuse("one")
	s.mustGet(t, client, http.StatusUnauthorized) // the request is not repeated
	plugin.answers(answer{Credential: execcred.Credential{Token: "two"}})
	s.mustGet(t, client, http.StatusUnauthorized)
	s.mustGet(t, client, http.StatusOK)
	if got := s.last(t).authorization; got != "Bearer two" {
		t.Errorf("Authorization: %q", got)
	}
}

// A certificate is sent with its intermediate and beside a token, and a new one closes
// the connections that were made with the old.
func TestClientGoRotatesCertificates(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	plugin := newStub(t, answer{Credential: certificate(t, "one", "a-token", 4*time.Second)})
	client := s.client(t, plugin.exec(kubeconfig.V1))
	s.mustGet(t, client, http.StatusOK)
	if got, want := s.last(t), (seen{"Bearer a-token", "one", 2}); got != want {
		t.Errorf("the server saw %+v, want %+v", got, want)
	}
	old := s.connections()
	plugin.answers(answer{Credential: certificate(t, "two", "", time.Hour)})
	s.getUntil(t, client, 10*time.Second, func(got seen) bool { return got == seen{"", "two", 2} })
	for _, closed := range old {
		select {
		case <-closed:
		case <-time.After(5 * time.Second):
			t.Error("a connection of the first certificate is still open")
		}
	}
}

// certificate is a credential whose certificate an intermediate authority signed.
func certificate(t *testing.T, name, token string, lives time.Duration) execcred.Credential {
	t.Helper()
	root, err := pki.NewAuthority("root")
	if err != nil {
		t.Fatal(err)
	}
	intermediate, err := root.Intermediate("intermediate")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := intermediate.Client(name)
	if err != nil {
		t.Fatal(err)
	}
	return execcred.Credential{
		Token: token, ClientKey: string(pair.Key), ClientCertificate: string(pair.Cert) + string(intermediate.PEM),
		Expiry: time.Now().Add(lives),
	}
}

// What client-go would refuse, or send wrongly, is refused before it is printed,
// and client-go reports the plugin's own failure.
func TestHalfCredentialsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	whole := certificate(t, "one", "", time.Hour)
	for name, broken := range map[string]execcred.Credential{
		"nothing":                   {},
		"a certificate, no key":     {ClientCertificate: whole.ClientCertificate},
		"a key, no certificate":     {ClientKey: whole.ClientKey},
		"no PEM":                    {ClientCertificate: "bar", ClientKey: "foo"},
		"a token with a newline":    {Token: "one\n"},
		"a token that says Bearer":  {Token: "Bearer one"},
		"a credential of yesterday": {Token: "one", Expiry: time.Now().Add(-24 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, plugin := newServer(t), newStub(t, answer{Credential: broken})
			_, err := s.get(s.client(t, plugin.exec(kubeconfig.V1)))
			if err == nil || !strings.Contains(err.Error(), "exit code 94") {
				t.Errorf("client-go says %v, want the plugin's exit code", err)
			}
		})
	}
}

// A key that does not belong to its certificate passes for PEM; client-go is the one to notice.
func TestClientGoRefusesForeignKey(t *testing.T) {
	t.Parallel()
	one, two := certificate(t, "one", "", time.Hour), certificate(t, "two", "", time.Hour)
	one.ClientKey = two.ClientKey
	s, plugin := newServer(t), newStub(t, answer{Credential: one})
	if _, err := s.get(s.client(t, plugin.exec(kubeconfig.V1))); err == nil || !strings.Contains(err.Error(), "private key") {
		t.Errorf("client-go says %v", err)
	}
}
