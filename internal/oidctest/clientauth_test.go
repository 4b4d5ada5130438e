package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const oddSecret = "a:b+c%d/e f"

// basicHeader joins credentials as they are given.
func basicHeader(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// service is a token request that needs only client authentication.
func service() url.Values { return url.Values{"grant_type": {GrantClientCredentials}} }

func TestBasic(t *testing.T) {
	p := Start(t, Confidential(AuthBasic, oddSecret))
	for name, tt := range map[string]struct {
		header string
		status int
	}{
		"form-encoded":   {basicHeader(ClientID, url.QueryEscape(oddSecret)), 200},
		"percent spaces": {basicHeader(ClientID, url.PathEscape(oddSecret)), 401}, // leaves : and + alone
		"raw":            {basicHeader(ClientID, oddSecret), 401},
		"wrong":          {basicHeader(ClientID, "wrong"), 401},
		"no secret":      {basicHeader(ClientID, ""), 401},
		"no colon":       {"Basic " + base64.StdEncoding.EncodeToString([]byte(ClientID)), 401},
		"not base64":     {"Basic ???", 401},
		"bearer":         {"Bearer x", 401},
	} {
		if a := post(t, p, pathToken, service(), "Authorization", tt.header); a.status != tt.status {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		} else if a.status == http.StatusUnauthorized && (a.text("error") != "invalid_client" || a.header.Get("WWW-Authenticate") == "") {
			t.Errorf("%s: %v", name, a.body)
		}
	}
}

// TestBasicRawIsRefused: this secret reads the same when nobody has encoded it.
func TestBasicRawIsRefused(t *testing.T) {
	const secret = "a/b:c d"
	p := Start(t, Confidential(AuthBasic, secret))
	wantRefusal(t, post(t, p, pathToken, service(), "Authorization", basicHeader(ClientID, secret)), 401, "invalid_client")
	if a := post(t, p, pathToken, service(), "Authorization", basicHeader(ClientID, url.QueryEscape(secret))); a.status != http.StatusOK {
		t.Errorf("%d %v", a.status, a.body)
	}
}

func TestOnlyTheRegisteredMethod(t *testing.T) {
	right := map[string]func(url.Values) []string{
		AuthNone:  func(f url.Values) []string { f.Set("client_id", ClientID); return nil },
		AuthBasic: func(url.Values) []string { return []string{"Authorization", basicHeader(ClientID, "secret")} },
		AuthPost: func(f url.Values) []string {
			f.Set("client_id", ClientID)
			f.Set("client_secret", "secret")
			return nil
		},
	}
	for registered := range right {
		p := Start(t, Confidential(registered, "secret"))
		for used, authenticate := range right {
			// Any request will do: a refusal after authentication is not a 401.
			form := refreshForm("guessed")
			form.Del("client_id")
			header := authenticate(form)
			if got := post(t, p, pathToken, form, header...).status != http.StatusUnauthorized; got != (used == registered) {
				t.Errorf("%s registered, %s used: accepted %v", registered, used, got)
			}
		}
	}
}

func TestTwoMethodsAtOnce(t *testing.T) {
	p := Start(t, Confidential(AuthBasic, "secret"))
	form := values(service(), "client_id", ClientID, "client_secret", "secret")
	wantRefusal(t, post(t, p, pathToken, form, "Authorization", basicHeader(ClientID, "secret")), 400, "invalid_request")
	form = values(service(), "client_id", "another")
	wantRefusal(t, post(t, p, pathToken, form, "Authorization", basicHeader(ClientID, "secret")), 400, "invalid_request")
}

// assert signs a client assertion.
func assert(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text, err := compact(jose.ES256, key, "", "JWT", payload)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestPrivateKeyJWT(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := Start(t, WithClient(Client{ID: "robot", Auth: AuthPrivateKeyJWT, PublicKey: key.Public()}))
	right := map[string]any{"iss": "robot", "sub": "robot", "aud": p.Issuer, "exp": time.Now().Add(time.Minute).Unix()}
	ask := func(key *ecdsa.PrivateKey, edits map[string]any) answered {
		claims := maps.Clone(right)
		claims["jti"] = rand.Text()
		maps.Copy(claims, edits)
		return post(t, p, pathToken, values(service(),
			"client_assertion_type", assertionType, "client_assertion", assert(t, key, claims)))
	}
	for name, edits := range map[string]map[string]any{
		"the issuer":         nil,
		"the token endpoint": {"aud": p.endpoint(pathToken)},
		"a list":             {"aud": []string{"x", p.Issuer}},
	} {
		if a := ask(key, edits); a.status != http.StatusOK {
			t.Errorf("meant for %s: %d %v", name, a.status, a.body)
		}
	}
	for name, edits := range map[string]map[string]any{
		"another issuer":   {"iss": "x"},
		"another subject":  {"sub": ClientID},
		"another audience": {"aud": "https://example.com"},
		"no audience":      {"aud": nil},
		"expired":          {"exp": time.Now().Add(-time.Minute).Unix()},
		"no expiry":        {"exp": nil},
		"lives long":       {"exp": time.Now().Add(24 * time.Hour).Unix()},
		"no ID":            {"jti": nil},
	} {
		if a := ask(key, edits); a.status != http.StatusUnauthorized {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		}
	}
	if a := ask(foreign, nil); a.status != http.StatusUnauthorized {
		t.Errorf("a foreign key: %d %v", a.status, a.body)
	}
	if ask(key, map[string]any{"jti": "same"}).status != 200 || ask(key, map[string]any{"jti": "same"}).status != 401 {
		t.Error("an assertion is good twice, or not once")
	}
	wantRefusal(t, post(t, p, pathToken, values(service(), "client_assertion", "x", "client_id", "robot")), 400, "invalid_request")
	wantRefusal(t, post(t, p, pathToken, values(service(), "client_assertion_type", assertionType, "client_assertion", "x")), 401, "invalid_client")
}

func FuzzBasic(f *testing.F) {
	f.Add(basicHeader(ClientID, url.QueryEscape(oddSecret)))
	f.Add("Basic Og==")
	f.Add("basic JTo=")
	f.Fuzz(func(t *testing.T, header string) {
		id, secret, ok := basic(header)
		if !ok {
			return
		}
		again := basicHeader(url.QueryEscape(id), url.QueryEscape(secret))
		if id2, secret2, ok := basic(again); !ok || id2 != id || secret2 != secret {
			t.Errorf("%q reads %q, %q, and written anew %q, %q, %v", header, id, secret, id2, secret2, ok)
		}
	})
}
