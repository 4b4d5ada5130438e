package cmd

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/exchangetest"
	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/settings"
)

// exchangePlace is a place whose provider is an exchange's. Its flags name it in
// each profile.
type exchangePlace struct {
	*place
	x *exchangetest.Exchange
}

func newExchange(t *testing.T, options ...oidctest.Option) exchangePlace {
	t.Helper()
	p := &place{t: t, home: t.TempDir(), env: map[string]string{"KUBECRED_TOKEN_CACHE_STORAGE": "file", "KUBECRED_USERNAME": "alice"}}
	x := exchangetest.Start(t, append([]oidctest.Option{oidctest.Clock(p.now)}, options...)...)
	p.provider = x.Provider
	p.env["KUBECRED_PASSWORD"] = x.Provider.Issuer + " alice's password"
	return exchangePlace{p, x}
}

func (p exchangePlace) oauth2(more ...string) []string {
	return append([]string{"--exchange-url=" + p.x.Provider.Issuer}, more...)
}

func (p exchangePlace) certificate(more ...string) []string {
	return p.oauth2(append([]string{"--credential=certificate", "--exchange-cluster=prod"}, more...)...)
}

func (p exchangePlace) beside(profile string, more ...string) []string {
	p.env["KUBECRED_PASSWORD"] = p.x.URL + " alice's password"
	return append([]string{"--exchange-url=" + p.x.URL, "--exchange-profile=" + profile}, more...)
}

func (p exchangePlace) getToken(flags []string) outcome {
	return p.run(append([]string{"get-token"}, flags...)...)
}

// gave holds that a certificate of the exchange's, and its key, were printed.
func (p exchangePlace) gave(o outcome) {
	p.t.Helper()
	var printed struct {
		Status struct {
			Certificate string `json:"clientCertificateData"`
			Key         string `json:"clientKeyData"`
		} `json:"status"`
	}
	if err := json.Unmarshal([]byte(o.ok().stdout), &printed); err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.x.Verify(printed.Status.Certificate, printed.Status.Key); err != nil {
		p.t.Error(err)
	}
}

// One process at a time sends a kept password, and once it was refused the
// others do not: here twenty clusters whose credentials end at one time.
func TestStalePasswordIsSentOnce(t *testing.T) {
	p := newExchange(t)
	p.provider.Apply(oidctest.Break(oidctest.Token, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		// Whoever would send it too has the time to.
		within, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_ = p.provider.Await(within, oidctest.Token, 2)
		serve(w, r)
	}))
	p.env["KUBECRED_PASSWORD"] = p.x.Provider.Issuer + " an old one"
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			var stdout, stderr bytes.Buffer
			args := append([]string{"get-token", "--audience=" + string(rune('a'+i))}, p.oauth2()...)
			if code := p.app(&stdout, &stderr, args...).run(); code != exitDenied || stdout.Len() > 0 || !twoLines(stderr.String()) {
				t.Errorf("exit code %d, %s", code, &stderr)
			}
		})
	}
	all.Wait()
	p.counts(oidctest.GrantPassword, 1)
	// Another name at the same exchange is another account.
	p.getToken(p.oauth2("--username=bob")).fails(exitDenied, "invalid_grant")
	p.counts(oidctest.GrantPassword, 2)
}

