package oidctest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"
)

func TestCodeRefusals(t *testing.T) {
	other := Client{ID: "another"}
	for name, spoil := range map[string]func(url.Values, *manualClock){
		"no verifier":      func(f url.Values, _ *manualClock) { f.Del("code_verifier") },
		"wrong verifier":   func(f url.Values, _ *manualClock) { f.Set("code_verifier", verifier[:42]+"A") },
		"short verifier":   func(f url.Values, _ *manualClock) { f.Set("code_verifier", "short") },
		"the challenge":    func(f url.Values, _ *manualClock) { f.Set("code_verifier", challenge) },
		"another redirect": func(f url.Values, _ *manualClock) { f.Set("redirect_uri", "http://localhost:18000") },
		"no redirect":      func(f url.Values, _ *manualClock) { f.Del("redirect_uri") },
		"another client":   func(f url.Values, _ *manualClock) { f.Set("client_id", other.ID) },
		"another code":     func(f url.Values, _ *manualClock) { f.Set("code", "guessed") },
		"too late":         func(_ url.Values, c *manualClock) { c.advance(2 * time.Minute) },
	} {
		clock := newClock()
		p := Start(t, WithClient(other), Clock(clock.Now))
		form := codeForm(callbackOf(t, p, authRequestForm()).Get("code"))
		spoil(form, clock)
		if a := post(t, p, pathToken, form); a.status != http.StatusBadRequest || a.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		}
	}
}

func TestVerifierWithoutChallenge(t *testing.T) {
	p := Start(t, func(c *Config) { c.PKCEOptional = true })
	request := values(authRequestForm(), "code_challenge", "", "code_challenge_method", "")
	wantRefusal(t, post(t, p, pathToken, codeForm(callbackOf(t, p, request).Get("code"))), 400, "invalid_grant")
	form := codeForm(callbackOf(t, p, request).Get("code"))
	form.Del("code_verifier")
	if a := post(t, p, pathToken, form); a.status != http.StatusOK {
		t.Errorf("%d %v", a.status, a.body)
	}
}

func TestCodeOnlyOnce(t *testing.T) {
	p := Start(t)
	form := codeForm(callbackOf(t, p, authRequestForm()).Get("code"))
	first := post(t, p, pathToken, form)
	if first.status != http.StatusOK {
		t.Fatalf("%d %v", first.status, first.body)
	}
	wantRefusal(t, post(t, p, pathToken, form), 400, "invalid_grant")
	if s := p.Sessions()[0]; !s.Ended || !s.Reused {
		t.Errorf("the session lives on: %+v", s)
	}
	wantRefusal(t, post(t, p, pathToken, refreshForm(first.text("refresh_token"))), 400, "invalid_grant")
	if a := get(t, p, pathUserinfo, "Authorization", "Bearer "+first.text("access_token")); a.status != http.StatusUnauthorized {
		t.Errorf("userinfo answers %d", a.status)
	}
}

func TestFormRefusals(t *testing.T) {
	p := Start(t)
	form := codeForm("x")
	twice := codeForm("x")
	twice["code"] = []string{"x", "y"}
	wantRefusal(t, post(t, p, pathToken, twice), 400, "invalid_request")
	wantRefusal(t, post(t, p, pathToken+"?code=x", form), 400, "invalid_request")
	wantRefusal(t, post(t, p, pathToken, values(form, "grant_type", "implicit")), 400, "unsupported_grant_type")
	wantRefusal(t, post(t, p, pathToken, values(form, "grant_type", "")), 400, "unsupported_grant_type")
	wantRefusal(t, get(t, p, pathToken), 405, "invalid_request")
	p.Apply(Grants(GrantDevice))
	wantRefusal(t, post(t, p, pathToken, form), 400, "unauthorized_client")
}

