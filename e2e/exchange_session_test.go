package e2e

// What happens to a session at the exchange: it is renewed, revoked, ended with the account, and lives
// through a restart and a new key.

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/exchange"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// ownExchange is one that a test may end and break.
func ownExchange(t *testing.T) *exchange.Exchange {
	t.Helper()
	x, err := exchange.Start(t.Context(), exchange.Options{Program: exchangeProgram(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Stop)
	return x
}

// session is the person's only one, as operators see it.
func (s staff) session() string {
	s.t.Helper()
	out, err := s.x.Operate(s.t.Context(), "sessions", "--output=json")
	s.must(err)
	var all []struct{ ID, User string }
	s.must(json.Unmarshal([]byte(out), &all))
	var mine []string
	for _, one := range all {
		if one.User == exchange.Prefix+s.account {
			mine = append(mine, one.ID)
		}
	}
	if len(mine) != 1 {
		s.t.Fatalf("%s has the sessions %q; all: %s", s.account, mine, out)
	}
	return mine[0]
}

// signedIn signs in by typing and returns the flags that find the session, and the token.
func (s staff) signedIn(more ...string) (flags []string, token string) {
	s.t.Helper()
	flags = s.typed(more...)
	r := s.start(desk.Terminal, s.program, append([]string{"get-token"}, flags...)...)
	s.typePassword(r)
	return flags, credentialOf(s.person, s.finish(r)).Token
}

// An operator revokes a session: reviews refuse its token at once, its refresh token is worth nothing, and
// the person signs in anew.
func TestRevokedSessionIsOver(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Terminal)
	s := newStaff(t, theExchange(t))
	flags, token := s.signedIn("--audience=" + exchange.Here)
	other, err := s.x.SignIn(t.Context(), exchange.Settler, exchange.Here)
	s.must(err)
	s.reviewed("before", exchange.Here, token, true)
	_, err = s.x.Operate(t.Context(), "revoke", "session", s.session())
	s.must(err)
	s.reviewed("after", exchange.Here, token, false)
	if status, err := s.x.Review(t.Context(), exchange.Here, other.ID); err != nil || !status.Authenticated {
		t.Errorf("another's session: %+v, %v", status, err)
	}

	refused := s.getToken(desk.Null, append(flags, "--force-refresh")...)
	if refused.Code != 3 || refused.Stdout != "" || !strings.Contains(refused.Stderr, "hint:") {
		t.Errorf("with nobody to ask, get-token exited with %d, printed %q and said %q", refused.Code, refused.Stdout, refused.Stderr)
	}
	r := s.start(desk.Terminal, s.program, append([]string{"get-token", "--force-refresh"}, flags...)...)
	s.typePassword(r)
	anew := credentialOf(s.person, s.finish(r)).Token
	s.reviewed("anew", exchange.Here, anew, true)
	s.reviewed("the old token", exchange.Here, token, false)
}

// A user is revoked by the name that clusters know, with every session.
func TestRevokedUserIsOut(t *testing.T) {
	t.Parallel()
	s := newStaff(t, theExchange(t))
	var tokens []exchange.Tokens
	for range 2 {
		one, err := s.x.SignIn(t.Context(), s.account, exchange.Here)
		s.must(err)
		tokens = append(tokens, one)
	}
	_, err := s.x.Operate(t.Context(), "revoke", "user", exchange.Prefix+s.account)
	s.must(err)
	for _, one := range tokens {
		s.reviewed("after", exchange.Here, one.ID, false)
		again, err := s.x.Token(t.Context(), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {one.Refresh}})
		if err != nil || again.Error != "invalid_grant" || again.ID != "" {
			t.Errorf("the refresh answered %q, %v", again.Error, err)
		}
	}
}