// What is remembered is sealed, salted, and holds nothing of the password; and
// a good password takes it away.
func TestRefusalIsSealed(t *testing.T) {
	p := newExchange(t)
	p.env["KUBECRED_PASSWORD"] = p.x.Provider.Issuer + " canary"
	p.getToken(p.oauth2()).fails(exitDenied, "invalid_grant")
	first := p.refusals()
	p.run(append([]string{"login"}, p.oauth2()...)...).fails(exitDenied, "invalid_grant")
	second := p.refusals()
	if len(first) != 1 || len(second) != 1 || first[0] == second[0] || strings.Contains(first[0], "canary") {
		t.Fatalf("sealed %q, then %q", first, second)
	}
	var held refusal
	if err := json.Unmarshal([]byte(first[0]), &held); err != nil || len(held.Refused.Salt) != 32 || len(held.Refused.Sum) != 32 {
		t.Errorf("%q, %v", first[0], err)
	}
	p.noClearText("canary")
	p.afresh()
	p.env["KUBECRED_PASSWORD"] = p.x.Provider.Issuer + " alice's password"
	p.getToken(p.oauth2()).ok()
	if left := p.refusals(); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

// refusals are the payloads of what is sealed and is no entry.
func (p exchangePlace) refusals() []string {
	p.t.Helper()
	store, err := cache.Open(cache.Options{Dir: p.path(".cache"), Storage: cache.File})
	if err != nil {
		p.t.Fatal(err)
	}
	items, err := store.List(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	var found []string
	for _, item := range items {
		if isRefusal(item.Record) {
			found = append(found, string(item.Record.Payload))
		}
	}
	return found
}

// noClearText holds that no file and no file's name has any of the words.
func (p exchangePlace) noClearText(words ...string) {
	p.t.Helper()
	err := filepath.Walk(p.home, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, word := range words {
			if strings.Contains(string(data)+path, word) {
				p.t.Errorf("%s holds %q", path, word)
			}
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// logout --all takes what is remembered of passwords too.
func TestLogoutForgetsRefusals(t *testing.T) {
	p := newExchange(t)
	p.env["KUBECRED_PASSWORD"] = p.x.Provider.Issuer + " an old one"
	p.getToken(p.oauth2()).fails(exitDenied, "invalid_grant")
	p.run("status").ok().prints("Nothing is cached.")
	p.run("logout", "--all").ok().prints("Nothing is cached.")
	if left := p.refusals(); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

// An exchange that gives no certificates is found out before a password is
// sent, and before a session is spent.
func TestNoCertificatesToBeHad(t *testing.T) {
	p := newExchange(t)
	p.gave(p.getToken(p.certificate()))
	p.provider.Apply(oidctest.Drop(oidctest.Discovery, "kubernetes_credentials_endpoint"))
	p.passed = 2 * time.Hour
	p.getToken(p.certificate()).fails(exitConfig, "the provider does not offer certificates")
	p.getToken(p.certificate("--audience=other")).fails(exitConfig, "the provider does not offer certificates")
	p.counts(oidctest.GrantPassword, 1)
	p.counts(oidctest.GrantRefresh, 0)
	// Nor may it be on another machine in clear text, or on this one for one that is not.
	p.provider.Apply(oidctest.Set(oidctest.Discovery, "kubernetes_credentials_endpoint", "http://exchange.example/v1/credentials"))
	p.getToken(p.certificate()).fails(exitDenied, "kubernetes_credentials_endpoint: the URL begins with http://")
}

// A certificate that is not for our key is not stored, and a session that was
// renewed for it is.
func TestBadCertificateKeepsTheSession(t *testing.T) {
	p := newExchange(t)
	p.gave(p.getToken(p.certificate()))
	var other []byte
	p.x.Edit(func(good []byte) []byte {
		if other == nil {
			other = good
		}
		return other
	})
	p.gave(p.getToken(p.certificate("--audience=other"))) // the first answer is kept
	p.passed = 2 * time.Hour
	p.x.Lifetime(4 * time.Hour)
	for range 2 {
		p.getToken(p.certificate()).fails(exitDenied, "its certificate is for another key").hints("--exchange-url")
	}
	p.x.Edit(func(good []byte) []byte { return good })
	p.gave(p.getToken(p.certificate()))
	p.counts(oidctest.GrantPassword, 2)
	p.counts(oidctest.GrantRefresh, 3)
}

// Nor is a session left at the exchange that a login began and nobody has.
func TestBadCertificateRevokesANewSession(t *testing.T) {
	p := newExchange(t)
	p.x.Answer(http.StatusForbidden)
	p.getToken(p.certificate()).fails(exitDenied, "403")
	if s := p.provider.Sessions(); len(s) != 1 || !s[0].Ended {
		t.Errorf("sessions %+v", s)
	}
	// What the person is told is why, whether or not that works.
	p.afresh()
	p.provider.Apply(oidctest.Break(oidctest.Revoke, oidctest.Status(http.StatusServiceUnavailable, 0)))
	p.getToken(p.certificate("--audience=other")).fails(exitDenied, "403")
	p.x.Answer(0)
	p.afresh()
	p.gave(p.getToken(p.certificate()))
	if s := p.provider.Sessions(); len(s) != 3 || s[2].Ended {
		t.Errorf("sessions %+v", s)
	}
}

// An exchange that repeats what it was sent tells nobody else.
func TestExchangeThatEchoes(t *testing.T) {
	const password = "canary password +%&="
	p := newExchange(t, oidctest.WithUser(oidctest.User{Sub: "user-3", PreferredUsername: "alice", Password: password}))
	p.env["KUBECRED_LOG"] = p.path("support.log")
	var shown strings.Builder
	for _, flags := range [][]string{p.beside("basic", "-v=9"), p.beside("native", "--exchange-cluster=prod", "-v=9")} {
		p.env["KUBECRED_PASSWORD"] = p.x.URL + " " + password
		for _, status := range []int{0, 400, 403, 404, 429, 500, 503} {
			p.x.Answer(status)
			got := p.getToken(flags)
			p.env["KUBECRED_TOKEN_CACHE_STORAGE"] = "none" // what was gotten is there to look through
			if (got.code == 0) != (status == 0) {
				t.Errorf("%d: exit code %d", status, got.code)
			}
			shown.WriteString(got.stderr)
			p.afresh()
		}
		p.x.Answer(0)
		p.x.Edit(func([]byte) []byte { return []byte(`{"token":"` + password + `"}`) })
		shown.WriteString(p.getToken(flags).stderr)
		p.x.Edit(func(good []byte) []byte { return good })
		p.afresh()
		p.env["KUBECRED_TOKEN_CACHE_STORAGE"] = "file"
	}
	secrets := []string{password, "PRIVATE KEY", "eyJ", "YWxpY2U6"}
	for _, secret := range secrets {
		if strings.Contains(shown.String()+p.read("support.log"), secret) {
			t.Errorf("%q was shown", secret)
		}
	}
	p.noClearText(secrets...)
}

// What a kept session cost is one password, for each of the profiles what it
// says, and a hit costs no request at all.
func TestHitAtAnExchange(t *testing.T) {
	p := newExchange(t)
	for name, flags := range map[string][]string{
		"token": p.oauth2(), "certificate": p.certificate(),
	} {
		first := p.getToken(flags).ok()
		sent := len(p.provider.All()) + len(p.x.Requests())
		if again := p.getToken(flags).ok(); again.stdout != first.stdout {
			t.Errorf("%s: another credential", name)
		}
		if n := len(p.provider.All()) + len(p.x.Requests()); n != sent {
			t.Errorf("%s: %d requests for a hit", name, n-sent)
		}
	}
}

// Nothing is sent to where a redirect leads, and logout revokes what it can.
func TestLogoutAtAnExchange(t *testing.T) {
	p := newExchange(t)
	p.gave(p.getToken(p.certificate()))
	p.run(append([]string{"logout"}, p.certificate()...)...).ok().prints("Signed out as user-1")
	var revoked []string
	for _, r := range p.provider.Requests(oidctest.Revoke) {
		revoked = append(revoked, r.Form.Get("token_type_hint"))
	}
	if !slices.Equal(revoked, []string{"refresh_token", "access_token"}) {
		t.Errorf("revoked %v", revoked)
	}
	flags := p.beside("native", "--exchange-cluster=prod")
	p.gave(p.getToken(flags))
	got := p.run("logout", "--all")
	if got.code != 0 || !strings.Contains(got.stderr, "not revoked at the provider: this exchange keeps no session") {
		t.Errorf("exit code %d, %s", got.code, got.stderr)
	}
}

// A password from standard input is read whole, but for the line end.
func TestPasswordStdin(t *testing.T) {
	p := newExchange(t, oidctest.WithUser(oidctest.User{Sub: "user-3", PreferredUsername: "alice", Password: " spaced: out "}))
	delete(p.env, "KUBECRED_PASSWORD")
	login := append([]string{"login", "--password-stdin"}, p.oauth2()...)
	for _, input := range []string{"", "\n", strings.Repeat("x", maxSecret+1)} {
		p.stdin = input
		p.run(login...).fails(exitConfig, "standard input")
	}
	p.counts(oidctest.GrantPassword, 0)
	p.stdin = " spaced: out \r\n"
	p.run(login...).ok().prints("Signed in as user-3")
	p.getToken(p.oauth2()).ok()
	p.counts(oidctest.GrantPassword, 1)
	delete(p.env, "KUBECRED_USERNAME")
	p.run(login...).fails(exitConfig, "whose password").hints("--username")
	// A provider's password too; and an exchange of a variable's does not get it.
	p.run("login", "--password-stdin", "--username=alice", "--oidc-issuer-url="+p.provider.Issuer, "--oidc-client-id=kubernetes").ok()
	p.env["KUBECRED_EXCHANGE_URL"] = p.provider.Issuer
	p.run("login", "--password-stdin", "--username=alice", "--audience=x").fails(exitConfig, "a kubeconfig or a variable alone says where").hints("profile of your own")
	p.write("profiles:\n  mine:\n    exchange-url: "+p.provider.Issuer+"\n", ".config", "kubecred", "config.yaml")
	delete(p.env, "KUBECRED_EXCHANGE_URL")
	p.run("login", "--password-stdin", "--username=alice", "--audience=x", "--profile=mine").ok()
	// Agreed before is enough, but not where a variable says whom to trust there.
	p.env["KUBECRED_EXCHANGE_URL"] = p.provider.Issuer
	p.write(p.provider.Issuer+"\n", ".config", "kubecred", "password-hosts")
	p.run("login", "--password-stdin", "--username=alice", "--audience=y").ok()
	p.env["KUBECRED_CERTIFICATE_AUTHORITY_DATA"] = base64.StdEncoding.EncodeToString(p.x.CAPEM())
	p.run("login", "--password-stdin", "--username=alice", "--audience=z").fails(exitConfig, "a kubeconfig or a variable alone says where")
	p.counts(oidctest.GrantPassword, 4)
}

// Though there is a session: a given password is used, and a wrong one told of.
func TestPasswordStdinWhereSignedIn(t *testing.T) {
	p := newExchange(t)
	delete(p.env, "KUBECRED_PASSWORD")
	login := append([]string{"login", "--password-stdin"}, p.oauth2()...)
	p.stdin = "alice's password"
	p.run(login...).ok().prints("Signed in as user-1")
	first := p.getToken(p.oauth2()).ok().token()
	p.stdin = "another"
	p.run(login...).fails(exitDenied, "invalid_grant")
	if p.getToken(p.oauth2()).ok().token() != first {
		t.Error("what was there is gone")
	}
	p.stdin = "alice's password"
	p.passed = time.Second
	p.run(login...).ok().prints("Signed in as user-1")
	if p.getToken(p.oauth2()).ok().token() == first {
		t.Error("the password was not used")
	}
	p.counts(oidctest.GrantPassword, 3)
	p.counts(oidctest.GrantRefresh, 0)
	if n := len(p.provider.Requests(oidctest.Revoke)); n != 2 {
		t.Errorf("%d requests revoke the session before and its token", n)
	}
}

// dex says access_denied of a wrong password, and invalid_request of a directory
// that is away.
func TestDexesWords(t *testing.T) {
	p := newExchange(t, oidctest.Break(oidctest.Token, oidctest.Refuse(http.StatusUnauthorized, "access_denied", "Invalid username or password", nil)))
	p.getToken(p.oauth2()).fails(exitDenied, "Invalid username or password").hints("correct the password")
	p.getToken(p.oauth2("--audience=x")).fails(exitDenied, "refused this very password before")
	p.env["KUBECRED_PASSWORD"] = p.provider.Issuer + " another"
	p.provider.Apply(oidctest.Break(oidctest.Token, oidctest.Refuse(http.StatusBadRequest, "invalid_request", "Could not login user", nil)))
	p.getToken(p.oauth2("--audience=y")).fails(exitNetwork, "Could not login user").hints("directory may be out of reach")
	p.provider.Apply(oidctest.Mend(oidctest.Token))
	p.getToken(p.oauth2("--audience=z")).fails(exitDenied, "invalid_grant") // it was sent again
}

// The flags that hints and sealed entries carry lead back to the entry, and to
// the exchange.
func TestFlagsLeadBackToAnExchange(t *testing.T) {
	p := newExchange(t)
	delete(p.env, "KUBECRED_USERNAME")
	a := p.app(nil, nil)
	resolve := func(args []string) *settings.Settings {
		flags, err := settings.ParseArgs(args)
		if err != nil {
			t.Fatal(err)
		}
		s, err := settings.Resolve(settings.Input{Flags: flags, Files: a.files})
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return s
	}
	authority := "--certificate-authority-data=" + base64.StdEncoding.EncodeToString(p.x.CAPEM())
	for _, args := range [][]string{
		p.oauth2(), p.oauth2("--audience=x", "--username=alice", "--oidc-client-id=mine", "--oidc-use-access-token", authority),
		p.certificate(), p.certificate("--account=alice", "--oidc-extra-scope=groups"),
		p.beside("basic"), p.beside("basic", "--username=alice", authority),
		p.beside("native", "--exchange-cluster=prod"), p.beside("native", "--exchange-cluster=prod", "--credential=certificate", "--username=alice"),
	} {
		s := resolve(args)
		if back := resolve(identity(s)); string(back.Identity()) != string(s.Identity()) {
			t.Errorf("%v became %v", args, identity(s))
		}
		if back := resolve(connection(s)); back.IssuerURL != s.IssuerURL || back.Exchange != s.Exchange || !bytes.Equal(back.CAPEM, s.CAPEM) {
			t.Errorf("%v became %v", args, connection(s))
		}
	}
}
