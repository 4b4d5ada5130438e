package login

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

func TestTokensAreVerified(t *testing.T) {
	for _, options := range [][]oidctest.Option{nil, {oidctest.RS256()}, {oidctest.TLS()}} {
		p := oidctest.Start(t, options...)
		got := signedIn(t, p, discovered(t, p))
		if got.Served() != got.IDToken || got.Served().Empty() || got.AccessToken.Empty() || got.RefreshToken.Empty() {
			t.Errorf("tokens = %+v", got)
		}
		if c := got.Claims; c.Subject != "user-1" || c.Email != "alice@example.com" || c.PreferredUsername != "alice" ||
			c.Name != "Alice Example" || c.Account() != "alice@example.com" || c.IssuedAt.IsZero() || c.Raw["iss"] != p.Issuer {
			t.Errorf("claims = %+v", c)
		}
		if left := time.Until(got.Expiry); left < 59*time.Minute || left > time.Hour {
			t.Errorf("expires in %s", left)
		}
	}
}

// go-oidc's Verify accepts a wrong nonce, a bad at_hash, a foreign azp, several
// audiences without azp, an iat a day ahead, a missing sub and an auth_time of
// 1970.
func TestWrongTokens(t *testing.T) {
	p := oidctest.Start(t)
	c := discovered(t, p, func(c *Config) { c.ExtraParams = map[string]string{"max_age": "3600"} })
	if _, err := signIn(t, p, c); err != nil {
		t.Fatalf("a right token: %v", err)
	}
	for name, option := range oidctest.WrongTokens() {
		t.Run(name, func(t *testing.T) {
			p.Apply(oidctest.Honest(), oidctest.Unedited(oidctest.Token), option)
			_, err := signIn(t, p, c)
			if name == "a number" {
				wantError[*ProviderError](t, err)
				return
			}
			refused := wantError[*VerifyError](t, err)
			claim, _, _ := strings.Cut(name, " ")
			if strings.HasSuffix(name, "azp") {
				claim = "azp"
			}
			if strings.Contains("iss aud azp nonce at_hash sub exp nbf iat auth_time alg", claim) && refused.Claim != claim {
				t.Errorf("refused for %q: %v", refused.Claim, err)
			}
		})
	}
}

func TestTokensThatArePermitted(t *testing.T) {
	for name, edit := range map[string]func(claims map[string]any){
		"several audiences with azp": func(c map[string]any) { c["aud"], c["azp"] = []any{c["aud"], "kubernetes"}, c["aud"] },
		"one audience in a list":     func(c map[string]any) { c["aud"] = []any{c["aud"]} },
		"no at_hash":                 func(c map[string]any) { delete(c, "at_hash") },
		"a clock a little ahead":     func(c map[string]any) { c["iat"] = time.Now().Add(4 * time.Minute).Unix() },
		"a fraction of a second":     func(c map[string]any) { c["exp"] = float64(time.Now().Add(time.Hour).UnixMilli()) / 1000 },
		"an old auth_time unasked":   func(c map[string]any) { c["auth_time"] = 0 },
		// Entra ID, with more than 200 groups.
		"an overage claim": func(c map[string]any) {
			c["_claim_names"] = map[string]any{"groups": "src1"}
			c["_claim_sources"] = map[string]any{"src1": map[string]any{"endpoint": "https://x", "access_token": "canary"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t, oidctest.EditClaims(func(_ string, c map[string]any) { edit(c) }))
			got := signedIn(t, p, discovered(t, p))
			if raw, _ := json.Marshal(got.Claims); strings.Contains(string(raw), "canary") {
				t.Errorf("the claims carry an access token: %s", raw)
			}
		})
	}
}

// Google goes by two names (go-oidc and the API server know it too); nobody
// else does.
func TestGoogleIssuer(t *testing.T) {
	for _, test := range []struct {
		issuer, iss string
		want        bool
	}{
		{"https://accounts.google.com", "accounts.google.com", true},
		{"https://accounts.example.com", "accounts.example.com", false},
	} {
		c := &Client{cfg: Config{Issuer: test.issuer}}
		if err := c.checkIssuer(rawClaims{"iss": test.iss}); (err == nil) != test.want {
			t.Errorf("%s: %v", test.issuer, err)
		}
	}
}

// There is no leeway at the end: a token that has ended is of no use to serve.
func TestExpiryHasNoLeeway(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := &Client{cfg: Config{Now: func() time.Time { return now }}}
	for left, want := range map[time.Duration]bool{-time.Second: false, 0: false, time.Second: true} {
		claims := rawClaims{"iat": float64(now.Unix()), "exp": float64(now.Add(left).Unix())}
		if err := c.checkTimes(claims); (err == nil) != want {
			t.Errorf("%s left: %v", left, err)
		}
	}
	if err := c.checkTimes(rawClaims{"iat": 1.0, "exp": 1e30}); err == nil {
		t.Error("an end that no timestamp can show was taken")
	}
}

