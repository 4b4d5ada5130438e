package login

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// visitor makes a person whose browser is driven by oidctest; pages receives
// where it ends.
func visitor(t *testing.T, browser oidctest.Browser) (who *person, pages chan *oidctest.Page) {
	t.Helper()
	ctx := within(t)
	who, pages = newPerson(), make(chan *oidctest.Page, 1)
	var visits sync.WaitGroup
	t.Cleanup(visits.Wait)
	who.open = func(address string) error {
		visits.Go(func() {
			page, err := browser.Open(ctx, address)
			if err != nil && ctx.Err() == nil {
				t.Errorf("the browser: %v", err)
			}
			pages <- page
		})
		return nil
	}
	return who, pages
}

func anyPort(who *person) BrowserOptions {
	return BrowserOptions{Person: who, Addresses: []string{"localhost:0"}}
}

func TestBrowser(t *testing.T) {
	for name, test := range map[string]struct {
		options []oidctest.Option
		edit    func(*Config)
	}{
		"plain":              {nil, nil},
		"a page and a click": {[]oidctest.Option{oidctest.LoginPage()}, nil},
		"S256 unadvertised":  {[]oidctest.Option{oidctest.NoPKCEAdvertised()}, nil},  // Entra ID
		"no iss":             {[]oidctest.Option{oidctest.NoIssuerParameter()}, nil}, // Dex
		"form post":          {nil, func(c *Config) { c.ExtraParams = map[string]string{"response_mode": "form_post"} }},
		"without PKCE":       {[]oidctest.Option{func(c *oidctest.Config) { c.PKCEOptional = true }}, func(c *Config) { c.PKCE = "no" }},
		"a path":             {[]oidctest.Option{oidctest.Path("/realms/demo")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t, test.options...)
			edit := test.edit
			if edit == nil {
				edit = func(*Config) {}
			}
			who, pages := visitor(t, oidctest.Browser{})
			got, err := discovered(t, p, edit).Browser(within(t), anyPort(who))
			if err != nil || got.Claims.Subject != "user-1" {
				t.Fatalf("tokens = %+v, %v", got, err)
			}
			if page := <-pages; page.Status != http.StatusOK || !strings.Contains(page.Body, "alice@example.com") || strings.Contains(page.URL, "code=") {
				t.Errorf("the browser ended on %d %s:\n%s", page.Status, page.URL, page.Body)
			}
			asked := p.Requests(oidctest.Authorize)[0].Form
			redirect, _ := url.Parse(asked.Get("redirect_uri"))
			if redirect.Hostname() != "localhost" || redirect.Path != "" || redirect.Scheme != "http" {
				t.Errorf("redirect_uri = %s", redirect)
			}
			if pkce := asked.Get("code_challenge_method") == "S256" && len(asked.Get("code_challenge")) == 43; pkce == (name == "without PKCE") {
				t.Errorf("sent %v", asked)
			}
			if asked.Get("access_type") != "offline" || len(asked.Get("state")) < 26 || len(asked.Get("nonce")) < 26 || asked.Get("state") == asked.Get("nonce") {
				t.Errorf("sent %v", asked)
			}
			if who.waits != 0 || who.asked != 0 {
				t.Errorf("%d progress lines are left, %d prompts were shown", who.waits, who.asked)
			}
			// A signal that nobody can read the secrets of a login from what it showed.
			for _, secret := range []string{got.IDToken.Reveal(), got.AccessToken.Reveal(), got.RefreshToken.Reveal()} {
				if strings.Contains(who.text(), secret) {
					t.Error("a token was shown")
				}
			}
		})
	}
}

