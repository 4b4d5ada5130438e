package login

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/secret"
)

const alice = "alice's password"

func TestPassword(t *testing.T) {
	p := oidctest.Start(t)
	c := discovered(t, p, func(c *Config) { c.ExtraParams = map[string]string{"audience": "kubernetes"} })
	got, err := c.Password(within(t), "alice", secret.New(alice))
	if err != nil || got.Claims.Subject != "user-1" || got.Served().Empty() {
		t.Fatalf("tokens = %v, %v", got, err)
	}
	form := p.Requests(oidctest.Token)[0].Form
	if form.Get("scope") != "openid email profile offline_access" || form.Get("audience") != "kubernetes" {
		t.Errorf("form = %v", form)
	}
	_, err = c.Password(within(t), "alice", secret.New("wrong"))
	if e := wantError[*OAuthError](t, err); e.Code != "invalid_grant" || errors.Is(err, ErrSessionEnded) {
		t.Errorf("error = %v", err)
	}
}

// kubelogin sends the extra parameters with client credentials, and its users
// have the audience there.
func TestClientCredentials(t *testing.T) {
	p := oidctest.Start(t, oidctest.Confidential(oidctest.AuthBasic, "secret"), oidctest.JWTAccessTokens())
	edit := func(c *Config) {
		c.ClientSecret = secret.New("secret")
		c.ExtraParams = map[string]string{"audience": "kubernetes"}
		c.Account = "alice" // a label here: no person signs in
	}
	_, err := discovered(t, p, edit).ClientCredentials(within(t))
	if !errors.Is(err, ErrNoIDToken) || !strings.Contains(err.Error(), "use the access token") {
		t.Errorf("error = %v", err)
	}
	got, err := discovered(t, p, edit, func(c *Config) { c.UseAccessToken = true }).ClientCredentials(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if got.Claims.Subject != oidctest.ClientID || got.Claims.Raw["aud"] != "kubernetes" || got.Served() != got.AccessToken {
		t.Errorf("tokens = %+v", got)
	}
	_, err = discovered(t, p).ClientCredentials(within(t))
	wantError[*ConfigError](t, err)
}

func TestServiceIDToken(t *testing.T) {
	p := oidctest.Start(t, oidctest.Confidential(oidctest.AuthPost, "secret"), func(c *oidctest.Config) { c.ServiceIDToken = true })
	got, err := discovered(t, p, func(c *Config) { c.ClientSecret, c.AuthMethod = secret.New("secret"), AuthPost }).ClientCredentials(within(t))
	if err != nil || got.Served() != got.IDToken {
		t.Errorf("tokens = %v, %v", got, err)
	}
}

// int128/kubelogin prints all tokens to stderr when there is no id_token.
func TestNoIDToken(t *testing.T) {
	p := oidctest.Start(t, oidctest.NoIDToken())
	_, err := signIn(t, p, discovered(t, p))
	if wantError[*NoIDTokenError](t, err); !errors.Is(err, ErrNoIDToken) || !strings.Contains(err.Error(), "openid") || strings.Contains(err.Error(), "access-") {
		t.Errorf("error = %v", err)
	}
}

func TestTokenEndpointBroken(t *testing.T) {
	const canary = "canary-of-the-body"
	network, provider, oauth := new(*NetworkError), new(*ProviderError), new(*OAuthError)
	for name, test := range map[string]struct {
		fault oidctest.Fault
		as    any
		want  string
	}{
		"500":               {oidctest.Body(500, "application/json", `{"error":"server_error","error_description":"`+canary+`"}`), network, "500"},
		"503":               {oidctest.Status(503, 5), network, "503 Service Unavailable"},
		"429":               {oidctest.Status(429, 5), network, "429"},
		"403 of a proxy":    {oidctest.Body(403, "text/html", canary), provider, "403 Forbidden without an OAuth error"},
		"400 of another":    {oidctest.Body(400, "application/json", `{"error":{"message":"`+canary+`"}}`), provider, "400 Bad Request without"},
		"portal":            {oidctest.NotJSON(), provider, "web page"},
		"text":              {oidctest.Body(200, "text/plain", canary), provider, "something else than JSON"},
		"number for a text": {oidctest.Body(200, "application/json", `{"access_token":7}`), provider, `"access_token" in its answer has the wrong type`},
		"error with 200":    {oidctest.Body(200, "application/json", `{"error":"invalid_grant"}`), oauth, "answered invalid_grant"}, // as GitHub's
		"null":              {oidctest.Body(200, "application/json", `null`), new(*NoIDTokenError), "no ID token"},
		"line in a token":   {oidctest.Body(200, "application/json", `{"access_token":"`+canary+`\nX-Header: 1"}`), provider, "no token may hold"},
		"endless":           {oidctest.Endless(), provider, "larger than"},
		"cut":               {oidctest.Cut(), network, "cannot be reached"},
		"half":              {oidctest.HalfResponse(), network, "unexpected EOF"},
		"redirect":          {oidctest.RedirectTo("/elsewhere"), provider, "a POST request may not be sent elsewhere"},
		"redirect to http":  {oidctest.RedirectTo("http://example.com/"), provider, "a POST request may not be sent elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t, oidctest.Break(oidctest.Token, test.fault))
			_, err := discovered(t, p).Password(within(t), "alice", secret.New(alice))
			if !errors.As(err, test.as) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("error = %v (%T), want %T with %q", err, err, test.as, test.want)
			}
			if n := p.Count(oidctest.Token) + p.Count(oidctest.Elsewhere); n != 1 {
				t.Errorf("%d requests arrived, want 1", n)
			}
		})
	}
}