// go-jose drops white space and reads JSON serialization; neither survives the
// Authorization header. EdDSA is sound, and the API server does not take it.
func TestForms(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	make := func(header string) string {
		return encode([]byte(header)) + "." + encode([]byte(`{"iss":"x"}`)) + "." + encode([]byte("signature"))
	}
	good := make(`{"alg":"RS256"}`)
	if _, err := parseJWT(good); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ raw, claim string }{
		"white space":  {good[:5] + " " + good[5:], "form"},
		"line break":   {good + "\n", "form"},
		"JSON":         {`{"payload":"","signatures":[]}`, "form"},
		"encrypted":    {good + "." + good, "form"},
		"empty":        {"", "form"},
		"dots":         {"..", "alg"},
		"no object":    {strings.Replace(good, encode([]byte(`{"iss":"x"}`)), encode([]byte(`null`)), 1), "form"},
		"none":         {make(`{"alg":"none"}`), "alg"},
		"None":         {make(`{"alg":"None"}`), "alg"},
		"HS256":        {make(`{"alg":"HS256"}`), "alg"},
		"EdDSA":        {make(`{"alg":"EdDSA"}`), "alg"},
		"control":      {make(`{"alg":"\u001b[31m"}`), "alg"},
		"no algorithm": {make(`{}`), "alg"},
	} {
		_, err := parseJWT(test.raw)
		if refused := wantError[*VerifyError](t, err); refused.Claim != test.claim || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAccountIsChecked(t *testing.T) {
	p := oidctest.Start(t)
	for account, want := range map[string]bool{
		"alice@example.com": true,
		"Alice@Example.COM": true,
		"alice":             true,
		"user-1":            true,
		"USER-1":            false, // a subject is exact
		"bob@example.com":   false,
		"Alice Example":     false, // anyone may be called so
	} {
		c := discovered(t, p, func(c *Config) { c.Account = account })
		p.Apply(oidctest.SignInAs("alice"))
		_, err := signIn(t, p, c)
		if want {
			if err != nil {
				t.Errorf("%s: %v", account, err)
			}
			continue
		}
		if wrong := wantError[*WrongAccountError](t, err); wrong.Want != account || wrong.Got != "alice@example.com" {
			t.Errorf("%s: %v", account, err)
		}
	}
}

func TestIsFor(t *testing.T) {
	for _, test := range []struct {
		claims rawClaims
		want   bool
	}{
		{rawClaims{"sub": "1", "email": "a@b.c"}, true},
		{rawClaims{"sub": "1", "email": "a@b.c", "email_verified": true}, true},
		{rawClaims{"sub": "1", "email": "a@b.c", "email_verified": false}, false},
		{rawClaims{"sub": "1", "email": "a@b.c", "email_verified": "false"}, false}, // Cognito
		{rawClaims{"sub": "1", "upn": "A@b.c"}, true},                               // ADFS, Entra ID
		{rawClaims{"sub": "1", "unique_name": "a@b.c"}, true},
		{rawClaims{"sub": "1", "email": []any{"a@b.c"}}, false},
		{rawClaims{}, false},
	} {
		if got := test.claims.isFor("a@b.c"); got != test.want {
			t.Errorf("%v: %v", test.claims, got)
		}
	}
}

// A key that appears after the key set was read is found; a token under a key
// that nobody publishes does not make the set be read again and again.
func TestKeyRotation(t *testing.T) {
	p, clock := oidctest.Start(t), newClock()
	c := discovered(t, p, func(c *Config) { c.Now = clock.Now })
	signedIn(t, p, c)
	if err := p.ReplaceKey(); err != nil {
		t.Fatal(err)
	}
	clock.advance(time.Minute)
	signedIn(t, p, c)
	if n := p.Count(oidctest.JWKS); n != 2 {
		t.Errorf("the key set was read %d times, want 2", n)
	}
	p.Apply(oidctest.SignWith(oidctest.SignUnlisted))
	for range 3 {
		_, err := signIn(t, p, c)
		wantError[*VerifyError](t, err)
	}
	if n := p.Count(oidctest.JWKS); n != 2 {
		t.Errorf("the key set was read %d times, want 2", n)
	}
}

// A provider whose key set never holds the right key and grows at each reading
// gets an end.
func TestGrowingKeySet(t *testing.T) {
	p, clock := oidctest.Start(t, oidctest.GrowingKeys(60), oidctest.SignWith(oidctest.SignUnlisted)), newClock()
	c := discovered(t, p, func(c *Config) { c.Now = clock.Now })
	_, err := signIn(t, p, c)
	wantError[*VerifyError](t, err)
	clock.advance(time.Minute)
	_, err = signIn(t, p, c)
	if wantError[*ProviderError](t, err); !strings.Contains(err.Error(), "121 keys") {
		t.Errorf("error = %v", err)
	}
}

func TestBrokenKeySet(t *testing.T) {
	for name, test := range map[string]struct {
		fault oidctest.Fault
		as    any
	}{
		"503":     {oidctest.Status(503, 0), new(*NetworkError)},
		"404":     {oidctest.Status(404, 0), new(*ProviderError)},
		"endless": {oidctest.Endless(), new(*ProviderError)},
		"portal":  {oidctest.NotJSON(), new(*ProviderError)},
		"empty":   {oidctest.Body(200, "application/json", `{"keys":[]}`), new(*VerifyError)},
		"odd": {oidctest.Body(200, "application/json", `{"keys":[7,null,{"kty":"oct","k":"AAAA"},{"kty":"OKP","crv":"X448","x":"AA"},
			{"kty":"RSA","n":"AA","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`), new(*VerifyError)},
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t, oidctest.Break(oidctest.JWKS, test.fault))
			_, err := signIn(t, p, discovered(t, p))
			if !errors.As(err, test.as) {
				t.Errorf("error = %v (%T)", err, err)
			}
			// The keys come first, so that no code and no refresh token is lost.
			if name != "empty" && name != "odd" && p.Count(oidctest.Token) != 0 {
				t.Error("a code was spent although the keys were not to be had")
			}
		})
	}
}

