package oidctest

import (
	"net/http"
	"net/url"
	"testing"
)

// authorizeOnce sends a request and returns the answer unfollowed.
func authorizeOnce(t *testing.T, p *Provider, request url.Values) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.endpoint(pathAuthorize)+"?"+request.Encode(), nil)
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

func TestNothingIsRedirectedToAStranger(t *testing.T) {
	p := Start(t)
	for name, request := range map[string]url.Values{
		"unknown client":     values(authRequestForm(), "client_id", "another"),
		"no client":          values(authRequestForm(), "client_id", ""),
		"no redirect":        values(authRequestForm(), "redirect_uri", ""),
		"another host":       values(authRequestForm(), "redirect_uri", "http://example.com:8000"),
		"another path":       values(authRequestForm(), "redirect_uri", callback+"/"),
		"another query":      values(authRequestForm(), "redirect_uri", callback+"?a=b"),
		"https":              values(authRequestForm(), "redirect_uri", "https://localhost:8000"),
		"user":               values(authRequestForm(), "redirect_uri", "http://me@localhost:8000"),
		"host that begins":   values(authRequestForm(), "redirect_uri", "http://localhost.example.com:8000"),
		"unparsable":         values(authRequestForm(), "redirect_uri", "http://[::1"),
		"loopback unlisted":  values(authRequestForm(), "redirect_uri", "http://127.0.0.2:8000"),
		"a fragment":         values(authRequestForm(), "redirect_uri", callback+"#x"),
		"two redirect hosts": values(authRequestForm(), "redirect_uri", "http://localhost:8000@example.com"),
	} {
		resp := authorizeOnce(t, p, request)
		if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Location") != "" {
			t.Errorf("%s: %s to %q", name, resp.Status, resp.Header.Get("Location"))
		}
	}
}

func TestPortsOfLoopbackRedirects(t *testing.T) {
	strict, native := Start(t, ExactPorts()), Start(t)
	for redirect, want := range map[string][2]bool{
		"http://localhost:8000":  {true, true},
		"http://localhost:18000": {true, true},
		"http://localhost:40000": {false, true},
		"http://127.0.0.1:40000": {false, true},
		"http://[::1]:40000":     {false, true},
		"http://127.0.0.1":       {true, true},
	} {
		request := values(authRequestForm(), "redirect_uri", redirect)
		for i, p := range []*Provider{strict, native} {
			if got := authorizeOnce(t, p, request).StatusCode == http.StatusSeeOther; got != want[i] {
				t.Errorf("%s, exact ports %v: accepted %v", redirect, i == 0, got)
			}
		}
	}
}

func TestPortsOfOtherRedirects(t *testing.T) {
	p := Start(t, Redirects("http://example.com/callback"))
	request := values(authRequestForm(), "redirect_uri", "http://example.com:81/callback")
	if resp := authorizeOnce(t, p, request); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%s to %q", resp.Status, resp.Header.Get("Location"))
	}
}

func TestAuthorizationRefusals(t *testing.T) {
	twice := authRequestForm()
	twice["nonce"] = []string{"a", "b"}
	for name, tt := range map[string]struct {
		opts    []Option
		request url.Values
		want    string
	}{
		"implicit":           {nil, values(authRequestForm(), "response_type", "id_token"), "unsupported_response_type"},
		"no response type":   {nil, values(authRequestForm(), "response_type", ""), "unsupported_response_type"},
		"fragment":           {nil, values(authRequestForm(), "response_mode", "fragment"), "invalid_request"},
		"request object":     {nil, values(authRequestForm(), "request", "x"), "request_not_supported"},
		"no openid":          {nil, values(authRequestForm(), "scope", "email"), "invalid_scope"},
		"unknown scope":      {nil, values(authRequestForm(), "scope", "openid admin"), "invalid_scope"},
		"no offline_access":  {[]Option{Scopes("openid", "email", "profile", "groups")}, authRequestForm(), "invalid_scope"},
		"no PKCE":            {nil, values(authRequestForm(), "code_challenge", "", "code_challenge_method", ""), "invalid_request"},
		"plain PKCE":         {nil, values(authRequestForm(), "code_challenge_method", "plain"), "invalid_request"},
		"PKCE by default":    {nil, values(authRequestForm(), "code_challenge_method", ""), "invalid_request"},
		"short challenge":    {nil, values(authRequestForm(), "code_challenge", "short"), "invalid_request"},
		"a parameter twice":  {nil, twice, "invalid_request"},
		"the grant unused":   {[]Option{Grants(GrantDevice)}, authRequestForm(), "unauthorized_client"},
		"the person says no": {[]Option{Deny()}, authRequestForm(), "access_denied"},
		"prompt none":        {[]Option{LoginPage()}, values(authRequestForm(), "prompt", "none"), "login_required"},
		"no such user":       {[]Option{SignInAs("nobody")}, authRequestForm(), "access_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Start(t, tt.opts...)
			got := callbackOf(t, p, tt.request)
			if got.Get("error") != tt.want || got.Get("state") != "the state +/&" || got.Get("iss") != p.Issuer || got.Has("code") {
				t.Errorf("the client was told %v, want %s", got, tt.want)
			}
			if len(p.Sessions()) != 0 {
				t.Error("a session began all the same")
			}
		})
	}
}

func TestRedirectEdits(t *testing.T) {
	p := Start(t, SetRedirect("iss", "https://evil.example"), SetRedirect("state", ""))
	if got := callbackOf(t, p, authRequestForm()); got.Get("iss") != "https://evil.example" || got.Has("state") || !got.Has("code") {
		t.Errorf("the client was told %v", got)
	}
	p.Apply(Honest(), NoIssuerParameter())
	if got := callbackOf(t, p, authRequestForm()); got.Has("iss") || !got.Has("state") {
		t.Errorf("the client was told %v", got)
	}
	if _, advertised := get(t, p, pathDiscovery).body["authorization_response_iss_parameter_supported"]; advertised {
		t.Error("iss is advertised and not sent")
	}
}