// x/oauth2's AuthStyleAutoDetect sends a failing request a second time in
// another style; a refresh token sent twice trips reuse detection.
func TestFailuresAreNotRepeated(t *testing.T) {
	p := oidctest.Start(t, oidctest.Confidential(oidctest.AuthBasic, "secret"))
	c := discovered(t, p, func(c *Config) { c.ClientSecret = secret.New("wrong") })
	_, err := c.Refresh(within(t), secret.New("refresh"), "")
	if wantError[*OAuthError](t, err).Code != "invalid_client" || p.Count(oidctest.Token) != 1 {
		t.Errorf("%d requests, error = %v", p.Count(oidctest.Token), err)
	}
}

// Errors carry the provider's words cleaned, and nothing that was sent to it.
func TestProviderEchoesSecrets(t *testing.T) {
	p := oidctest.Start(t, oidctest.Confidential(oidctest.AuthBasic, "client-secret:+%/ 1"), oidctest.EchoSecrets())
	c := discovered(t, p, func(c *Config) { c.ClientSecret = secret.New("client-secret:+%/ 1") })
	_, byPassword := c.Password(within(t), "alice", secret.New("canary pass+word"))
	_, byRefresh := c.Refresh(within(t), secret.New("canary-refresh"), "")
	_, byCode := signIn(t, p, c)
	code := p.Requests(oidctest.Token)[2].Form.Get("code")
	for _, err := range []error{byPassword, byRefresh, byCode} {
		wantError[*OAuthError](t, err)
		text := fmt.Sprintf("%v %+v %#v %q", err, err, err, err)
		for _, canary := range []string{"canary", "client-secret", code, basic("kubecred", "client-secret:+%/ 1"), "\x1b", "\u202e"} {
			if strings.Contains(text, canary) {
				t.Errorf("%q is in %s", canary, text)
			}
		}
	}
}

// ...neither as it was nor as it went over the wire.
func TestTextsThatRepeatSecretsAreDropped(t *testing.T) {
	c := &Client{cfg: Config{ClientID: "me", ClientSecret: secret.New("a secret")}}
	sent := c.sent(map[string][]string{"code": {"a/code"}, "grant_type": {"authorization_code"}})
	for text, kept := range map[string]bool{
		"a/code is wrong": false, "code=a%2Fcode": false, "a secret!": false, "client_secret=a+secret": false,
		"Basic " + basic("me", "a secret"): false, "authorization_code is wrong": true, "": true,
	} {
		e := newOAuthError(endpoint{}, loose("x"+text), loose(text), sent)
		if (e.Description == text) != kept || (e.Code == "an error") == kept {
			t.Errorf("%q: %+v", text, e)
		}
	}
}

