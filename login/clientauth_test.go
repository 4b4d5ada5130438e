package login

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/secret"
)

func TestAuthMethod(t *testing.T) {
	key := newKey(t)
	with, without := secret.New("secret"), secret.Text{}
	for name, test := range map[string]struct {
		cfg       Config
		supported []string
		want      string
	}{
		"public":                    {Config{ClientSecret: without}, []string{AuthBasic}, AuthNone},
		"silent provider":           {Config{ClientSecret: with}, nil, AuthBasic},
		"both":                      {Config{ClientSecret: with}, []string{AuthPost, AuthBasic}, AuthBasic},
		"post alone":                {Config{ClientSecret: with}, []string{AuthPost, "private_key_jwt"}, AuthPost},
		"neither":                   {Config{ClientSecret: with}, []string{"none"}, AuthBasic},
		"override":                  {Config{ClientSecret: with, AuthMethod: AuthPost}, []string{AuthBasic}, AuthPost},
		"override, secret unneeded": {Config{ClientSecret: with, AuthMethod: AuthNone}, nil, AuthNone},
		"key":                       {Config{ClientSecret: with, AssertionKey: key}, nil, AuthPrivateKeyJWT},
	} {
		got, err := authMethod(test.cfg, Metadata{AuthMethods: test.supported})
		if err != nil || got != test.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, test.want)
		}
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, err = authMethod(Config{AssertionKey: ed}, Metadata{})
	wantError[*ConfigError](t, err)
}

// RFC 6749, section 2.3.1: both are form-encoded before they are joined.
func TestBasicIsFormEncoded(t *testing.T) {
	const id, password = "id:+%/ é", "s:+%/ &=é"
	raw, err := base64.StdEncoding.DecodeString(basic(id, password))
	if err != nil || string(raw) != "id%3A%2B%25%2F+%C3%A9:s%3A%2B%25%2F+%26%3D%C3%A9" {
		t.Errorf("basic = %s, %v", raw, err)
	}
}

// The provider's own check is against the standards; each method reaches the
// token, device and revocation endpoints.
func TestClientAuthentication(t *testing.T) {
	const odd = "s:+%/ &=é"
	key := newKey(t)
	for method, edit := range map[string]func(*Config){
		AuthNone:          func(*Config) {},
		AuthBasic:         func(c *Config) { c.ClientSecret = secret.New(odd) },
		AuthPost:          func(c *Config) { c.ClientSecret, c.AuthMethod = secret.New(odd), AuthPost },
		AuthPrivateKeyJWT: func(c *Config) { c.AssertionKey, c.AssertionKeyID = key, "key-1" },
	} {
		t.Run(method, func(t *testing.T) {
			client := oidctest.Client{ID: "id:+%/ é", Auth: method, Secret: odd, PublicKey: key.Public(), Redirects: []string{"http://localhost:8000"}}
			if method == AuthNone {
				client.Secret = ""
			}
			p := oidctest.Start(t, oidctest.WithClient(client), oidctest.DeviceApprovedAfter(1))
			c := discovered(t, p, edit, func(c *Config) { c.ClientID = client.ID })
			c.wait = (&pauses{clock: newClock()}).wait
			got := signedIn(t, p, c)
			if _, err := c.Device(within(t), DeviceOptions{Person: newPerson()}); err != nil {
				t.Error(err)
			}
			again, err := c.Refresh(within(t), got.RefreshToken, got.Claims.Subject)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Revoke(within(t), again.RefreshToken, secret.Text{}); err != nil {
				t.Error(err)
			}
			if n := p.CountGrant(oidctest.GrantRefresh); n != 1 {
				t.Errorf("%d refreshes arrived", n)
			}
		})
	}
}

func TestAssertion(t *testing.T) {
	key := newKey(t)
	now := time.Unix(1_800_000_000, 0)
	c := &Client{
		cfg:  Config{Issuer: "https://issuer", ClientID: "me", AssertionKey: key, AssertionKeyID: "key-1", Now: func() time.Time { return now }},
		meta: Metadata{Token: "https://issuer/token"},
		auth: AuthPrivateKeyJWT,
	}
	seen := map[any]bool{}
	for address, audience := range map[string]string{
		"https://issuer/token": "https://issuer/token",
		// A hostile provider chooses its endpoints; with another's token
		// endpoint as the audience it could use the assertion there.
		"https://issuer/device": "https://issuer",
	} {
		form := url.Values{}
		if _, err := c.authenticate(endpoint{"", address}, form); err != nil {
			t.Fatal(err)
		}
		signed, err := jose.ParseSignedCompact(form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := signed.Verify(key.Public())
		var claims map[string]any
		if err != nil || json.Unmarshal(payload, &claims) != nil || signed.Signatures[0].Header.KeyID != "key-1" {
			t.Fatalf("assertion: %v, %s", err, payload)
		}
		if claims["aud"] != audience || claims["iss"] != "me" || claims["sub"] != "me" || seen[claims["jti"]] ||
			claims["exp"] != float64(now.Unix()+60) || claims["iat"] != float64(now.Unix()) || form.Get("client_id") != "me" {
			t.Errorf("claims = %v", claims)
		}
		seen[claims["jti"]] = true
	}
}

func TestAssertionAlg(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		key       crypto.PublicKey
		supported []string
		want      jose.SignatureAlgorithm
	}{
		{&private.PublicKey, nil, jose.RS256},
		{&private.PublicKey, []string{"PS256", "RS256"}, jose.RS256},
		{&private.PublicKey, []string{"PS256", "ES256"}, jose.PS256},
		{&ecdsa.PublicKey{Curve: elliptic.P256()}, nil, jose.ES256},
		{&ecdsa.PublicKey{Curve: elliptic.P384()}, nil, jose.ES384},
		{&ecdsa.PublicKey{Curve: elliptic.P521()}, nil, jose.ES512},
		{&ecdsa.PublicKey{Curve: elliptic.P224()}, nil, ""},
		{"no key", nil, ""},
	} {
		if got := assertionAlg(test.key, test.supported); got != test.want {
			t.Errorf("%T: %q, want %q", test.key, got, test.want)
		}
	}
}

// A key that fails to sign, as one on a removed token does, says nothing of
// itself.
func TestKeyThatCannotSign(t *testing.T) {
	c := &Client{cfg: Config{ClientID: "me", AssertionKey: failing{newKey(t)}, Now: time.Now}, auth: AuthPrivateKeyJWT}
	_, err := c.authenticate(endpoint{}, url.Values{})
	if wantError[*ConfigError](t, err); strings.Contains(err.Error(), "canary") {
		t.Errorf("error = %v", err)
	}
}

type failing struct{ *ecdsa.PrivateKey }

func (f failing) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("canary")
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
