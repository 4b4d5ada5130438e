package login

import (
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// fitToShow holds for every error: bounded, one line, nothing that moves a
// cursor, and no secret.
func fitToShow(t *testing.T, err error, secret string) {
	t.Helper()
	text := err.Error()
	if len(text) > 2500 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.Contains(text, secret) {
		t.Errorf("error = %q", text)
	}
}

const fuzzSecret = "c4nary-secret"

func FuzzTokenResponse(f *testing.F) {
	f.Add(200, "application/json", `{"access_token":"a","id_token":"b.c.d","refresh_token":"e","token_type":"Bearer","expires_in":3600}`)
	f.Add(200, "application/json", `{"access_token":"a","expires_in":"-1e9","error":{"a":1}}`)
	f.Add(400, "application/json", `{"error":"invalid_grant","error_description":"the code `+fuzzSecret+` \u001b[31m"}`)
	f.Add(400, "application/json", `{"error":"slow_down","interval":"7"}`)
	f.Add(400, "text/html", "<html>")
	f.Add(200, "text/html", "<html>"+fuzzSecret)
	f.Add(200, "", `{"access_token":"a\nb"}`)
	f.Add(204, "", "null")
	f.Fuzz(func(t *testing.T, status int, kind, body string) {
		got, err := parseToken(answer{endpoint{tokenName, ""}, status, kind, []byte(body)}, []string{fuzzSecret})
		if err != nil {
			fitToShow(t, err, fuzzSecret)
			return
		}
		for _, token := range []string{got.AccessToken, got.IDToken, got.RefreshToken} {
			if strings.ContainsAny(token, " \r\n\x00") {
				t.Errorf("token %q", token)
			}
		}
		if d := got.ExpiresIn.duration(); d < 0 || d > 366*24*time.Hour {
			t.Errorf("lifetime %s", d)
		}
	})
}

func FuzzDeviceResponse(f *testing.F) {
	f.Add(200, `{"device_code":"d","user_code":"WDJB-MJHT","verification_uri":"https://a.example/d","verification_uri_complete":"https://a.example/d?c=1","expires_in":600,"interval":5}`)
	f.Add(200, `{"device_code":"d","user_code":"U","verification_url":"https://www.google.com/device","interval":-5}`)
	f.Add(400, `{"error":"invalid_client","error_description":"`+fuzzSecret+`"}`)
	for _, address := range oidctest.HostileURLs() {
		if len(address) < 1000 {
			f.Add(200, `{"device_code":"d","user_code":"U","verification_uri":"`+address+`"}`)
		}
	}
	issuer := &url.URL{Scheme: "https", Host: "issuer.example"}
	f.Fuzz(func(t *testing.T, status int, body string) {
		d, err := parseDevice(answer{endpoint{deviceName, ""}, status, "", []byte(body)}, issuer, []string{fuzzSecret})
		if err != nil {
			fitToShow(t, err, fuzzSecret)
			return
		}
		if d.interval < time.Second || d.interval > maxInterval || d.life < time.Second || d.life > maxLife || d.page.Scheme != "https" {
			t.Errorf("device = %+v", d)
		}
		text := d.text(80)
		if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) || !strings.Contains(text, d.userCode) {
			t.Errorf("text = %q", text)
		}
		picture, err := url.Parse(d.picture)
		if err != nil || picture.Host != d.page.Host {
			t.Errorf("picture of %q beside %s", d.picture, d.page)
		}
	})
}

func FuzzJWT(f *testing.F) {
	f.Add(b64(`{"alg":"RS256","kid":"k"}`) + "." + b64(`{"iss":"https://i","aud":["c"],"sub":"s","exp":4e9,"iat":1}`) + "." + b64("s"))
	f.Add(b64(`{"alg":"none"}`) + "." + b64(`{}`) + ".")
	f.Add(b64(`{"alg":"ES256","crit":["b64"],"b64":false}`) + "." + b64(`[]`) + "." + b64("s"))
	f.Add("{}")
	c := &Client{cfg: Config{Issuer: "https://i", ClientID: "c", Account: "a", Now: func() time.Time { return time.Unix(2e9, 0) }}}
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := parseJWT(raw)
		if err != nil {
			fitToShow(t, err, "\n")
			return
		}
		if strings.ContainsAny(raw, " \r\n{") || token.alg == "none" || strings.HasPrefix(token.alg, "HS") {
			t.Errorf("%q was taken for a JWT signed with %s", raw, token.alg)
		}
		want := expectation{nonce: "n", subject: "s", fresh: true}
		for _, check := range []func(rawClaims) error{c.checkIssuer, c.checkTimes, c.checkAudience, checkSubject, want.checkNonce,
			func(r rawClaims) error { return c.checkPerson(r, want) }} {
			if err := check(token.claims); err != nil {
				fitToShow(t, err, "\n")
			}
		}
		shown := token.claims.exported()
		if text := shown.Name + shown.Email + shown.PreferredUsername + shown.Account(); strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("claims = %q", text)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add(`{"issuer":"https://i.example","token_endpoint":"https://i.example/t","jwks_uri":"https://i.example/k"}`)
	f.Add(`{"jwks_uri":"http://127.0.0.1/","token_endpoint":["x"],"grant_types_supported":null}`)
	issuer := &url.URL{Scheme: "https", Host: "i.example"}
	f.Fuzz(func(t *testing.T, body string) {
		var meta Metadata
		err := answer{endpoint: endpoint{discoveryName, ""}, body: []byte(body)}.decode(&meta)
		if err == nil {
			err = meta.check(issuer)
		}
		if err != nil {
			fitToShow(t, err, "\n")
			return
		}
		if u, err := url.Parse(meta.Token); err != nil || u.Scheme != "https" || u.Hostname() == "localhost" {
			t.Errorf("token endpoint %q", meta.Token)
		}
	})
}
