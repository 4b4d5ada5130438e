package issuer

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

func TestTokenComesBack(t *testing.T) {
	for _, algorithm := range []Algorithm{RS256, ES256} {
		for _, kind := range []Kind{IDToken, AccessToken} {
			t.Run(string(algorithm)+" "+kind.typ(), func(t *testing.T) {
				t.Parallel()
				now := newClock()
				k := mustOpen(t, options(t, now, algorithm))
				want := claims(now)
				want.Kind = kind
				token := mustSign(t, k, want)
				got, err := k.Verify(token)
				if err != nil {
					t.Fatal(err)
				}
				got.IssuedAt, got.Expiry = got.IssuedAt.UTC(), got.Expiry.UTC()
				if !reflect.DeepEqual(got, want) {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
				if kind == IDToken {
					heldByJose(t, k, token, algorithm)
				}
			})
		}
	}
}

// heldByJose is what another's verifier makes of a token and the key set.
func heldByJose(t *testing.T, k *Keys, token string, algorithm Algorithm) {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(k.JWKS(), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%s: %v", k.JWKS(), err)
	}
	published := set.Keys[0]
	if !published.IsPublic() || published.Use != "sig" || published.Algorithm != string(algorithm) {
		t.Errorf("the key set: %s", k.JWKS())
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
	if err != nil {
		t.Fatal(err)
	}
	header := signed.Signatures[0].Protected
	if header.KeyID != published.KeyID || header.ExtraHeaders["typ"] != "JWT" {
		t.Errorf("header: %+v", header)
	}
	payload, err := signed.Verify(published)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(payload, &all); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"iss": issuerURL, "preferred_username": "alice", "jti": "jti", "sid": "sid", "aud": []any{"cluster-a", "kubernetes"}, "azp": "kubernetes",
	} {
		if !reflect.DeepEqual(all[name], want) {
			t.Errorf("%s = %v, want %v", name, all[name], want)
		}
	}
	if _, there := all["client_id"]; there {
		t.Error("client_id is there")
	}
}

// An access token is the exchange's own affair: another that has the key's file
// takes it, and whoever has the published key set cannot so much as check it.
func TestOnlyTheExchangeTakesAnAccessToken(t *testing.T) {
	for _, algorithm := range []Algorithm{RS256, ES256} {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			now := newClock()
			o := options(t, now, algorithm)
			k := mustOpen(t, o)
			c := claims(now)
			c.Kind = AccessToken
			token := mustSign(t, k, c)
			if got, err := mustOpen(t, o).Verify(token); err != nil || got.Kind != AccessToken {
				t.Errorf("%+v, %v", got, err)
			}
			_, err := mustOpen(t, options(t, now, algorithm)).Verify(token)
			wantReason(t, "another exchange", err, UnknownKey)
			if _, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256}); err == nil {
				t.Error("an API server's algorithms have it")
			}
			signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.HS256})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := signed.Verify(k.set.Load().keys[0].access); err != nil {
				t.Error(err)
			}
			parts := strings.Split(token, ".")
			parts[1] = base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + issuerURL + `","aud":["` + issuerURL + `"],"exp":9999999999}`))
			_, err = k.Verify(strings.Join(parts, "."))
			wantReason(t, "another payload", err, Signature)
		})
	}
}

func TestTokenNamesOneAudienceWhereTheClientIsIt(t *testing.T) {
	t.Parallel()
	now := newClock()
	k := mustOpen(t, options(t, now, ES256))
	c := claims(now)
	c.Audience = c.AuthorizedParty
	part := strings.Split(mustSign(t, k, c), ".")[1]
	payload, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || !strings.Contains(string(payload), `"aud":["kubernetes"]`) {
		t.Errorf("%s, %v", payload, err)
	}
}

func TestVerifyWatchesTheClock(t *testing.T) {
	t.Parallel()
	tests := []struct {
		after  time.Duration // from the issue
		reason Reason
	}{
		{0, ""},
		{-Leeway, ""}, // ours went back, or the signer's is ahead
		{-Leeway - time.Second, Early},
		{-time.Hour, Early},
		{10*time.Minute + Leeway - time.Second, ""},
		{10*time.Minute + Leeway, Expired},
		{24 * 365 * time.Hour, Expired},
	}
	now := newClock()
	k := mustOpen(t, options(t, now, ES256))
	token := mustSign(t, k, claims(now))
	for _, tt := range tests {
		now.add(tt.after)
		_, err := k.Verify(token)
		now.add(-tt.after)
		wantReason(t, fmt.Sprint(tt.after), err, tt.reason)
	}
}