func TestOAuthErrorIsCleaned(t *testing.T) {
	refusal := oidctest.Refuse(400, "bad"+oidctest.ControlText, strings.Repeat("long ", 1000)+oidctest.ControlText, nil)
	p := oidctest.Start(t, oidctest.Break(oidctest.Token, refusal))
	_, err := discovered(t, p).Password(within(t), "alice", secret.New(alice))
	if e := wantError[*OAuthError](t, err); len(err.Error()) > 450 || strings.ContainsAny(err.Error(), "\x1b\a\r\n\u202e\u2066\u009b\x00") || e.Code == "" {
		t.Errorf("error = %q", err)
	}
}

func TestSeconds(t *testing.T) {
	for raw, want := range map[string]seconds{
		`5`: 5, `"5"`: 5, `1.5`: 1, `"3600.7"`: 3600, `1e3`: 1000,
		`0`: 0, `-1`: 0, `"-5"`: 0, `0.5`: 0, `"soon"`: 0, `""`: 0, `null`: 0, `true`: 0, `[5]`: 0, `{"a":5}`: 0, `"NaN"`: 0,
		`99999999999999999999`: maxSeconds, `1e300`: maxSeconds, `"Inf"`: maxSeconds, `1e999`: maxSeconds,
	} {
		got := seconds(7)
		if err := json.Unmarshal([]byte(raw), &got); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", raw, got, err, want)
		}
	}
}

func TestLoose(t *testing.T) {
	for raw, want := range map[string]loose{`"a\u0062\/"`: "ab/", `7`: "", `null`: "", `{"a":"b"}`: "", `["a"]`: ""} {
		got := loose("before")
		if err := json.Unmarshal([]byte(raw), &got); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", raw, got, err, want)
		}
	}
}

// The access token's lifetime comes in many forms; the ID token's end is its
// own claim and does not depend on it.
func TestExpiresInDoesNotMatterToAnIDToken(t *testing.T) {
	for name, value := range oidctest.OddNumbers() {
		p := oidctest.Start(t, oidctest.Set(oidctest.Token, "expires_in", value))
		got, err := discovered(t, p).Password(within(t), "alice", secret.New(alice))
		if err != nil || time.Until(got.Expiry) < 59*time.Minute {
			t.Errorf("%s: %v, %v", name, got.Expiry, err)
		}
	}
}

