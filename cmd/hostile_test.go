package cmd

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// A hostile or broken provider gets a clear error and nothing else: no browser,
// no second request, nothing kept, nothing repeated that could hurt.

func TestWrongTokens(t *testing.T) {
	p := newPlace(t)
	for name, wrong := range oidctest.WrongTokens() {
		if strings.HasPrefix(name, "nonce") || strings.HasPrefix(name, "auth_time") {
			continue // only a request that asks for them can tell
		}
		p.provider.Apply(wrong)
		got := p.at("get-token").fails(exitDenied, "the provider's ")
		if strings.Contains(got.stderr, "eyJ") {
			t.Errorf("%s: %s", name, got.stderr)
		}
		p.provider.Apply(oidctest.Honest(), oidctest.Unedited(oidctest.Token))
		p.afresh()
	}
	p.run("status").ok().prints("Nothing is cached.")
	p.at("get-token").ok()
}

func TestWrongNonces(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for name, wrong := range oidctest.WrongTokens() {
		if !strings.HasPrefix(name, "nonce") {
			continue
		}
		p.provider.Apply(wrong)
		p.at("get-token", browserFlags(t)...).fails(exitDenied, "the provider's token was refused (nonce)")
		p.provider.Apply(oidctest.Honest())
		p.afresh()
	}
	p.run("status").ok().prints("Nothing is cached.")
}

// auth_time counts where max_age was asked for.
func TestOldAuthentication(t *testing.T) {
	t.Parallel()
	p := newPlace(t, oidctest.WrongTokens()["auth_time of 1970"])
	p.at("get-token").ok()
	p.at("get-token", append(browserFlags(t), "--oidc-auth-request-extra-params=max_age=60")...).fails(exitDenied, "auth_time")
}

// The wrong tokens of a renewal are refused as well.
func TestWrongTokensOnRefresh(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"iss another", "aud another", "sub missing", "alg none", "key foreign", "exp past"} {
		p := newPlace(t)
		p.at("get-token").ok()
		p.provider.Apply(oidctest.WrongTokens()[name])
		p.at("get-token", "--force-refresh").fails(exitDenied, "the provider's ")
	}
	p := newPlace(t)
	p.at("get-token").ok()
	p.provider.Apply(oidctest.SubjectChanges())
	p.at("get-token", "--force-refresh").fails(exitDenied, "someone-else, not user-1")
}

// CVE-2025-6514: a hostile authorization_endpoint became a command.
func TestHostileURLsAreNotOpened(t *testing.T) {
	p := newPlace(t)
	before := len(visited(t))
	flags := append(browserFlags(t), "--authentication-timeout-sec=1")
	for _, member := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "device_authorization_endpoint"} {
		for _, address := range oidctest.HostileURLs() {
			if address == "" {
				continue // as if it were missing
			}
			p.provider.Apply(oidctest.Unedited(oidctest.Discovery), oidctest.EndpointAt(member, address))
			p.at("get-token", flags...).fails(exitDenied, member)
		}
	}
	if opened := visited(t)[before:]; len(opened) > 0 {
		t.Errorf("the browser was opened: %v", opened)
	}
	if n := p.provider.Count(oidctest.Token) + p.provider.Count(oidctest.Elsewhere); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
	if _, err := os.Stat("/tmp/x"); err == nil {
		t.Error("something ran")
	}
}

func TestBrokenEndpoints(t *testing.T) {
	faults := map[string]struct {
		fault func() oidctest.Fault
		code  int
		text  string
	}{
		"endless":     {oidctest.Endless, exitDenied, "larger than 1048576 bytes"},
		"a web page":  {oidctest.NotJSON, exitDenied, "web page"},
		"cut":         {oidctest.Cut, exitNetwork, "cannot be reached"},
		"half":        {oidctest.HalfResponse, exitNetwork, "cannot be reached"},
		"to http":     {func() oidctest.Fault { return oidctest.RedirectTo("http://issuer.example/canary") }, exitDenied, "elsewhere"},
		"to a file":   {func() oidctest.Fault { return oidctest.RedirectTo("file:///canary") }, exitDenied, ""},
		"overloaded":  {func() oidctest.Fault { return oidctest.Status(http.StatusServiceUnavailable, 1) }, exitNetwork, "503"},
		"not found":   {func() oidctest.Fault { return oidctest.Status(http.StatusNotFound, 0) }, exitDenied, "404"},
		"not a thing": {func() oidctest.Fault { return oidctest.Body(http.StatusOK, "application/json", `"canary"`) }, exitDenied, ""},
		"control text": {func() oidctest.Fault {
			return oidctest.Body(http.StatusOK, "application/json", "{\"x\":\"canary"+oidctest.ControlText)
		}, exitDenied, ""},
	}
	for name, test := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, endpoint := range []oidctest.Endpoint{oidctest.Discovery, oidctest.JWKS, oidctest.Token} {
				p := newPlace(t, oidctest.Break(endpoint, test.fault()))
				got := p.at("get-token").fails(test.code, test.text)
				if strings.Contains(got.stderr, "canary") {
					t.Errorf("%s: the answer is repeated: %q", endpoint, got.stderr)
				}
				if n := p.provider.CountGrant(oidctest.GrantPassword); n > 1 {
					t.Errorf("%s: %d requests for a token", endpoint, n)
				}
			}
		})
	}
}