func TestAuthorizationURL(t *testing.T) {
	p := oidctest.Start(t, oidctest.EndpointAt("authorization_endpoint", "https://issuer.example/authorize?tenant=1&state=theirs&client_id=theirs"))
	p.Apply(oidctest.EndpointAt("authorization_endpoint", p.URL+"/authorize?tenant=1&state=theirs&client_id=theirs"))
	c := discovered(t, p, func(c *Config) {
		c.Account, c.SelectAccount = "alice", true
		c.ExtraParams = map[string]string{"audience": "kubernetes", "prompt": "consent", "access_type": "online", "response_mode": "form_post"}
	})
	a := attempt{state: "s", nonce: "n", verifier: c.newVerifier(), redirect: "http://localhost:1"}
	address, err := c.authorizationURL(a)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(address)
	for name, want := range map[string]string{
		"tenant": "1", "state": "s", "nonce": "n", "client_id": oidctest.ClientID, "response_type": "code",
		"redirect_uri": "http://localhost:1", "scope": "openid email profile offline_access", "login_hint": "alice",
		"prompt": "consent select_account", "audience": "kubernetes", "access_type": "online",
		"code_challenge_method": "S256", "response_mode": "form_post",
	} {
		if got := u.Query()[name]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if strings.Contains(address, a.verifier.Reveal()) {
		t.Error("the verifier is in the address")
	}
	a.byHand = true
	if address, _ = c.authorizationURL(a); strings.Contains(address, "response_mode") {
		t.Error("a form post cannot be pasted")
	}
	c.cfg.ExtraParams = map[string]string{"login_hint": "bob", "claims": strings.Repeat("x", 10000)}
	_, err = c.authorizationURL(a)
	wantError[*ConfigError](t, err)
}

// A token that is refused, or never comes, must not leave a page that says
// "signed in".
func TestBrowserPageFollowsTheVerdict(t *testing.T) {
	for name, option := range map[string]oidctest.Option{
		"wrong nonce":   oidctest.Claim("nonce", "another"),
		"broken":        oidctest.Break(oidctest.Token, oidctest.Status(503, 0)),
		"control bytes": oidctest.Break(oidctest.Token, oidctest.Refuse(400, "invalid_grant", "<script>"+oidctest.ControlText, nil)),
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t, option)
			who, pages := visitor(t, oidctest.Browser{})
			if _, err := discovered(t, p).Browser(within(t), anyPort(who)); err == nil {
				t.Fatal("no error")
			}
			if page := <-pages; strings.Contains(page.Body, "alice") || strings.Contains(page.Body, "<script>") || !strings.Contains(page.Body, "provider") {
				t.Errorf("page:\n%s", page.Body)
			}
		})
	}
}

// Every peer lets one forged callback end the login (`GET /?error=x` in
// int128/kubelogin).
func TestStraysDoNotEndTheLogin(t *testing.T) {
	p := oidctest.Start(t)
	who := newPerson()
	ctx := within(t)
	visited := make(chan error, 1)
	who.open = func(address string) error {
		u, _ := url.Parse(address)
		go func() {
			redirect := u.Query().Get("redirect_uri")
			for _, path := range []string{"/?error=x", "/?code=forged", "/?code=forged&state=wrong", "/favicon.ico", "/?error=access_denied&state="} {
				resp, err := http.Get(redirect + path)
				if err != nil || resp.StatusCode < 400 {
					t.Errorf("%s: %v, %v", path, resp, err)
				}
				resp.Body.Close()
			}
			_, err := oidctest.Browser{}.Open(ctx, address)
			visited <- err
		}()
		return nil
	}
	if _, err := discovered(t, p).Browser(ctx, anyPort(who)); err != nil {
		t.Error(err)
	}
	if err := <-visited; err != nil {
		t.Error(err)
	}
}

