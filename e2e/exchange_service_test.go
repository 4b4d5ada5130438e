package e2e

// The service as its operators run it: what it keeps, and what it tells nobody.

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/exchange"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/slapd"
	"github.com/kubecred/kubecred/ldapexchange"
)

// A copy of the state may lack a revocation, so that nothing from before it was restored is believed.
func TestRestoredStateBelievesNothingOlder(t *testing.T) {
	t.Parallel()
	s := newStaff(t, ownExchange(t))
	tokens, err := s.x.SignIn(t.Context(), s.account, exchange.Here)
	s.must(err)
	s.reviewed("before", exchange.Here, tokens.ID, true)
	backup := filepath.Join(s.Home, "backup.db")
	_, err = s.x.Operate(t.Context(), "backup", backup)
	s.must(err)
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	_, err = s.x.Operate(t.Context(), "revoke", "all")
	s.must(err)
	s.x.Halt()
	s.must(s.x.Restore(backup))
	s.must(s.x.Resume(t.Context()))
	s.reviewed("after", exchange.Here, tokens.ID, false)
	again, err := s.x.Token(t.Context(), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}})
	if err != nil || again.Error != "invalid_grant" {
		t.Errorf("the refresh answered %q, %v", again.Error, err)
	}
	anew, err := s.x.SignIn(t.Context(), s.account, exchange.Here)
	s.must(err)
	s.reviewed("anew", exchange.Here, anew.ID, true)
}

// Many processes renew at once. The exchange ends a session whose refresh token comes twice; this one lives.
func TestManyAtOnceRenewOnceAtTheExchange(t *testing.T) {
	t.Parallel()
	s := newStaff(t, theExchange(t))
	flags := s.kept("--audience=" + exchange.Here)
	credentialOf(s.person, s.getToken(desk.Null, flags...))
	var all sync.WaitGroup
	for range many / 2 {
		all.Go(func() { s.getToken(desk.Null, append(flags, "--force-refresh")...) })
	}
	all.Wait()
	last := credentialOf(s.person, s.getToken(desk.Null, append(flags, "--force-refresh")...)).Token
	s.reviewed("the last", exchange.Here, last, true)
	s.decided("password", "granted", "", 1)
	s.decided("refresh", "refused", "reused", 0)
}

// Nothing that somebody could sign in with is in the log at its fullest, the audit or the state: not what people send, what the exchange gives, nor what it keeps for itself.
func TestExchangeTellsNoSecret(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.OpenLDAP)
	s, d := withOpenLDAP(t)
	tokens, err := s.x.SignIn(t.Context(), s.account, exchange.Here)
	s.must(err)
	renewed, err := s.x.Token(t.Context(), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}})
	s.must(err)
	last, err := s.x.Token(t.Context(), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {renewed.Refresh}})
	s.must(err)
	s.reviewed("the last", exchange.Here, last.ID, true)
	reused, err := s.x.Token(t.Context(), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}})
	if err != nil || reused.Error != "invalid_grant" {
		t.Errorf("a spent refresh token: %q, %v", reused.Error, err)
	}
	s.reviewed("a session whose refresh token came twice", exchange.Here, last.ID, false)
	const wrong = "a wrong passw0rd"
	_, err = s.x.Token(t.Context(), url.Values{
		"grant_type": {"password"}, "username": {s.account}, "password": {wrong}, "scope": {"openid"},
	})
	s.must(err)
	_, err = s.x.Review(t.Context(), exchange.There, tokens.Access)
	s.must(err)
	key, err := ldapexchange.NewKey()
	s.must(err)
	csr, err := key.CSR()
	s.must(err)
	_, err = s.x.Credentials(t.Context(), tokens.Refresh, exchange.Here, csr)
	s.must(err)
	d.Halt()
	s.x.SignIn(t.Context(), s.account, exchange.Here) // fails, and is told of
	checked, _ := s.x.Operate(t.Context(), "check", "--user", s.account)

	told := s.files(s.x.Kept())
	told["check"] = checked
	for file, event := range map[string]string{"kubecred-exchange.log": "the directory's server failed", "audit.log": `"reused"`} {
		if text := told[filepath.Join(s.x.Kept(), file)]; !strings.Contains(text, event) {
			t.Errorf("%s does not tell of %s: %s", file, event, text)
		}
	}
	for name, secret := range map[string]string{
		"the password": strings.TrimSpace(exchange.Password), "a wrong password": wrong, "the service's password": slapd.ServicePassword,
		"an ID token": tokens.ID, "its signature": tokens.ID[strings.LastIndex(tokens.ID, ".")+1:], "an access token": tokens.Access,
		"a refresh token": tokens.Refresh, "the next": renewed.Refresh, "the last": last.Refresh,
	} {
		for file, text := range told {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in %s", name, file)
			}
		}
	}
}
