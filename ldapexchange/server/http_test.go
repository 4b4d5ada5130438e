package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/kubecred/kubecred/internal/secret"
)

type secretText = secret.Text

func stringBody(s string) *strings.Reader { return strings.NewReader(s) }

func TestDiscovery(t *testing.T) {
	w := newWorld(t)
	var m map[string]any
	answer := w.request("GET", "/.well-known/openid-configuration", "", "")
	if err := json.Unmarshal([]byte(answer.body), &m); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"issuer": issuer, "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys", "revocation_endpoint": issuer + "/revoke",
		"kubernetes_credentials_endpoint": issuer + "/v1/credentials", "grant_types_supported": "[password refresh_token]",
		"scopes_supported": "[openid offline_access]", "response_types_supported": "[]", "subject_types_supported": "[public]",
		"token_endpoint_auth_methods_supported": "[none]", "id_token_signing_alg_values_supported": "[ES256]",
	} {
		if fmt.Sprint(m[key]) != want {
			t.Errorf("%s: %v; want %s", key, m[key], want)
		}
	}
	if _, there := m["authorization_endpoint"]; there {
		t.Error("there is no authorization endpoint")
	}
	if answer.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("%v", answer.Header)
	}
	w = newWorld(t, func(o *Options) { o.Clusters = nil })
	if strings.Contains(w.request("GET", "/.well-known/openid-configuration", "", "").body, "kubernetes_credentials_endpoint") {
		t.Error("certificates are offered without an authority")
	}
}

func TestIssuerWithAPath(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Issuer = issuer + "/sign/in" })
	if answer := w.request("GET", "/sign/in/.well-known/openid-configuration", "", ""); answer.StatusCode != 200 || !strings.Contains(answer.body, issuer+"/sign/in/token") {
		t.Errorf("%d %s", answer.StatusCode, answer.body)
	}
	if answer := w.request("GET", "/livez", "", ""); answer.StatusCode != 200 {
		t.Errorf("livez: %d", answer.StatusCode)
	}
}

func TestKeys(t *testing.T) {
	w := newWorld(t)
	answer := w.request("GET", "/keys", "", "")
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(answer.body), &set); err != nil || len(set.Keys) != 1 || !set.Keys[0].IsPublic() {
		t.Errorf("%s: %v", answer.body, err)
	}
	tag := answer.Header.Get("ETag")
	if answer.Header.Get("Cache-Control") != "public, max-age=15" || tag == "" {
		t.Errorf("%v", answer.Header)
	}
	if again := w.request("GET", "/keys", "", "", "If-None-Match", tag); again.StatusCode != 304 || again.body != "" {
		t.Errorf("%d %s", again.StatusCode, again.body)
	}
	w.signer.key = testKey(t)
	if again := w.request("GET", "/keys", "", "", "If-None-Match", tag); again.StatusCode != 200 || again.Header.Get("ETag") == tag {
		t.Errorf("a new key is not shown: %d", again.StatusCode)
	}
}

func TestRevoke(t *testing.T) {
	tests := map[string]struct {
		token   func(granted) string
		changes []string
		ended   bool // the session
		revoked bool // the ID token
	}{
		"the refresh token":      {func(g granted) string { return g.RefreshToken }, nil, true, true},
		"with a wrong hint":      {func(g granted) string { return g.RefreshToken }, []string{"token_type_hint", "access_token"}, true, true},
		"the ID token":           {func(g granted) string { return g.IDToken }, nil, false, true},
		"the access token":       {func(g granted) string { return g.AccessToken }, nil, false, false},
		"nonsense":               {func(granted) string { return "nonsense" }, nil, false, false},
		"another client's":       {func(g granted) string { return g.RefreshToken }, []string{"client_id", "only-a"}, false, false},
		"another client's token": {func(g granted) string { return g.IDToken }, []string{"client_id", "only-a"}, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got := w.login().tokens(t)
			answer := w.form("/revoke", append([]string{"client_id", "kubernetes", "token", test.token(got)}, test.changes...)...)
			if answer.StatusCode != 200 || answer.body != "" {
				t.Errorf("answered %d %s", answer.StatusCode, answer.body)
			}
			if authenticated := w.reviewed("a", got.IDToken).status(t).Authenticated; authenticated == test.revoked {
				t.Errorf("the ID token is good: %t", authenticated)
			}
			if refreshed := w.refresh(got.RefreshToken).StatusCode == 200; refreshed == test.ended {
				t.Errorf("the session goes on: %t", refreshed)
			}
		})
	}
}

