package oidctest

// Whole logins, judged by libraries that other people wrote.

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// thirdParty is go-oidc and x/oauth2 as a client of the provider.
func thirdParty(t *testing.T, p *Provider) (context.Context, *oidc.Provider, *oauth2.Config) {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), p.Client())
	provider, err := oidc.NewProvider(ctx, p.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	return ctx, provider, &oauth2.Config{
		ClientID:    ClientID,
		Endpoint:    endpoint,
		RedirectURL: callback,
		Scopes:      []string{"openid", "email", "offline_access"},
	}
}

func TestThirdPartiesSignIn(t *testing.T) {
	for name, opts := range map[string][]Option{
		"http":            nil,
		"https":           {TLS()},
		"page":            {LoginPage()},
		"path":            {Path("/realms/demo")},
		"slash":           {Path("/")},
		"RSA":             {RS256()},
		"no iss":          {NoIssuerParameter()},
		"JWT access":      {JWTAccessTokens()},
		"confidential":    {Confidential(AuthPost, "s3cret:+%/ ")},
		"grown key set":   {GrowingKeys(3)},
		"S256 not stated": {NoPKCEAdvertised()},
	} {
		t.Run(name, func(t *testing.T) {
			p := Start(t, opts...)
			ctx, provider, config := thirdParty(t, p)
			if name == "confidential" {
				config.ClientSecret = "s3cret:+%/ "
			}
			address := config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("nonce"))
			back, err := Browser{CAPEM: p.CAPEM()}.Callback(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(back)
			if err != nil {
				t.Fatal(err)
			}
			tokens, err := config.Exchange(ctx, u.Query().Get("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := tokens.Extra("id_token").(string)
			id, err := provider.Verifier(&oidc.Config{ClientID: ClientID}).Verify(ctx, raw)
			if err != nil {
				t.Fatal(err)
			}
			if err := id.VerifyAccessToken(tokens.AccessToken); err != nil {
				t.Error(err)
			}
			info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
			if err != nil {
				t.Fatal(err)
			}
			if id.Subject != "user-1" || id.Nonce != "nonce" || info.Email != "alice@example.com" {
				t.Errorf("signed in as %q with nonce %q and email %q", id.Subject, id.Nonce, info.Email)
			}
		})
	}
}

// client is a listener that notes the callback and shows a page.
func client(t *testing.T) (redirect string, received <-chan *http.Request) {
	t.Helper()
	got := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		w.Header().Set("X-Client", "kubecred")
		w.Write([]byte("you can close this tab"))
		got <- r
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func TestBrowserEndsOnTheClientsPage(t *testing.T) {
	for _, mode := range []string{"", "query", "form_post"} {
		for _, opt := range []Option{func(*Config) {}, LoginPage()} {
			p := Start(t, opt)
			redirect, received := client(t)
			request := values(authRequestForm(), "redirect_uri", redirect, "response_mode", mode)
			page, err := Browser{Username: "bob"}.Open(t.Context(), p.endpoint(pathAuthorize)+"?"+request.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if page.Status != http.StatusOK || page.Body != "you can close this tab" || page.Header.Get("X-Client") == "" {
				t.Errorf("%q: the browser ended on %+v", mode, page)
			}
			form := (<-received).Form
			if form.Get("state") != "the state +/&" || form.Get("iss") != p.Issuer || form.Get("code") == "" {
				t.Errorf("%q: the client was told %v", mode, form)
			}
		}
	}
}

func TestBrowserTypesAndCancels(t *testing.T) {
	p := Start(t, LoginPage())
	address := p.endpoint(pathAuthorize) + "?" + authRequestForm().Encode()
	if _, err := (Browser{Username: "bob"}).Callback(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	if s := p.Sessions(); len(s) != 1 || s[0].Username != "bob" {
		t.Errorf("sessions: %+v", s)
	}
	back, err := Browser{Deny: true}.Callback(t.Context(), address)
	if err != nil || !strings.Contains(back, "error=access_denied") {
		t.Errorf("after Cancel: %q, %v", back, err)
	}
	if p.Count(Authorize) != 2 || p.Count(SignIn) != 2 {
		t.Errorf("%d openings, %d clicks", p.Count(Authorize), p.Count(SignIn))
	}
}

func TestBrowserStaysOnLoopback(t *testing.T) {
	p := Start(t, Redirects("https://example.com/callback"))
	request := values(authRequestForm(), "redirect_uri", "https://example.com/callback")
	page, err := Browser{}.Open(t.Context(), p.endpoint(pathAuthorize)+"?"+request.Encode())
	if err != nil || page.Status != http.StatusSeeOther {
		t.Fatalf("%+v, %v", page, err)
	}
}

func TestBrowserGivesUpOnCircles(t *testing.T) {
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, server.URL, http.StatusFound)
	}))
	defer server.Close()
	if _, err := (Browser{}).Open(t.Context(), server.URL); err == nil {
		t.Error("the browser found an end in a circle")
	}
}

func TestWhoSignsIn(t *testing.T) {
	carol := User{Sub: "user-3", PreferredUsername: "carol"}
	for name, tt := range map[string]struct {
		opts []Option
		hint string
		want string
	}{
		"the first":           {nil, "", "alice"},
		"the hinted":          {nil, "bob@example.com", "bob"},
		"the hinted, unknown": {nil, "nobody", "alice"},
		"the set one":         {[]Option{SignInAs("bob")}, "alice", "bob"},
		"the added":           {[]Option{WithUser(carol)}, "", "carol"},
	} {
		p := Start(t, tt.opts...)
		callbackOf(t, p, values(authRequestForm(), "login_hint", tt.hint))
		if got := p.Sessions()[0].Username; got != tt.want {
			t.Errorf("%s: %s signed in, want %s", name, got, tt.want)
		}
	}
}

func TestClaimsFollowTheScope(t *testing.T) {
	p := Start(t, WithUser(User{Sub: "s", Email: "e@example.com", PreferredUsername: "u", Name: "n", Groups: []string{"g"}, Extra: map[string]any{"cognito:groups": []string{"x"}}}))
	for scope, want := range map[string][]string{
		"openid":         {},
		"openid email":   {"email", "email_verified"},
		"openid profile": {"name", "preferred_username"},
		"openid groups":  {"groups"},
	} {
		code := callbackOf(t, p, values(authRequestForm(), "scope", scope)).Get("code")
		claims := claimsIn(t, post(t, p, pathToken, codeForm(code)).text("id_token"))
		for _, common := range []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "cognito:groups"} {
			if claims[common] == nil {
				t.Errorf("%q: no claim %s", scope, common)
			}
			delete(claims, common)
		}
		var got []string
		for name := range claims {
			got = append(got, name)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q gives %v, want %v", scope, got, want)
		}
	}
}
