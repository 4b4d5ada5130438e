package login

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/oidctest"
)

func TestDiscover(t *testing.T) {
	for _, options := range [][]oidctest.Option{
		nil,
		{oidctest.TLS()},
		{oidctest.Path("/realms/demo")},
		{oidctest.Path("/")},
		{oidctest.NoPKCEAdvertised(), oidctest.NoRevocation(), oidctest.NoDeviceEndpoint()},
	} {
		p := oidctest.Start(t, options...)
		c := discovered(t, p)
		if m := c.Metadata(); m.Issuer != p.Issuer || m.Token == "" || !m.OffersCode() {
			t.Errorf("metadata = %+v", m)
		}
	}
}

func TestScope(t *testing.T) {
	for want, extra := range map[string][]string{
		"openid":               nil,
		"openid email":         {"email", "openid", "email", ""},
		"openid email profile": {"email", "profile"},
	} {
		if got := scope(extra); got != want {
			t.Errorf("scope(%q) = %q, want %q", extra, got, want)
		}
	}
}

// The issuer is compared to the letter, by go-oidc, the API server and us; the
// error names both (Entra ID's /common answers with a literal {tenantid}).
func TestIssuerMismatch(t *testing.T) {
	p := oidctest.Start(t)
	for name, test := range map[string]struct {
		option oidctest.Option
		want   string
	}{
		"slash":    {oidctest.SlashedIssuer(), "they differ in the slash at the end"},
		"tenant":   {oidctest.OtherIssuer("https://login.example.com/{tenantid}/v2.0"), "{tenantid}"},
		"controls": {oidctest.OtherIssuer("https://a" + oidctest.ControlText), "calls itself https://a"},
		"missing":  {oidctest.Drop(oidctest.Discovery, "issuer"), "calls itself"},
	} {
		p.Apply(oidctest.Unedited(oidctest.Discovery), test.option)
		_, err := Discover(within(t), config(t, p))
		wantError[*IssuerMismatchError](t, err)
		if !strings.Contains(err.Error(), test.want) || strings.ContainsAny(err.Error(), "\x1b\a\r\u202e") {
			t.Errorf("%s: %q", name, err)
		}
	}
}

// go-oidc echoes discovery bodies into errors, reads them without end, and
// takes http.
func TestDiscoverBrokenProvider(t *testing.T) {
	const canary = "canary-of-the-body"
	network, provider := new(*NetworkError), new(*ProviderError)
	for name, test := range map[string]struct {
		fault oidctest.Fault
		as    any
		want  string
	}{
		"500":           {oidctest.Body(500, "text/html", canary), network, "500 Internal Server Error"},
		"429":           {oidctest.Status(429, 30), network, "429 Too Many Requests"},
		"404":           {oidctest.Body(404, "text/html", canary), provider, "404 Not Found"},
		"portal":        {oidctest.NotJSON(), provider, "web page"},
		"text":          {oidctest.Body(200, "text/plain", canary), provider, "something else than JSON"},
		"list":          {oidctest.Body(200, "application/json", `["`+canary+`"]`), provider, "something else than JSON"},
		"wrong type":    {oidctest.Body(200, "application/json", `{"token_endpoint":["`+canary+`"]}`), provider, `"token_endpoint" in its answer has the wrong type`},
		"endless":       {oidctest.Endless(), provider, httpclient.ErrBodyTooLarge.Error()},
		"cut":           {oidctest.Cut(), network, "cannot be reached"},
		"half":          {oidctest.HalfResponse(), network, "unexpected EOF"},
		"redirect":      {oidctest.RedirectTo("http://example.com/" + canary), provider, "redirect"},
		"redirect loop": {oidctest.RedirectTo("/.well-known/openid-configuration"), provider, "too many"},
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t, oidctest.Break(oidctest.Discovery, test.fault))
			_, err := Discover(within(t), config(t, p))
			if !errors.As(err, test.as) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("error = %v (%T), want %T with %q", err, err, test.as, test.want)
			}
		})
	}
}

func TestDiscoverUnreachable(t *testing.T) {
	p := oidctest.Start(t)
	cfg := config(t, p)
	p.Close()
	_, err := Discover(within(t), cfg)
	if e := wantError[*NetworkError](t, err); e.Err == nil || strings.Contains(err.Error(), ".well-known") {
		t.Errorf("error = %v", err)
	}
}

func TestDiscoverUntrustedCertificate(t *testing.T) {
	p := oidctest.Start(t, oidctest.TLS())
	_, err := Discover(within(t), config(t, p, func(c *Config) { c.HTTP = nil }))
	if wantError[*ProviderError](t, err); !strings.Contains(err.Error(), "certificate is not trusted") {
		t.Errorf("error = %v", err)
	}
}

