package e2e

// The exchange in front of a real OpenLDAP, from kubectl to the bind. The API server trusts its certificates:
// it signs with the same authority as the exchange that has a file of users.

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/exchange"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/slapd"
)

// withOpenLDAP is somebody in a directory of the test's own, with two groups, one within the other.
func withOpenLDAP(t *testing.T) (staff, *slapd.Server) {
	t.Helper()
	d := slapd.Run(t)
	x, err := exchange.Start(t.Context(), exchange.Options{
		Program: exchangeProgram(t), LDAP: ldap(t, d), CAs: theExchange(t).CAs,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Stop)
	s := atDesk(t, x)
	s.must(d.Add(
		slapd.Record{DN: entry(s), Pairs: []string{"objectClass", "inetOrgPerson", "uid", s.account, "cn", "Zoë", "sn", "Ö", "userPassword", exchange.Password}},
		slapd.Record{DN: "cn=ops," + slapd.Groups, Pairs: []string{"objectClass", "groupOfNames", "cn", "ops", "member", entry(s)}},
		slapd.Record{DN: "cn=all," + slapd.Groups, Pairs: []string{"objectClass", "groupOfNames", "cn", "all", "member", "cn=ops," + slapd.Groups}},
	))
	return s, d
}

func entry(s staff) string { return "uid=" + s.account + "," + slapd.People }

// ldap is the section of the configuration.
func ldap(t *testing.T, d *slapd.Server) string {
	t.Helper()
	dir := t.TempDir()
	ca, password := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "password")
	for file, content := range map[string][]byte{ca: d.CA, password: []byte(slapd.ServicePassword)} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("{preset: groupOfNames, urls: [%q], caFile: %q, bindDN: %q, bindPasswordFile: %q, userBase: %q, policyDN: %q, groups: {base: %q}}",
		d.LDAPS, ca, slapd.Service, password, slapd.People, slapd.DefaultPolicy, slapd.Groups)
}

// kubectl shows what the directory says: the name in its spelling, groups and their groups, and the entry's
// UUID. A lock between two refreshes ends the session.
func TestOpenLDAPToKubectl(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	s, d := withOpenLDAP(t)
	flags := s.kept("--credential=certificate", "--exchange-cluster="+exchange.Here)
	s.writeExec(kubeconfig.V1, append(flags, "--username= "+strings.ToUpper(s.account))...)
	who := s.seen(s.finish(s.whoAmI(desk.Null)))
	groups := []string{exchange.GroupPrefix + "all", exchange.GroupPrefix + "ops", "system:authenticated"}
	if who.Username != exchange.Prefix+s.account || len(who.UID) != 36 || !slices.Equal(slices.Sorted(slices.Values(who.Groups)), groups) {
		t.Errorf("the API server sees %+v", who)
	}

	token := s.kept("--audience=" + exchange.Here)
	first := credentialOf(s.person, s.getToken(desk.Null, token...)).Token
	status, err := s.x.Review(t.Context(), exchange.Here, first)
	s.must(err)
	if status.User.UID != who.UID || !slices.Equal(status.User.Groups, groups[:2]) {
		t.Errorf("the API server is told %+v of the token", status.User)
	}
	s.must(d.Modify(slapd.Record{DN: entry(s), Pairs: []string{"changetype", "modify", "replace", "pwdAccountLockedTime", "pwdAccountLockedTime", "000001010000Z"}}))
	ended := s.getToken(desk.Null, append(token, "--force-refresh")...)
	if ended.Code == 0 || ended.Stdout != "" || !strings.Contains(ended.Stderr, "the account is locked") {
		t.Errorf("get-token exited with %d, printed %q and said %q", ended.Code, ended.Stdout, ended.Stderr)
	}
	s.reviewed("after", exchange.Here, first, false)
}

// The directory counts failures itself, five to a lock: a password file that is out of date is one of them,
// though kubectl runs the plugin again and again.
func TestStalePasswordFileLocksNoAccount(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	s, _ := withOpenLDAP(t)
	flags := s.kept("--credential=certificate", "--exchange-cluster="+exchange.Here)
	s.writeExec(kubeconfig.V1, flags...)
	s.keep("an old one")
	for range 2 {
		s.refused(s.run(desk.Null, kubectl(t), "get", "pods"))
	}
	s.keep(exchange.Password)
	if out := s.run(desk.Null, s.program, append([]string{"login"}, flags...)...); out.Code != 0 {
		t.Errorf("login exited with %d: %s", out.Code, out.Stderr)
	}
	s.decided("password", "refused", "credentials", 1)
	s.seen(s.finish(s.whoAmI(desk.Null)))
}

// A directory that is away is no wrong password and ends no session; a review needs none.
func TestDirectoryThatIsAway(t *testing.T) {
	t.Parallel()
	s, d := withOpenLDAP(t)
	flags := s.kept("--audience=" + exchange.Here)
	token := credentialOf(s.person, s.getToken(desk.Null, flags...)).Token
	other, err := s.x.SignIn(t.Context(), s.account, exchange.Here)
	s.must(err)
	d.Halt()
	s.reviewed("with the directory away", exchange.Here, token, true)
	if again := credentialOf(s.person, s.getToken(desk.Null, flags...)).Token; again != token {
		t.Error("another token came from the cache")
	}
	for name, form := range map[string]url.Values{
		"a refresh":  {"grant_type": {"refresh_token"}, "refresh_token": {other.Refresh}},
		"a password": {"grant_type": {"password"}, "username": {s.account}, "password": {exchange.Password}, "scope": {"openid"}},
	} {
		if got, err := s.x.Token(t.Context(), form); err != nil || got.Error != "temporarily_unavailable" {
			t.Errorf("%s: %q (%s), %v", name, got.Error, got.Text, err)
		}
	}
	s.must(d.Resume(t.Context()))
	credentialOf(s.person, s.getToken(desk.Null, append(flags, "--force-refresh")...))
	s.decided("refresh", "granted", "", 1)
	s.decided("password", "granted", "", 2)
	s.decided("password", "failed", "directory unavailable", 1)
}