// A redirect of the token endpoint would carry the password along.
func TestTokenEndpointRedirects(t *testing.T) {
	p := newPlace(t)
	thief := oidctest.Start(t)
	p.provider.Apply(oidctest.Break(oidctest.Token, oidctest.RedirectTo(thief.URL+"/token")))
	p.at("get-token").fails(exitDenied, "a POST request may not be sent elsewhere")
	if n := len(thief.All()); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

func TestProviderErrors(t *testing.T) {
	for code, hint := range map[string]string{
		"invalid_client":                  "--oidc-client-id",
		"unauthorized_client":             "--oidc-client-id",
		"invalid_grant":                   "correct the password",
		"invalid_scope":                   "--oidc-extra-scope",
		"invalid_target":                  "--audience",
		"temporarily" + "_\x1b[31mred\a":  "registration",
		"two words\nhint: run rm -rf /":   "registration",
		strings.Repeat("long", 1000):      "registration",
		"unsupported_grant_type\u202e\r!": "registration",
	} {
		p := newPlace(t, oidctest.Break(oidctest.Token, oidctest.Refuse(http.StatusBadRequest, code, oidctest.ControlText, nil)))
		got := p.at("get-token").fails(exitDenied, "the provider's token endpoint answered ").hints(hint)
		if len(got.stderr) > 1500 {
			t.Errorf("%d bytes on stderr", len(got.stderr))
		}
	}
}

// What comes back through the browser reaches the terminal cleaned, too.
func TestDeniedInTheBrowser(t *testing.T) {
	t.Parallel()
	p := newPlace(t, oidctest.Deny())
	p.at("get-token", browserFlags(t)...).fails(exitDenied, "the sign-in was denied").hints("ask the provider's administrator")
	p.afresh()
	p.provider.Apply(oidctest.EditRedirect(func(v url.Values) {
		v.Del("code")
		v.Set("error", "server_error"+oidctest.ControlText)
		v.Set("error_description", oidctest.ControlText+"\nhint: run rm -rf /")
	}))
	p.at("get-token", browserFlags(t)...).fails(exitDenied, "authorization endpoint answered server_error")
	p.afresh()
	p.provider.Apply(oidctest.Honest(), oidctest.EditRedirect(func(v url.Values) { v.Set("iss", "https://evil.example"+oidctest.ControlText) }))
	p.at("get-token", browserFlags(t)...).fails(exitDenied, "issuer")
}

func TestWrongIssuer(t *testing.T) {
	p := newPlace(t, oidctest.OtherIssuer("https://issuer.example/"+oidctest.ControlText))
	p.at("get-token").fails(exitConfig, "calls itself https://issuer.example/").hints("exactly")
	p = newPlace(t, oidctest.SlashedIssuer())
	p.at("get-token").fails(exitConfig, "they differ in the slash at the end")
}

// A key set that grows with each request costs one request more, not the login
// of everyone and not the memory.
func TestGrowingKeys(t *testing.T) {
	t.Parallel()
	p := newPlace(t, oidctest.GrowingKeys(2000))
	p.at("get-token")
	if n := p.provider.Count(oidctest.JWKS); n > 2 {
		t.Errorf("the key set was fetched %d times", n)
	}
}

// A cache entry that someone replaced by a link is not followed.
func TestEntryThatIsALink(t *testing.T) {
	onUnix(t)
	p := newPlace(t)
	p.at("get-token").ok()
	entries, err := filepath.Glob(p.path(".cache", "file", strings.Repeat("[0-9a-f]", 64)))
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	aside := p.path("aside")
	if err := os.Rename(entries[0], aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(aside, entries[0]); err != nil {
		t.Fatal(err)
	}
	p.at("get-token").fails(exitCache, "").hints("chmod 700")
	p.counts(oidctest.GrantPassword, 1)
}