// ...but does to an access token.
func TestAccessTokenExpiry(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	at := func(d time.Duration) rawClaims { return rawClaims{"exp": float64(now.Add(d).Unix())} }
	c := &Client{cfg: Config{Now: func() time.Time { return now }}}
	for name, test := range map[string]struct {
		in     seconds
		claims rawClaims
		want   time.Duration
	}{
		"beside it":        {3600, nil, time.Hour},
		"inside it":        {0, at(time.Minute), time.Minute},
		"inside is sooner": {3600, at(time.Minute), time.Minute},
		"beside is sooner": {60, at(time.Hour), time.Minute},
		"nowhere":          {0, nil, unknownLife},
		"inside, absurd":   {0, rawClaims{"exp": "tomorrow"}, unknownLife},
	} {
		if got := c.accessExpiry(tokenAnswer{ExpiresIn: test.in}, test.claims).Sub(now); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestUseAccessToken(t *testing.T) {
	foreign := func(claims string) oidctest.Option {
		return oidctest.Set(oidctest.Token, "access_token", "eyJhbGciOiJSUzI1NiJ9."+b64(claims)+".c2ln")
	}
	refused := new(*VerifyError)
	for name, test := range map[string]struct {
		options []oidctest.Option
		as      any
		subject string
	}{
		"opaque":              {nil, nil, "user-1"},
		"opaque alone":        {[]oidctest.Option{oidctest.NoIDToken()}, nil, ""},
		"JWT":                 {[]oidctest.Option{oidctest.JWTAccessTokens()}, nil, "user-1"},
		"JWT alone":           {[]oidctest.Option{oidctest.JWTAccessTokens(), oidctest.NoIDToken()}, nil, "user-1"},
		"encrypted":           {[]oidctest.Option{oidctest.NoIDToken(), oidctest.Set(oidctest.Token, "access_token", "a.b.c.d.e")}, nil, ""}, // Auth0 without audience
		"of another issuer":   {[]oidctest.Option{oidctest.NoIDToken(), foreign(`{"iss":"https://sts.example"}`)}, nil, ""},                  // ADFS, Ping, Entra ID's first version
		"of another, ended":   {[]oidctest.Option{oidctest.NoIDToken(), foreign(`{"iss":"https://sts.example","exp":1}`)}, refused, ""},
		"JWT, signed by none": {[]oidctest.Option{oidctest.JWTAccessTokens(), oidctest.NoIDToken(), oidctest.SignWith(oidctest.SignNone)}, refused, ""},
		"JWT, signed wrongly": {[]oidctest.Option{oidctest.JWTAccessTokens(), oidctest.NoIDToken(), oidctest.SignWith(oidctest.SignForeign)}, refused, ""},
		"wrong ID token":      {[]oidctest.Option{oidctest.Claim("aud", "another")}, refused, ""},
		"none":                {[]oidctest.Option{oidctest.Drop(oidctest.Token, "access_token")}, new(*ProviderError), ""},
		"of a foreign type":   {[]oidctest.Option{oidctest.Set(oidctest.Token, "token_type", "DPoP")}, new(*ProviderError), ""},
		"of an odd case":      {[]oidctest.Option{oidctest.Set(oidctest.Token, "token_type", "bearer")}, nil, "user-1"},
		"of no type":          {[]oidctest.Option{oidctest.Drop(oidctest.Token, "token_type")}, nil, "user-1"},
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t, test.options...)
			got, err := signIn(t, p, discovered(t, p, func(c *Config) { c.UseAccessToken = true }))
			if test.as != nil {
				if !errors.As(err, test.as) {
					t.Errorf("error = %v (%T)", err, err)
				}
				return
			}
			if err != nil || got.Served() != got.AccessToken || got.Claims.Subject != test.subject || !got.Expiry.After(time.Now()) {
				t.Errorf("tokens = %+v, %v", got, err)
			}
		})
	}
}

// An account that cannot be checked is not the one asked for.
func TestAccountOfAnAccessToken(t *testing.T) {
	p := oidctest.Start(t, oidctest.NoIDToken())
	c := discovered(t, p, func(c *Config) { c.UseAccessToken, c.Account = true, "alice" })
	_, err := signIn(t, p, c)
	if wrong := wantError[*WrongAccountError](t, err); wrong.Got != "" || !strings.Contains(err.Error(), "does not say that it is for alice") {
		t.Errorf("error = %v", err)
	}
	p.Apply(oidctest.JWTAccessTokens(), oidctest.SignInAs("bob"))
	_, err = signIn(t, p, c)
	if wrong := wantError[*WrongAccountError](t, err); wrong.Got != "bob@example.com" {
		t.Errorf("error = %v", err)
	}
	p.Apply(oidctest.SignInAs("alice"))
	signedIn(t, p, c)
}

// What a request that was cut off says is the person's own doing.
func TestCancelDuringARequest(t *testing.T) {
	p := oidctest.Start(t, oidctest.Break(oidctest.Token, oidctest.Hang(nil)))
	c := discovered(t, p)
	ctx, cancel := newCancel(t)
	go func() {
		defer cancel()
		if err := p.Await(ctx, oidctest.Token, 1); err != nil {
			t.Error(err)
		}
	}()
	_, err := c.Password(ctx, "alice", secret.New(alice))
	if !errors.Is(err, ctx.Err()) || errors.As(err, new(*NetworkError)) {
		t.Errorf("error = %v (%T)", err, err)
	}
}

func TestErrorsPrintTheirCause(t *testing.T) {
	for want, err := range map[string]error{
		"the provider's token endpoint at h answered 599": &NetworkError{Endpoint: tokenName, Host: "h", Status: 599},
		"the provider does not offer device login":        &UnsupportedError{"device login"},
		"no ID token on refresh":                          &NoIDTokenError{grantRefresh},
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	if status(http.StatusTeapot) != "418 I'm a teapot" {
		t.Error(status(http.StatusTeapot))
	}
}
