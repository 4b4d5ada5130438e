package cmd

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/kubecred/kubecred/execcred"
	"github.com/kubecred/kubecred/internal/oidctest"
)

// How a session lives on, ends, and what a failure may cost.

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	first := p.at("get-token").ok().token()
	for n := 1; n <= 3; n++ { // each sends what the one before has stored
		p.passed += 61 * time.Minute
		if token := p.at("get-token").ok().token(); token == first {
			t.Error("the expired token was served again")
		}
		p.counts(oidctest.GrantRefresh, n)
	}
	p.counts(oidctest.GrantPassword, 1)
	if s := p.provider.Sessions()[0]; s.Reused || s.Refreshes != 3 {
		t.Errorf("session = %+v", s)
	}
}

// Each kubectl is a client of its own, though all of them say the same; only
// one that asks again itself was probably refused.
func TestAnotherClientIsNoRefusal(t *testing.T) {
	t.Parallel()
	onUnix(t) // elsewhere there is no runtime folder
	p := newPlace(t)
	runtime := p.path("run")
	if err := os.Mkdir(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	p.env[execcred.EnvExecInfo] = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}`
	ask := func(parent string) {
		t.Helper()
		a := p.app(io.Discard, io.Discard, "get-token", "--oidc-issuer-url="+p.provider.Issuer, "--oidc-client-id="+oidctest.ClientID)
		a.parent, a.files.Runtime = func() string { return parent }, runtime
		if code := a.run(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
	for n := range 5 {
		ask(fmt.Sprint("kubectl ", n))
	}
	p.counts(oidctest.GrantRefresh, 0)
	ask("kubectl 4")
	p.counts(oidctest.GrantRefresh, 1)
}

func TestForceRefresh(t *testing.T) {
	p := newPlace(t)
	first := p.at("get-token", "--force-refresh").ok().token()
	p.counts(oidctest.GrantRefresh, 0)
	if p.at("get-token", "--force-refresh").ok().token() == first {
		t.Error("the same token was served")
	}
	p.counts(oidctest.GrantRefresh, 1)
}

// Many at once: one login, and later one refresh, whose token all print.
func TestOneForMany(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, grant := range []string{oidctest.GrantPassword, oidctest.GrantRefresh} {
		all := make(chan outcome)
		for range 8 {
			go func() { all <- p.at("get-token") }()
		}
		first := (<-all).ok().token()
		for range 7 {
			if (<-all).ok().token() != first {
				t.Error("two tokens were printed")
			}
		}
		p.counts(grant, 1)
		p.passed += 61 * time.Minute
	}
	if s := p.provider.Sessions(); len(s) != 1 || s[0].Reused {
		t.Errorf("sessions %+v", s)
	}
}

// Only the provider's own word ends a session; nothing else leads to a login.
func TestNetworkTroubleKeepsTheSession(t *testing.T) {
	for name, trouble := range map[string]oidctest.Option{
		"503 at the token endpoint": oidctest.Break(oidctest.Token, oidctest.Status(http.StatusServiceUnavailable, 0)),
		"429":                       oidctest.Break(oidctest.Token, oidctest.Status(http.StatusTooManyRequests, 30)),
		"cut":                       oidctest.Break(oidctest.Token, oidctest.Cut()),
		"503 at discovery":          oidctest.Break(oidctest.Discovery, oidctest.Status(http.StatusServiceUnavailable, 0)),
		"503 at the keys":           oidctest.Break(oidctest.JWKS, oidctest.Status(http.StatusServiceUnavailable, 0)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.at("get-token").ok()
			p.passed += time.Hour
			p.provider.Apply(trouble)
			p.at("get-token").fails(exitNetwork, "the provider's").hints("check the connection")
			p.passed += 6 * time.Second // a failed network is remembered for five
			p.provider.Apply(oidctest.Mend(oidctest.Token), oidctest.Mend(oidctest.Discovery), oidctest.Mend(oidctest.JWKS))
			p.at("get-token").ok()
			p.counts(oidctest.GrantPassword, 1)
		})
	}
}

func TestEndedSession(t *testing.T) {
	p := newPlace(t)
	p.at("get-token").ok()
	p.provider.EndSessions()
	p.passed += time.Hour
	password := p.env["KUBECRED_PASSWORD"]
	p.env["KUBECRED_PASSWORD"] = ""
	p.at("get-token").fails(exitLoginNeeded, "needs you")
	p.at("get-token").fails(exitLoginNeeded, "needs you")
	p.counts(oidctest.GrantRefresh, 1) // the dead token is sent once
	p.env["KUBECRED_PASSWORD"] = password
	p.at("get-token").ok()
	p.counts(oidctest.GrantPassword, 2)
}

// A credential is renewed when less than 5m10s are left, or a third of a short
// life. While it lives, no failure is one.
func TestEarlyRenewal(t *testing.T) {
	p := newPlace(t)
	first := p.at("get-token").ok().token()
	p.passed += 54 * time.Minute
	if p.at("get-token").ok().token() != first {
		t.Error("it was renewed too early")
	}
	p.passed += time.Minute
	living := p.at("get-token").ok().token()
	if living == first {
		t.Error("it was not renewed")
	}
	p.counts(oidctest.GrantRefresh, 1)
}

// While a credential lives, no failure to renew it is one, and none is told of.
func TestEarlyRenewalFails(t *testing.T) {
	for name, trouble := range map[string]oidctest.Option{
		"503":                    oidctest.Break(oidctest.Token, oidctest.Status(http.StatusServiceUnavailable, 0)),
		"a web page":             oidctest.Break(oidctest.Token, oidctest.NotJSON()),
		"a broken discovery":     oidctest.Break(oidctest.Discovery, oidctest.Body(http.StatusOK, "application/json", "{}")),
		"no ID token":            oidctest.NoIDTokenOnRefresh(),
		"a token for another":    oidctest.SubjectChanges(),
		"a lost answer":          oidctest.Break(oidctest.Token, oidctest.LostResponse()),
		"the end of the session": oidctest.Break(oidctest.Token, oidctest.Refuse(http.StatusBadRequest, "invalid_grant", "", nil)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			living := p.at("get-token").ok().token()
			p.passed += 56 * time.Minute
			p.provider.Apply(trouble)
			for range 2 {
				if p.at("get-token").ok().token() != living {
					t.Error("another token was served")
				}
			}
			p.counts(oidctest.GrantPassword, 1)
		})
	}
}

func TestNoIDTokenOnRefresh(t *testing.T) {
	p := newPlace(t)
	p.at("get-token").ok()
	p.at("get-token", "--oidc-use-access-token").ok()
	p.passed += time.Hour
	p.provider.Apply(oidctest.NoIDTokenOnRefresh())
	p.at("get-token").fails(exitDenied, "no ID token on refresh: let the provider issue ID tokens on refresh").hints("--oidc-use-access-token")
	p.at("get-token", "--oidc-use-access-token").ok()
	p.counts(oidctest.GrantPassword, 2)
}

// What such a provider rotated is kept all the same: sent again, the spent token
// would end the session for reuse, also once the provider's setting is mended.
func TestNoIDTokenOnRefreshKeepsTheSession(t *testing.T) {
	p := newPlace(t)
	p.at("get-token").ok()
	p.passed += time.Hour
	p.provider.Apply(oidctest.NoIDTokenOnRefresh())
	p.at("get-token").fails(exitDenied, "no ID token on refresh")
	p.provider.Apply(oidctest.Unedited(oidctest.Token))
	p.at("get-token").ok()
	p.counts(oidctest.GrantPassword, 1)
	if s := p.provider.Sessions()[0]; s.Reused || s.Ended {
		t.Errorf("session %+v", s)
	}
}

// A provider without refresh tokens means a login each time, and is no error.
func TestNoRefreshToken(t *testing.T) {
	p := newPlace(t, oidctest.NoRefreshToken())
	p.at("get-token").ok()
	p.run("status").ok().prints("  no ")
	p.passed += time.Hour
	p.at("get-token").ok()
	p.counts(oidctest.GrantPassword, 2)
	p.counts(oidctest.GrantRefresh, 0)
}

func TestCacheOfNothing(t *testing.T) {
	p := newPlace(t)
	for range 2 {
		p.at("get-token", "--token-cache-storage=none").ok()
	}
	p.counts(oidctest.GrantPassword, 2)
	for _, folder := range []string{"file", "keyring", "kernel"} {
		if _, err := os.Stat(p.path(".cache", folder)); err == nil {
			t.Errorf("there is a folder %s", folder)
		}
	}
}