func TestRefreshRotates(t *testing.T) {
	p := Start(t)
	first := signedIn(t, p)
	second := post(t, p, pathToken, values(refreshForm(first.text("refresh_token")), "scope", "openid email"))
	if second.status != http.StatusOK || second.text("refresh_token") == first.text("refresh_token") {
		t.Fatalf("%d %v", second.status, second.body)
	}
	before, after := claimsIn(t, first.text("id_token")), claimsIn(t, second.text("id_token"))
	if after["sub"] != before["sub"] || after["auth_time"] != before["auth_time"] || after["nonce"] != nil {
		t.Errorf("refreshed %v to %v", before, after)
	}
	third := post(t, p, pathToken, refreshForm(second.text("refresh_token")))
	if third.status != http.StatusOK || p.Sessions()[0].Refreshes != 2 || p.CountGrant(GrantRefresh) != 2 {
		t.Fatalf("%d %v, %+v", third.status, third.body, p.Sessions())
	}
	// A copy of an old one ends everything.
	wantRefusal(t, post(t, p, pathToken, refreshForm(first.text("refresh_token"))), 400, "invalid_grant")
	wantRefusal(t, post(t, p, pathToken, refreshForm(third.text("refresh_token"))), 400, "invalid_grant")
	if s := p.Sessions()[0]; !s.Reused || !s.Ended {
		t.Errorf("%+v", s)
	}
}

func TestRefreshRefusals(t *testing.T) {
	clock := newClock()
	p := Start(t, Clock(clock.Now), WithClient(Client{ID: "another"}))
	refresh := signedIn(t, p).text("refresh_token")
	wantRefusal(t, post(t, p, pathToken, values(refreshForm(refresh), "client_id", "another")), 400, "invalid_grant")
	wantRefusal(t, post(t, p, pathToken, refreshForm("guessed")), 400, "invalid_grant")
	p.Apply(func(c *Config) { c.RefreshNeedsOpenID = true })
	wantRefusal(t, post(t, p, pathToken, values(refreshForm(refresh), "scope", "email")), 400, "invalid_scope")
	p.Apply(func(c *Config) { c.RefreshNeedsOpenID = false })
	clock.advance(25 * time.Hour)
	wantRefusal(t, post(t, p, pathToken, refreshForm(refresh)), 400, "invalid_grant")
	refresh = signedIn(t, p).text("refresh_token")
	p.EndSessions()
	wantRefusal(t, post(t, p, pathToken, refreshForm(refresh)), 400, "invalid_grant")
	for _, s := range p.Sessions() {
		if s.Reused {
			t.Error("a refusal counts as a reuse")
		}
	}
}

func TestRefreshScopeCannotGrow(t *testing.T) {
	p := Start(t)
	code := callbackOf(t, p, values(authRequestForm(), "scope", "openid offline_access")).Get("code")
	refresh := post(t, p, pathToken, codeForm(code)).text("refresh_token")
	wantRefusal(t, post(t, p, pathToken, values(refreshForm(refresh), "scope", "openid groups")), 400, "invalid_scope")
	if a := post(t, p, pathToken, refreshForm(refresh)); a.status != http.StatusOK {
		t.Errorf("a refused scope has spent the token: %v", a.body)
	}
}

func TestRefreshTokenPolicies(t *testing.T) {
	bare := values(authRequestForm(), "scope", "openid")
	p := Start(t)
	if a := post(t, p, pathToken, codeForm(callbackOf(t, p, bare).Get("code"))); a.text("refresh_token") != "" {
		t.Error("a refresh token without offline_access")
	}
	p.Apply(AlwaysRefresh(), NoRotation())
	refresh := post(t, p, pathToken, codeForm(callbackOf(t, p, bare).Get("code"))).text("refresh_token")
	for range 2 {
		if a := post(t, p, pathToken, refreshForm(refresh)); a.status != http.StatusOK || a.text("refresh_token") != "" {
			t.Errorf("%d %v", a.status, a.body)
		}
	}
}