// A token that was spent already ends its session too: logout may come after a
// refresh whose answer was lost.
func TestRevokeSpentToken(t *testing.T) {
	w := newWorld(t)
	first := w.login().tokens(t)
	second := w.refresh(first.RefreshToken).tokens(t)
	if answer := w.form("/revoke", "client_id", "kubernetes", "token", first.RefreshToken); answer.StatusCode != 200 {
		t.Errorf("answered %d", answer.StatusCode)
	}
	w.refresh(second.RefreshToken).refused(t, 400, "invalid_grant")
}

func TestRevokeRefuses(t *testing.T) {
	w := newWorld(t)
	got := w.login().tokens(t)
	w.form("/revoke", "client_id", "other", "token", "x").refused(t, 401, "invalid_client")
	w.form("/revoke", "client_id", "kubernetes").refused(t, 400, "invalid_request")
	w.request("GET", "/revoke", "", "").refused(t, 405, "invalid_request")
	w.form("/revoke?token=x", "client_id", "kubernetes", "token", "x").refused(t, 400, "invalid_request")
	w.state.err = errors.New("disk full")
	w.form("/revoke", "client_id", "kubernetes", "token", got.RefreshToken).refused(t, 503, "temporarily_unavailable")
	w.form("/revoke", "client_id", "kubernetes", "token", got.IDToken).refused(t, 503, "temporarily_unavailable")
}

func TestHeadersAreEverywhere(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/token", "/keys", "/livez", "/readyz", "/nothing", "/v1/credentials", "/v1/clusters/a/tokenreview"} {
		h := w.request("GET", path, "", "").Header
		if h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "'none'") || h.Get("Cache-Control") == "" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s: %v", path, h)
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may be read by pages", path)
		}
	}
	w.request("GET", "/nothing", "", "").refused(t, 404, "not_found")
}

func TestPanicIsAnAnswer(t *testing.T) {
	w := newWorld(t)
	w.directory.slow = func(string) { panic("canary-panic " + password) }
	answer := w.login()
	answer.refused(t, 500, "server_error")
	if all := answer.body + w.told.String(); strings.Contains(all, "canary") {
		t.Errorf("the panic was told: %s", all)
	}
	if line := w.lastLine("password"); line["decision"] != "failed" || line["reason"] != "panic" {
		t.Errorf("audit: %v", line)
	}
	w.directory.slow = nil
	w.login().tokens(t) // nobody waits for the user's turn forever
}

func TestRequestIDsDiffer(t *testing.T) {
	w := newWorld(t)
	a, b := w.request("GET", "/livez", "", "", "X-Request-Id", "mine"), w.request("GET", "/livez", "", "")
	if id := a.Header.Get("X-Request-Id"); id == "mine" || id == b.Header.Get("X-Request-Id") {
		t.Errorf("%s", id)
	}
}

// What a person or an attacker types cannot forge a line.
func TestAuditIsClean(t *testing.T) {
	w := newWorld(t)
	w.login("username", "eve\n{\"msg\":\"password\",\"decision\":\"granted\"}\x1b[2J\u202e", "password", "wrong")
	lines := w.lines("password")
	if len(lines) != 1 || lines[0]["decision"] != "refused" || lines[0]["reason"] != "credentials" {
		t.Fatalf("%v", lines)
	}
	w = newWorld(t)
	w.directory.set(func(d *fakeDirectory) { d.err = &AccountError{AccountLocked} }) // who has such a name
	w.login("username", "eve\n{\"msg\":\"password\",\"decision\":\"granted\"}\x1b[2J\u202e")
	if name, ok := w.lastLine("password")["name"].(string); !ok || strings.ContainsAny(name, "\n\x1b\u202e") {
		t.Errorf("%q", name)
	}
	w.login("username", strings.Repeat("x ", maxName/2-1)+"x")
	if name, ok := w.lastLine("password")["name"].(string); !ok || len(name) > 2*maxTold {
		t.Errorf("%d bytes of a name were told", len(name))
	}
}

