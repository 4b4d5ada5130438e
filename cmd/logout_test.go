package cmd

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// cached is how many entries the cache holds.
func (p *place) cached() int {
	p.t.Helper()
	var status statusReport
	p.run("status", "-o", "json").ok().decode(&status)
	return len(status.Entries)
}

func TestLogout(t *testing.T) {
	p := newPlace(t)
	p.at("login").ok()
	got := p.at("logout").ok()
	if got.stdout != "Signed out as user-1 at "+p.provider.Issuer+".\n" {
		t.Errorf("%q", got.stdout)
	}
	var hints []string
	for _, r := range p.provider.Requests(oidctest.Revoke) {
		hints = append(hints, r.Form.Get("token_type_hint"))
	}
	if strings.Join(hints, " ") != "refresh_token access_token" || !p.provider.Sessions()[0].Ended {
		t.Errorf("revoked %q, session %+v", hints, p.provider.Sessions()[0])
	}
	p.at("logout").ok().prints("Not signed in.")
	p.at("get-token").ok()
	p.counts(oidctest.GrantRefresh, 0)
	p.counts(oidctest.GrantPassword, 2)
}

// What cannot be revoked is forgotten all the same, and said.
func TestLogoutThatCannotRevoke(t *testing.T) {
	for text, trouble := range map[string]oidctest.Option{
		"answered 503":              oidctest.Break(oidctest.Revoke, oidctest.Status(http.StatusServiceUnavailable, 0)),
		"answered invalid_client":   oidctest.Break(oidctest.Revoke, oidctest.Refuse(http.StatusUnauthorized, "invalid_client", oidctest.ControlText, nil)),
		"not offer revocation":      oidctest.NoRevocation(),
		"discovery document at 127": oidctest.Break(oidctest.Discovery, oidctest.Cut()),
		"larger than":               oidctest.Break(oidctest.Revoke, oidctest.Endless()),
		"calls itself":              oidctest.OtherIssuer("https://evil.example"),
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.at("login").ok()
			p.provider.Apply(trouble)
			got := p.at("logout")
			note, rest, _ := strings.Cut(got.stderr, "\n")
			if got.code != 0 || rest != "" || !strings.HasPrefix(note, "note: forgotten here, but not revoked at the provider: ") ||
				!strings.Contains(note, text) || strings.ContainsAny(note, "\x1b\a\r") {
				t.Errorf("code %d, %q", got.code, got.stderr)
			}
			got.prints("Signed out as user-1")
			if p.cached() != 0 {
				t.Error("it is still there")
			}
		})
	}
}

// --all ends every entry, each with the client and the trust that it was made
// with, though no kubeconfig names it any more.
func TestLogoutAll(t *testing.T) {
	p := newPlace(t, oidctest.TLS())
	ca := p.write(string(p.provider.CAPEM()), "ca.pem")
	p.run("logout", "--all").ok().prints("Nothing is cached.")
	p.env["KUBECRED_PASSWORD"] = ""
	password := "--password=alice's password"
	p.at("login", "--certificate-authority="+ca, password).ok()
	p.at("login", "--certificate-authority="+ca, password, "--oidc-extra-scope=email").ok()
	if err := os.Remove(ca); err != nil {
		t.Fatal(err)
	}
	p.run("logout", "--all").ok().prints("Signed out as alice@example.com").prints("Signed out as user-1")
	if n := p.provider.Count(oidctest.Revoke); n != 4 || p.cached() != 0 {
		t.Errorf("%d revocations, %d entries", n, p.cached())
	}
}

// An entry that does not open is forgotten as well; there is nothing to revoke.
func TestLogoutOfADamagedEntry(t *testing.T) {
	p := newPlace(t)
	p.at("login").ok()
	p.damage()
	p.run("status").ok().prints("damaged")
	p.at("login").ok() // sets it aside
	if p.cached() != 2 {
		t.Fatalf("%d entries", p.cached())
	}
	p.run("logout", "--all").ok()
	if p.cached() != 0 {
		t.Error("something is left")
	}
	p.at("login").ok()
	p.damage()
	if got := p.at("logout"); got.code != 0 || p.cached() != 0 {
		t.Errorf("code %d, %s", got.code, got.stderr)
	}
}

// A refresh in flight cannot bring the entry back: logout waits for its lock.
func TestLogoutWaitsForARefresh(t *testing.T) {
	p := newPlace(t)
	p.at("login").ok()
	p.passed += 2 * time.Hour
	release := make(chan struct{})
	p.provider.Apply(oidctest.Break(oidctest.Token, oidctest.Hang(release)))
	refreshed, left := make(chan outcome), make(chan outcome)
	go func() { refreshed <- p.at("get-token") }()
	if err := p.provider.Await(within(t), oidctest.Token, 2); err != nil {
		t.Fatal(err)
	}
	go func() { left <- p.at("logout") }()
	close(release)
	(<-refreshed).ok()
	(<-left).ok()
	if p.cached() != 0 {
		t.Error("the entry came back")
	}
}

// The secret of a client is not kept with the entry: without it, logout --all
// forgets and says that it could not revoke.
func TestLogoutAllOfAConfidentialClient(t *testing.T) {
	p := newPlace(t, oidctest.Confidential("client_secret_basic", "s3cret"))
	p.at("login", "--oidc-client-secret=s3cret").ok()
	got := p.run("logout", "--all")
	if got.code != 0 || !strings.HasPrefix(got.stderr, "note: forgotten here, but not revoked") {
		t.Errorf("code %d, %q", got.code, got.stderr)
	}
	p.at("login", "--oidc-client-secret=s3cret").ok()
	p.at("logout", "--oidc-client-secret=s3cret").ok()
}