func TestRefreshTokenByParameter(t *testing.T) {
	p := Start(t, OfflineByParameter(), DeviceApprovedAfter(1))
	for i, step := range []struct {
		parameters []string
		want       bool
	}{
		{nil, false},
		{[]string{"access_type", "offline"}, false}, // somebody signed in before
		{[]string{"prompt", "consent"}, false},
		{[]string{"access_type", "offline", "prompt", "consent"}, true},
		{[]string{"access_type", "offline", "login_hint", "bob"}, true}, // bob's first time
		{[]string{"access_type", "offline", "login_hint", "bob"}, false},
	} {
		request := values(authRequestForm(), append([]string{"scope", "openid"}, step.parameters...)...)
		a := post(t, p, pathToken, codeForm(callbackOf(t, p, request).Get("code")))
		if got := a.text("refresh_token") != ""; a.status != http.StatusOK || got != step.want {
			t.Errorf("step %d: a refresh token: %v, %d", i+1, got, a.status)
		}
	}
	if a := post(t, p, pathToken, pollForm(post(t, p, pathDevice, deviceForm()))); a.text("refresh_token") == "" {
		t.Errorf("none by device: %d %v", a.status, a.body)
	}
}

func TestPasswordGrant(t *testing.T) {
	p := Start(t)
	form := url.Values{"grant_type": {GrantPassword}, "client_id": {ClientID}, "username": {"bob"}, "password": {"bob's password"}, "scope": {"openid"}}
	if a := post(t, p, pathToken, form); a.status != http.StatusOK || claimsIn(t, a.text("id_token"))["sub"] != "user-2" {
		t.Errorf("%d %v", a.status, a.body)
	}
	wantRefusal(t, post(t, p, pathToken, values(form, "password", "wrong")), 400, "invalid_grant")
	wantRefusal(t, post(t, p, pathToken, values(form, "username", "nobody")), 400, "invalid_grant")
	wantRefusal(t, post(t, p, pathToken, values(form, "scope", "admin")), 400, "invalid_scope")
	p.Apply(WithUser(User{Sub: "x", PreferredUsername: "x"}))
	wantRefusal(t, post(t, p, pathToken, values(form, "username", "x", "password", "")), 400, "invalid_grant")
}

func TestClientCredentialsGrant(t *testing.T) {
	p := Start(t)
	form := url.Values{"grant_type": {GrantClientCredentials}, "client_id": {ClientID}, "scope": {"openid"}}
	wantRefusal(t, post(t, p, pathToken, form), 400, "unauthorized_client")
	p.Apply(Confidential(AuthPost, "secret"))
	form.Set("client_secret", "secret")
	a := post(t, p, pathToken, form)
	if a.status != http.StatusOK || a.text("id_token") != "" || a.text("refresh_token") != "" {
		t.Errorf("%d %v", a.status, a.body)
	}
	p.Apply(func(c *Config) { c.ServiceIDToken, c.AlwaysRefresh = true, true })
	a = post(t, p, pathToken, form)
	if claimsIn(t, a.text("id_token"))["sub"] != ClientID || a.text("refresh_token") != "" {
		t.Errorf("%v", a.body)
	}
}

func TestJWTAccessToken(t *testing.T) {
	p := Start(t, JWTAccessTokens(), TokenLifetime(time.Minute))
	code := callbackOf(t, p, values(authRequestForm(), "audience", "https://api.example")).Get("code")
	a := post(t, p, pathToken, codeForm(code))
	claims := claimsIn(t, a.text("access_token"))
	if claims["aud"] != "https://api.example" || claims["client_id"] != ClientID || claims["email"] != "alice@example.com" {
		t.Errorf("%v", claims)
	}
	if a.body["expires_in"] != 60.0 {
		t.Errorf("expires_in is %v", a.body["expires_in"])
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("tokens may be cached")
	}
}

func TestKeysRotate(t *testing.T) {
	p := Start(t)
	kids := func() map[string]bool {
		var set struct{ Keys []struct{ Kid string } }
		text, err := json.Marshal(get(t, p, pathJWKS).body)
		if err == nil {
			err = json.Unmarshal(text, &set)
		}
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, k := range set.Keys {
			found[k.Kid] = true
		}
		return found
	}
	old := p.keys.current().id
	if err := p.RotateKey(); err != nil {
		t.Fatal(err)
	}
	if got := kids(); len(got) != 2 || !got[old] || !got[p.keys.current().id] {
		t.Errorf("after a rotation: %v", got)
	}
	if err := p.ReplaceKey(); err != nil {
		t.Fatal(err)
	}
	if got := kids(); len(got) != 1 || !got[p.keys.current().id] {
		t.Errorf("after a replacement: %v", got)
	}
}