// Canaries go through every route, good and bad, with rooms that repeat them in
// their errors; none comes out but in the answers that are to hold them.
func TestCanaries(t *testing.T) {
	w := newWorld(t)
	got := w.login().tokens(t)
	secrets := []string{password, url.QueryEscape(password), got.IDToken, got.AccessToken, got.RefreshToken, calling, "canary"}
	basicAlice := basic("alice", password)
	secrets = append(secrets, strings.TrimPrefix(basicAlice, "Basic "))
	var answers strings.Builder
	run := func() {
		for _, a := range []answerOf{
			w.login("password", "canary-wrong"), w.login("grant_type", "canary"), w.login("client_id", "canary-client"), w.login("client_secret", "canary-secret"),
			w.login("audience", "canary-audience"), w.login("scope", "canary"), w.login("password", "canary\x00"), w.login("username", "canary-name"),
			w.refresh("canary-refresh-unknown"), w.refresh(got.RefreshToken, "client_id", "only-a"), w.refresh(got.IDToken),
			w.form("/token?password=canary"), w.form("/revoke", "client_id", "kubernetes", "token", "canary"), w.form("/revoke?token=canary"),
			w.reviewed("b", got.IDToken), w.reviewed("a", got.RefreshToken), w.reviewed("a", "canary.canary.canary"),
			w.request("POST", "/v1/clusters/a/tokenreview", "application/json", `{"spec":{"token":"canary"}}`, "Authorization", "Bearer canary"),
			w.certificate("a", basic("alice", "canary-wrong")), w.certificate("a", "Bearer canary.x.y"), w.certificate("x", basicAlice),
			w.certificate("a", "Bearer "+got.IDToken), w.request("GET", "/canary", "", ""), w.request("GET", "/metrics", "", ""), w.request("GET", "/readyz", "", ""),
		} {
			answers.WriteString(a.body)
			fmt.Fprintln(&answers, a.Header)
		}
	}
	run()
	w.directory.set(func(d *fakeDirectory) { d.err = fmt.Errorf("bind: %s %s", password, "canary-wrong") })
	w.login()
	w.certificate("a", basicAlice)
	w.directory.set(func(d *fakeDirectory) { d.err = nil })
	w.state.set(func(s *fakeState) { s.err = fmt.Errorf("no row %s %s", got.RefreshToken, got.IDToken) })
	w.refresh(got.RefreshToken)
	w.reviewed("a", got.IDToken)
	w.state.set(func(s *fakeState) { s.err = ErrUnavailable })
	run()
	told := w.told.String()
	if len(w.lines("review")) == 0 || !strings.Contains(told, "request failed") {
		t.Fatal("nothing was told at all")
	}
	for _, s := range secrets {
		if i := strings.Index(told, s); i >= 0 {
			t.Errorf("the log or the audit holds %q: %s", s, told[max(0, i-200):i])
		}
		if i := strings.Index(answers.String(), s); i >= 0 {
			t.Errorf("an answer holds %q: %s", s, answers.String()[max(0, i-200):i])
		}
	}
}

func TestMetrics(t *testing.T) {
	w := newWorld(t)
	got := w.login().tokens(t)
	w.login("username", "bob", "password", "wrong")
	w.reviewed("a", got.IDToken)
	w.request("BREW", "/pot-of-tea", "", "")
	text := w.request("GET", "/metrics", "", "").body
	for _, want := range []string{
		`kubecred_exchange_requests_total{code="200",route="token"} 1`,
		`kubecred_exchange_requests_total{code="404",route="other"} 1`,
		`kubecred_exchange_decisions_total{decision="granted",event="password",reason=""} 1`,
		`kubecred_exchange_decisions_total{decision="refused",event="password",reason="credentials"} 1`,
		`kubecred_exchange_decisions_total{decision="granted",event="review",reason=""} 1`,
		`kubecred_exchange_directory_duration_seconds_count{operation="authenticate",result="found"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	for _, name := range []string{"alice", "bob", "pot-of-tea", "BREW", "192.0.2", "cluster-a"} {
		if strings.Contains(text, name) {
			t.Errorf("metrics tell %s", name)
		}
	}
	w = newWorld(t, func(o *Options) { o.SeparateMetrics = true })
	if answer := w.request("GET", "/metrics", "", ""); answer.StatusCode != 404 {
		t.Errorf("metrics are not apart: %d", answer.StatusCode)
	}
	recorded := httptest.NewRecorder()
	w.server.Metrics().ServeHTTP(recorded, httptest.NewRequest("GET", "/metrics", nil))
	if recorded.Code != http.StatusOK {
		t.Errorf("%d", recorded.Code)
	}
}