// RFC 9207: required when promised, compared when present, on errors too.
func TestIssuerOfTheAnswer(t *testing.T) {
	for name, options := range map[string][]oidctest.Option{
		"another":           {oidctest.SetRedirect("iss", "https://evil.example")},
		"missing":           {oidctest.SetRedirect("iss", "")},
		"another, on error": {oidctest.SetRedirect("iss", "https://evil.example"), oidctest.Deny()},
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t, options...)
			who, _ := visitor(t, oidctest.Browser{})
			_, err := discovered(t, p).Browser(within(t), anyPort(who))
			if wantError[*ProviderError](t, err); errors.Is(err, ErrDenied) || p.Count(oidctest.Token) != 0 {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestBrowserDenied(t *testing.T) {
	p := oidctest.Start(t, oidctest.Deny())
	who, _ := visitor(t, oidctest.Browser{})
	_, err := discovered(t, p).Browser(within(t), anyPort(who))
	if wantError[*OAuthError](t, err); !errors.Is(err, ErrDenied) {
		t.Errorf("error = %v", err)
	}
	p.Apply(oidctest.EditRedirect(func(v url.Values) { v.Set("error", "login_required") }))
	who, _ = visitor(t, oidctest.Browser{})
	_, err = discovered(t, p).Browser(within(t), anyPort(who))
	if e := wantError[*OAuthError](t, err); errors.Is(err, ErrDenied) || e.Code != "login_required" || e.Endpoint != authorizationName {
		t.Errorf("error = %v", err)
	}
}

// The address is shown when no browser opens, and when none should.
func TestBrowserThatDoesNotOpen(t *testing.T) {
	for _, skip := range []bool{false, true} {
		p := oidctest.Start(t)
		who, ctx := newPerson(), within(t)
		who.open = func(string) error { return errors.New("no xdg-open") }
		visited := make(chan error, 1)
		go func() {
			_, err := oidctest.Browser{}.Open(ctx, <-who.urls)
			visited <- err
		}()
		o := anyPort(who)
		o.SkipOpen = skip
		if _, err := discovered(t, p).Browser(ctx, o); err != nil {
			t.Error(err)
		}
		if err := <-visited; err != nil {
			t.Error(err)
		}
		if strings.Contains(who.text(), "No browser could be opened") == skip {
			t.Errorf("shown: %s", who.text())
		}
	}
}

// watched is a person whose launcher stays, and is watched until that is
// pointless.
type watched struct {
	*person
	browse func(address string)
}

func (w watched) Open(ctx context.Context, address string) error {
	go w.browse(address)
	<-ctx.Done()
	return ctx.Err()
}

// A browser that answers at once is not kept waiting for its launcher.
func TestBrowserThatAnswersBeforeItsLauncher(t *testing.T) {
	p := oidctest.Start(t)
	for _, paste := range []bool{false, true} {
		ctx, visited := within(t), make(chan error, 1)
		who := watched{newPerson(), func(address string) {
			_, err := oidctest.Browser{}.Open(ctx, address)
			visited <- err
		}}
		o := anyPort(who.person)
		o.Person, o.Paste = who, paste
		tokens, err := discovered(t, p).Browser(ctx, o)
		if err != nil || tokens.IDToken.Empty() {
			t.Errorf("error = %v", err)
		}
		if err := <-visited; err != nil {
			t.Error(err)
		}
		if who.text() != "" {
			t.Errorf("shown: %s", who.text())
		}
	}
}

func TestBrowserTimeout(t *testing.T) {
	p := oidctest.Start(t)
	for _, paste := range []bool{false, true} {
		who := newPerson()
		o := anyPort(who)
		o.Timeout, o.Paste = 20*time.Millisecond, paste
		_, err := discovered(t, p).Browser(within(t), o)
		if !errors.Is(err, ErrTimeout) || who.asked != who.gone || (who.asked == 1) != paste {
			t.Errorf("error = %v; %d prompts, %d taken away", err, who.asked, who.gone)
		}
	}
}

func TestBrowserCancelled(t *testing.T) {
	p := oidctest.Start(t)
	c := discovered(t, p)
	ctx, cancel := newCancel(t)
	who := newPerson()
	var redirect string
	who.open = func(address string) error {
		u, _ := url.Parse(address)
		redirect = u.Query().Get("redirect_uri")
		cancel()
		return nil
	}
	o := anyPort(who)
	o.Paste = true
	if _, err := c.Browser(ctx, o); !errors.Is(err, context.Canceled) || who.asked != who.gone {
		t.Errorf("error = %v; %d prompts, %d taken away", err, who.asked, who.gone)
	}
	u, _ := url.Parse(redirect)
	free, err := net.Listen("tcp", "127.0.0.1:"+u.Port())
	if err != nil {
		t.Errorf("the port is still taken: %v", err)
	} else {
		free.Close()
	}
}

func TestPortsBusy(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	p := oidctest.Start(t)
	who := newPerson()
	who.open = func(string) error { t.Error("a browser was opened"); return nil }
	_, err = discovered(t, p).Browser(within(t), BrowserOptions{Person: who, Addresses: []string{taken.Addr().String()}})
	if busy := wantError[*PortsBusyError](t, err); !slices.Equal(busy.Addresses, []string{taken.Addr().String()}) {
		t.Errorf("error = %v", err)
	}
	_, err = discovered(t, p).Browser(within(t), BrowserOptions{Person: who, Addresses: []string{"0.0.0.0:8000"}})
	wantError[*NotLoopbackError](t, err)
}

func TestDefaultAddresses(t *testing.T) {
	got := (&Client{}).listen(attempt{}, BrowserOptions{})
	if !slices.Equal(got.Addresses, []string{"localhost:8000", "localhost:18000"}) || got.RedirectURL != "" {
		t.Errorf("options = %+v", got)
	}
}

func TestBrowserWithoutAuthorizationEndpoint(t *testing.T) {
	p := oidctest.Start(t, oidctest.Drop(oidctest.Discovery, "authorization_endpoint"))
	c := discovered(t, p)
	_, err := c.Browser(within(t), anyPort(newPerson()))
	if wantError[*UnsupportedError](t, err); c.Metadata().OffersCode() {
		t.Errorf("error = %v", err)
	}
	// A provider that is half down troubles nobody.
	p = oidctest.Start(t, oidctest.Break(oidctest.JWKS, oidctest.Status(503, 0)))
	who := newPerson()
	who.open = func(string) error { t.Error("a browser was opened"); return nil }
	_, err = discovered(t, p).Browser(within(t), anyPort(who))
	wantError[*NetworkError](t, err)
}