// Logout ends the session at the exchange, so that what was shown to a cluster is refused.
func TestLogoutRevokesAtTheExchange(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Terminal)
	s := newStaff(t, theExchange(t))
	flags, token := s.signedIn("--audience=" + exchange.Here)
	s.reviewed("before", exchange.Here, token, true)
	if out := s.run(desk.Null, s.program, append([]string{"logout"}, flags...)...); out.Code != 0 {
		t.Fatalf("logout exited with %d: %s%s", out.Code, out.Stdout, out.Stderr)
	}
	s.decided("revoke", "granted", "", 2) // the refresh token, with the session, and the access token
	s.reviewed("after", exchange.Here, token, false)
}

// An account that is disabled gets nothing more at the next refresh, nor by its password; what it held is
// refused. Enabled again, it signs in anew.
func TestDisabledAccountEndsAtTheRefresh(t *testing.T) {
	t.Parallel()
	s := newStaff(t, theExchange(t))
	flags := s.kept("--audience=" + exchange.Here)
	token := credentialOf(s.person, s.getToken(desk.Null, flags...)).Token
	s.put(true)
	ended := s.getToken(desk.Null, append(flags, "--force-refresh")...)
	if ended.Code == 0 || ended.Stdout != "" || !strings.Contains(ended.Stderr, "the account is disabled") {
		t.Errorf("get-token exited with %d, printed %q and said %q", ended.Code, ended.Stdout, ended.Stderr)
	}
	s.decided("refresh", "refused", "account disabled", 1)
	s.reviewed("after", exchange.Here, token, false)
	s.put(false)
	if out := s.run(desk.Null, s.program, append([]string{"login"}, flags...)...); out.Code != 0 {
		t.Fatalf("login exited with %d: %s%s", out.Code, out.Stdout, out.Stderr)
	}
	s.reviewed("anew", exchange.Here, credentialOf(s.person, s.getToken(desk.Null, flags...)).Token, true)
}

// Sessions, revocations and keys live on when the service is started again; while it is away nothing that
// is cached is lost.
func TestRestartKeepsSessions(t *testing.T) {
	t.Parallel()
	s := newStaff(t, ownExchange(t))
	flags := s.kept("--audience=" + exchange.Here)
	token := credentialOf(s.person, s.getToken(desk.Null, flags...)).Token
	revoked, err := s.x.SignIn(t.Context(), exchange.Settler, exchange.Here)
	s.must(err)
	_, err = s.x.Operate(t.Context(), "revoke", "user", exchange.Settler)
	s.must(err)

	s.x.Halt()
	if cached := credentialOf(s.person, s.getToken(desk.Null, flags...)).Token; cached != token {
		t.Error("another token came from the cache")
	}
	s.must(s.x.Resume(t.Context()))

	s.reviewed("after the restart", exchange.Here, token, true)
	if status, err := s.x.Review(t.Context(), exchange.Here, revoked.ID); err != nil || status.Authenticated {
		t.Errorf("what was revoked before the restart: %+v, %v", status, err)
	}
	renewed := s.getToken(desk.Null, append(flags, "--force-refresh")...)
	if again := credentialOf(s.person, renewed).Token; again == token {
		t.Error("the token was not renewed")
	}
	s.decided("password", "granted", "", 1)
	s.decided("refresh", "granted", "", 1)
}

// kubectl is refused at once, asks nobody for a password, and works again when the person has signed in.
func TestRevokedSessionStopsKubectl(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.Terminal)
	s := newStaff(t, theExchange(t))
	flags, _ := s.signedIn("--audience=" + exchange.Here)
	s.writeExec(kubeconfig.V1, flags...)
	_, err := s.x.Operate(t.Context(), "revoke", "session", s.session())
	s.must(err)
	s.refused(s.finish(s.whoAmI(desk.Null)))
	r := s.start(desk.Terminal, s.program, append([]string{"login", "--force-refresh"}, flags...)...)
	s.typePassword(r)
	if out := s.finish(r); out.Code != 0 {
		t.Fatalf("login exited with %d: %s%s", out.Code, out.Stdout, out.Stderr)
	}
	s.sees(s.finish(s.whoAmI(desk.Null)))
	s.decided("password", "granted", "", 2)
}