// CVE-2025-6514: a hostile authorization_endpoint became a command.
func TestHostileEndpoints(t *testing.T) {
	p := oidctest.Start(t)
	for _, member := range []string{
		"authorization_endpoint", "token_endpoint", "jwks_uri", "device_authorization_endpoint",
		"revocation_endpoint", "userinfo_endpoint",
	} {
		for _, address := range oidctest.HostileURLs() {
			if address == "" {
				continue // as if it were missing
			}
			p.Apply(oidctest.Unedited(oidctest.Discovery), oidctest.EndpointAt(member, address))
			_, err := Discover(within(t), config(t, p))
			wantError[*ProviderError](t, err)
			if !strings.Contains(err.Error(), member) || len(err.Error()) > 300 || strings.ContainsAny(err.Error(), "\x1b\r\n\u202e") {
				t.Errorf("%s = %.60q: %v", member, address, err)
			}
		}
	}
}

func TestMissingEndpoints(t *testing.T) {
	for _, member := range []string{"token_endpoint", "jwks_uri"} {
		p := oidctest.Start(t, oidctest.Drop(oidctest.Discovery, member))
		_, err := Discover(within(t), config(t, p))
		if wantError[*ProviderError](t, err); !strings.Contains(err.Error(), member+": it is missing") {
			t.Errorf("error = %v", err)
		}
	}
}

// An https issuer must not aim us at http, nor at this machine.
func TestEndpointsOfAnotherKind(t *testing.T) {
	for _, test := range []struct{ issuer, endpoint, want string }{
		{"https://issuer.example", "https://other.example/token", ""},
		{"https://issuer.example", "http://localhost:8080/token", "as the issuer does"},
		{"https://127.0.0.1:1", "http://127.0.0.1:1/token", "as the issuer does"},
		{"https://issuer.example", "https://localhost/token", "on this machine"},
		{"https://issuer.example", "https://[::1]:8443/token", "on this machine"},
		{"http://localhost:1", "http://127.0.0.1:2/token", ""},
		{"http://localhost:1", "https://localhost:2/token", ""},
		{"http://localhost:1", "http://issuer.example/token", "loopback only"},
	} {
		meta := Metadata{JWKS: test.endpoint, Token: test.endpoint}
		_, issuer, err := Config{Issuer: test.issuer, ClientID: "c"}.complete()
		if err != nil {
			t.Fatal(err)
		}
		err = meta.check(issuer)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s with %s: %v", test.issuer, test.endpoint, err)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	p := oidctest.Start(t)
	for name, edit := range map[string]func(*Config){
		"http issuer":      func(c *Config) { c.Issuer = "http://issuer.example" },
		"no issuer":        func(c *Config) { c.Issuer = "" },
		"query":            func(c *Config) { c.Issuer += "?tenant=1" },
		"fragment":         func(c *Config) { c.Issuer += "#x" },
		"user information": func(c *Config) { c.Issuer = "https://user:canary@issuer.example" },
		"no client":        func(c *Config) { c.ClientID = "" },
		"PKCE plain":       func(c *Config) { c.PKCE = "plain" },
		"method":           func(c *Config) { c.AuthMethod = "tls_client_auth" },
		"no secret":        func(c *Config) { c.AuthMethod = AuthPost },
		"no key":           func(c *Config) { c.AuthMethod = AuthPrivateKeyJWT },
		"max_age":          func(c *Config) { c.ExtraParams = map[string]string{"max_age": "soon"} },
		"negative max_age": func(c *Config) { c.ExtraParams = map[string]string{"max_age": "-1"} },
		"fragment mode":    func(c *Config) { c.ExtraParams = map[string]string{"response_mode": "fragment"} },
	} {
		_, err := Discover(within(t), config(t, p, edit))
		if wantError[*ConfigError](t, err); strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Extra parameters come from a configuration that may be hostile; they may not
// change what the answer is checked by.
func TestExtraParametersOfOurs(t *testing.T) {
	for _, name := range []string{
		"state", "nonce", "code_challenge", "code_challenge_method", "code_verifier", "redirect_uri", "client_id",
		"client_secret", "client_assertion", "client_assertion_type", "response_type", "scope", "grant_type", "code",
		"request", "request_uri", "username", "password", "refresh_token", "device_code", "",
	} {
		_, _, err := Config{Issuer: "https://issuer.example", ClientID: "c", ExtraParams: map[string]string{name: "x"}}.complete()
		wantError[*ConfigError](t, err)
	}
	for _, name := range []string{"audience", "resource", "prompt", "login_hint", "max_age", "acr_values", "hd", "access_type"} {
		if err := checkExtra(name, "1"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A provider that answers each byte slowly is cut by the context.
func TestDiscoverHonoursTheContext(t *testing.T) {
	reached := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "{")
		http.NewResponseController(w).Flush()
		close(reached)
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := newCancel(t)
	go func() { <-reached; cancel() }()
	_, err := Discover(ctx, Config{Issuer: server.URL, ClientID: "c"})
	if !errors.Is(err, ctx.Err()) {
		t.Errorf("error = %v", err)
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	cfg := Config{Issuer: "https://issuer.example", ClientID: "c", AssertionKey: canaryKey{"canary"}, Now: time.Now}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, cfg) + fmt.Sprintf(verb, []any{&cfg}) + fmt.Sprintf(verb, []any{cfg.LogValue()}); strings.Contains(text, "canary") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
