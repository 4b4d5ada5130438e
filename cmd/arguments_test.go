package cmd

import (
	"os"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// Every user of the machine can read the arguments of the programs that
// kubecred starts. What the browser gets is the address alone, and in it no
// secret: not the client's, not a header, nothing that redeems or renews.
func TestNoSecretInArguments(t *testing.T) {
	p := newPlace(t, oidctest.Confidential(oidctest.AuthBasic, clientCanary))
	delete(p.env, "KUBECRED_USERNAME")
	delete(p.env, "KUBECRED_PASSWORD")
	p.env["KUBECRED_OIDC_CLIENT_SECRET"] = p.provider.Issuer + " " + clientCanary
	flags := append(browserFlags(t), "--oidc-request-header=X-Key=canary-header", "-v=9")
	before := len(visited(t))
	for _, more := range []string{"--force-refresh=false", "--force-refresh"} {
		if got := p.at("get-token", append(flags, more)...); got.code != 0 {
			t.Fatalf("exit code %d, %s", got.code, got.stderr)
		}
	}
	p.counts("authorization_code", 1)
	p.counts("refresh_token", 1)
	visits, err := oidctest.AwaitVisits(within(t), os.Getenv(oidctest.EnvBrowserLog), before+1)
	if err != nil {
		t.Fatal(err)
	}
	args := visits[before].Args
	if len(visits) != before+1 || len(args) != 1 || !strings.HasPrefix(args[0], p.provider.Issuer) {
		t.Fatalf("%d browsers, given %q", len(visits)-before, args)
	}
	secrets := secretsOf(p.provider)
	if len(secrets) < 10 {
		t.Fatalf("only %d secrets were sent", len(secrets))
	}
	for _, secret := range secrets {
		if strings.Contains(args[0], secret) {
			t.Errorf("the browser was given %q in %s", secret, args[0])
		}
	}
}
