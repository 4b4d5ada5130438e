package oidctest

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

func revokeForm(token string) url.Values {
	return url.Values{"client_id": {ClientID}, "token": {token}}
}

func TestRevocation(t *testing.T) {
	p := Start(t, WithClient(Client{ID: "another"}))
	tokens := signedIn(t, p)
	userinfo := func() int {
		return get(t, p, pathUserinfo, "Authorization", "Bearer "+tokens.text("access_token")).status
	}
	wantRefusal(t, post(t, p, pathRevoke, values(revokeForm(tokens.text("refresh_token")), "client_id", "another")), 400, "invalid_grant")
	wantRefusal(t, post(t, p, pathRevoke, revokeForm("")), 400, "invalid_request")
	wantRefusal(t, post(t, p, pathRevoke, values(revokeForm("x"), "client_id", "unknown")), 401, "invalid_client")
	if a := post(t, p, pathRevoke, revokeForm("unknown")); a.status != http.StatusOK {
		t.Errorf("an unknown token: %d", a.status)
	}
	if userinfo() != http.StatusOK {
		t.Fatal("the access token is dead before its time")
	}
	if a := post(t, p, pathRevoke, revokeForm(tokens.text("access_token"))); a.status != http.StatusOK || userinfo() != http.StatusUnauthorized {
		t.Error("the access token lives on")
	}
	if p.Sessions()[0].Ended {
		t.Error("revoking an access token has ended the session")
	}
	post(t, p, pathRevoke, revokeForm(tokens.text("refresh_token")))
	wantRefusal(t, post(t, p, pathToken, refreshForm(tokens.text("refresh_token"))), 400, "invalid_grant")
	if s := p.Sessions()[0]; !s.Ended || s.Reused {
		t.Errorf("%+v", s)
	}
}

func TestUserinfo(t *testing.T) {
	clock := newClock()
	p := Start(t, Clock(clock.Now))
	bearer := "Bearer " + signedIn(t, p).text("access_token")
	if a := get(t, p, pathUserinfo, "Authorization", bearer); a.text("preferred_username") != "alice" {
		t.Errorf("%d %v", a.status, a.body)
	}
	for _, header := range []string{"", "Bearer guessed", "Basic " + bearer[7:]} {
		if a := get(t, p, pathUserinfo, "Authorization", header); a.status != http.StatusUnauthorized {
			t.Errorf("%q: %d", header, a.status)
		}
	}
	clock.advance(2 * time.Hour)
	if a := get(t, p, pathUserinfo, "Authorization", bearer); a.status != http.StatusUnauthorized {
		t.Errorf("an expired token: %d", a.status)
	}
}

func TestEndSession(t *testing.T) {
	p := Start(t)
	hint := signedIn(t, p).text("id_token")
	p.Apply(Claim("iss", "https://another.example"))
	foreign := signedIn(t, p).text("id_token")
	logout := func(form url.Values) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.endpoint(pathEndSession)+"?"+form.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := p.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	for name, form := range map[string]url.Values{
		"no hint":        {},
		"a forged hint":  {"id_token_hint": {flipLast(hint)}},
		"another issuer": {"id_token_hint": {foreign}},
		"another return": {"id_token_hint": {hint}, "post_logout_redirect_uri": {"https://example.com"}},
	} {
		if resp := logout(form); resp.StatusCode != http.StatusBadRequest || p.Sessions()[0].Ended {
			t.Errorf("%s: %s, %+v", name, resp.Status, p.Sessions())
		}
	}
	resp := logout(url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {callback}, "state": {"s"}})
	if resp.Header.Get("Location") != callback+"?state=s" || !p.Sessions()[0].Ended {
		t.Errorf("%s to %q, %+v", resp.Status, resp.Header.Get("Location"), p.Sessions())
	}
	if resp := logout(url.Values{"id_token_hint": {hint}}); resp.StatusCode != http.StatusOK {
		t.Errorf("without a return: %s", resp.Status)
	}
}