// One verification with a modulus of a million bits takes minutes.
func TestKeysAreBounded(t *testing.T) {
	huge := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1_000_000), E: 65537}
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		key  any
		alg  string
		want bool
	}{
		{&small.PublicKey, "RS256", true},
		{&small.PublicKey, "PS512", true},
		{&small.PublicKey, "ES256", false},
		{huge, "RS256", false},
		{[]byte("secret"), "HS256", false},
		{small, "RS256", false},
	} {
		if got := signs(test.key, test.alg); got != test.want {
			t.Errorf("signs(%T, %s) = %v", test.key, test.alg, got)
		}
	}
}

// A key that says what it is for is used for nothing else.
func TestKeysForOtherUses(t *testing.T) {
	for name, member := range map[string]string{
		"encryption":        `"use":"enc"`,
		"another algorithm": `"alg":"ES384"`,
		"another name":      `"kid":"another"`,
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t, oidctest.Edit(oidctest.JWKS, func(a *oidctest.Answer) {
				raw, _ := json.Marshal(a.Body["keys"])
				var keys []map[string]any
				_ = json.Unmarshal(raw, &keys)
				for _, key := range keys {
					_ = json.Unmarshal([]byte("{"+member+"}"), &key)
				}
				a.Body["keys"] = keys
			}))
			_, err := signIn(t, p, discovered(t, p))
			wantError[*VerifyError](t, err)
		})
	}
}

// The library's checks stay in force behind ours.
func TestSignatureOfAnotherToken(t *testing.T) {
	p := oidctest.Start(t)
	c := discovered(t, p)
	raw := signedIn(t, p, c).IDToken.Reveal()
	parts := strings.Split(raw, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	forged := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "user-1", "user-2", 1)))
	_, err := c.verifyIDToken(within(t), parts[0]+"."+forged+"."+parts[2], expectation{})
	if wantError[*VerifyError](t, err).Claim != "signature" {
		t.Errorf("error = %v", err)
	}
}

func TestClaimsForShow(t *testing.T) {
	claims := rawClaims{
		"sub": "s\x1b", "name": "A" + oidctest.ControlText, "email": strings.Repeat("e", 500),
		"groups": []any{"a", 7, "b"}, "iat": 1e9,
	}.exported()
	if strings.ContainsAny(claims.Name, "\x1b\a\r\u202e\u009b") || len(claims.Email) > 110 || claims.Groups != 3 || claims.Subject != "s\x1b" {
		t.Errorf("claims = %#v", claims)
	}
	if got := (Claims{Subject: "s\x1b1"}).Account(); got != "s1" {
		t.Errorf("account = %q", got)
	}
	if got := (rawClaims{"aud": 7}).list("aud"); got != nil {
		t.Errorf("list = %v", got)
	}
}