func wantReason(t *testing.T, name string, err error, want Reason) {
	t.Helper()
	var refused *TokenError
	if want == "" && err != nil || want != "" && (!errors.As(err, &refused) || refused.Reason != want) {
		t.Errorf("%s: %v, want %q", name, err, want)
	}
}

// forge signs any header and payload with the key.
func forge(t *testing.T, k *key, header, payload string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	signature, err := k.sign(IDToken, text)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(signature)
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	now := newClock()
	k := mustOpen(t, options(t, now, RS256))
	ours := k.set.Load().signing(now.now())
	foreign, err := newSigner(RS256)
	if err != nil {
		t.Fatal(err)
	}
	thief := &key{id: ours.id, algorithm: RS256, signer: foreign, headers: ours.headers}
	good := mustSign(t, k, claims(now))
	parts := strings.Split(good, ".")
	header := fmt.Sprintf(`{"alg":"RS256","kid":%q,"typ":"JWT"}`, ours.id)
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	lastBits := func(text string) string { // the last character's unused bits
		return text[:len(text)-1] + string(text[len(text)-1]+1)
	}
	tests := []struct {
		name, token string
		reason      Reason
	}{
		{"right", forge(t, ours, header, string(payload)), ""},
		{"empty", "", Malformed},
		{"dots", "..", Malformed},
		{"two parts", parts[0] + "." + parts[1], Malformed},
		{"four parts", good + ".", Malformed},
		{"JSON serialization", `{"payload":"` + parts[1] + `"}`, Malformed},
		{"a line break in the signature", good[:len(good)-4] + "\n" + good[len(good)-4:], Malformed},
		{"padding", good + "=", Malformed},
		{"too large", good + strings.Repeat("A", MaxToken), Malformed},
		{"alg none", forge(t, ours, `{"alg":"none","kid":"`+ours.id+`","typ":"JWT"}`, string(payload)), UnknownKey},
		{"alg HS256", forge(t, ours, `{"alg":"HS256","kid":"`+ours.id+`","typ":"JWT"}`, string(payload)), UnknownKey},
		{"alg PS256", forge(t, ours, `{"alg":"PS256","kid":"`+ours.id+`","typ":"JWT"}`, string(payload)), UnknownKey},
		{"another kid", forge(t, ours, `{"alg":"RS256","kid":"x","typ":"JWT"}`, string(payload)), UnknownKey},
		{"no kid", forge(t, ours, `{"alg":"RS256","typ":"JWT"}`, string(payload)), UnknownKey},
		{"no typ", forge(t, ours, `{"alg":"RS256","kid":"`+ours.id+`"}`, string(payload)), UnknownKey},
		{"another order", forge(t, ours, `{"kid":"`+ours.id+`","alg":"RS256","typ":"JWT"}`, string(payload)), UnknownKey},
		{"a key in the header", forge(t, ours, `{"alg":"RS256","jwk":{},"kid":"`+ours.id+`","typ":"JWT"}`, string(payload)), UnknownKey},
		{"another kind", ours.headers[AccessToken] + "." + parts[1] + "." + parts[2], Signature},
		{"another's key", forge(t, thief, header, string(payload)), Signature},
		{"another payload", parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "alice", "admin", 1))) + "." + parts[2], Signature},
		{"a short signature", parts[0] + "." + parts[1] + ".AAAA", Signature},
		{"bits beyond the signature", lastBits(good), Signature},
		{"another issuer", forge(t, ours, header, strings.Replace(string(payload), issuerURL, issuerURL+"/", 1)), Foreign},
		{"no claims", forge(t, ours, header, `null`), Malformed},
		{"no JSON", forge(t, ours, header, `{`), Malformed},
		{"no audience", forge(t, ours, header, `{"iss":"`+issuerURL+`","exp":9999999999}`), Malformed},
		{"no end", forge(t, ours, header, `{"iss":"`+issuerURL+`","aud":["a"]}`), Expired},
	}
	for _, tt := range tests {
		_, err := k.Verify(tt.token)
		wantReason(t, tt.name, err, tt.reason)
		if err != nil && len(tt.token) > 20 && strings.Contains(err.Error(), tt.token[len(tt.token)-20:]) {
			t.Errorf("%s: the error holds of the token", tt.name)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	now := newClock()
	o := options(t, now, ES256)
	k := mustOpen(t, o)
	o.AllowSystemNames = true
	lax := mustOpen(t, o)
	tests := []struct {
		name   string
		change func(*Claims)
		text   string
		lax    bool // taken with AllowSystemNames
	}{
		{"no audience", func(c *Claims) { c.Audience = "" }, "audience", false},
		{"no ID", func(c *Claims) { c.ID = "" }, "an ID", false},
		{"no name", func(c *Claims) { c.Name = "" }, "needs a name", false},
		{"no subject", func(c *Claims) { c.Subject = "" }, "needs a name and an ID", false},
		{"too long a life", func(c *Claims) { c.Expiry = c.Expiry.Add(time.Second) }, "may live for 10m0s", false},
		{"no life", func(c *Claims) { c.Expiry = c.IssuedAt }, "may live", false},
		{"no kind", func(c *Claims) { c.Kind = 2 }, "no kind", false},
		{"a system user", func(c *Claims) { c.Name = "system:admin" }, `"system:admin" is kept for Kubernetes`, true},
		{"a system subject", func(c *Claims) { c.Subject = "system:admin" }, "is kept for Kubernetes", true},
		{"a system group", func(c *Claims) { c.Groups = []string{"a", "system:masters"} }, `"system:masters" is kept for Kubernetes`, true},
		{"an empty group", func(c *Claims) { c.Groups = []string{""} }, "is empty", false},
		{"no UTF-8", func(c *Claims) { c.Name = "a\xff" }, "not UTF-8", false},
		{"NUL", func(c *Claims) { c.Groups = []string{"a\x00b"} }, "control character", false},
		{"a long group", func(c *Claims) { c.Groups = []string{strings.Repeat("x", 1025)} }, "too long", false},
	}
	for _, tt := range tests {
		c := claims(now)
		tt.change(&c)
		if token, err := k.Sign(c); err == nil || token != "" || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if _, err := lax.Sign(c); (err == nil) != tt.lax {
			t.Errorf("%s, with system names: %v", tt.name, err)
		}
	}
}

func TestSignNamesTheGroupsThatAreTooMany(t *testing.T) {
	t.Parallel()
	now := newClock()
	k := mustOpen(t, options(t, now, ES256))
	c := claims(now)
	c.Groups = nil
	for n := range 2000 {
		c.Groups = append(c.Groups, fmt.Sprintf("team-%04d", n))
	}
	_, err := k.Sign(c)
	var large *TooLargeError
	if !errors.As(err, &large) || large.Groups != 2000 || large.Size <= MaxToken || !strings.Contains(err.Error(), "2000 groups") {
		t.Errorf("%v", err)
	}
	c.Groups = c.Groups[:500]
	if token, err := k.Sign(c); err != nil || len(token) > MaxToken {
		t.Errorf("500 groups: %d bytes, %v", len(token), err)
	}
}

// What we take, go-jose takes too, with the same payload.
func FuzzVerify(f *testing.F) {
	now := newClock()
	k, err := Open(Options{Dir: f.TempDir() + "/keys", Issuer: issuerURL, Algorithm: ES256, Now: now.now})
	if err != nil {
		f.Fatal(err)
	}
	good, err := k.Sign(claims(now))
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(good, ".")
	f.Add(good)
	f.Add("..")
	f.Add(parts[0] + ".." + parts[2])
	f.Add(parts[0] + "." + parts[1] + ".")
	f.Add(good + "A")
	public := k.set.Load().keys[0].signer.Public()
	f.Fuzz(func(t *testing.T, token string) {
		_, err := k.Verify(token)
		if err != nil {
			if refused := (*TokenError)(nil); !errors.As(err, &refused) {
				t.Fatalf("%T", err)
			}
			return
		}
		signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := signed.Verify(public)
		if err != nil || base64.RawURLEncoding.EncodeToString(payload) != strings.Split(token, ".")[1] {
			t.Fatalf("%s, %v", payload, err)
		}
	})
}

func TestAlgorithmsNameNothingElse(t *testing.T) {
	t.Parallel()
	now := newClock()
	o := options(t, now, RS256)
	o.RotateEvery = 24 * time.Hour
	mustOpen(t, o)
	o.Algorithm = ES256
	k := mustOpen(t, o)
	if err := k.Tend(); err != nil {
		t.Fatal(err)
	}
	if got := k.Algorithms(); !slices.Equal(got, []string{"ES256", "RS256"}) {
		t.Errorf("%v", got)
	}
	for _, wrong := range []Algorithm{"EdDSA", "HS256", "none", "PS256"} {
		o.Algorithm = wrong
		if _, err := Open(o); err == nil {
			t.Errorf("%s was taken", wrong)
		}
	}
}
