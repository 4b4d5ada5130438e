package login

// How the client proves who it is. The method is settled at discovery and
// never found out by trial: a second try sends a refresh token twice.

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
)

// The methods of client authentication (OpenID Connect Core 1.0, section 9).
const (
	AuthNone          = "none"
	AuthBasic         = "client_secret_basic"
	AuthPost          = "client_secret_post"
	AuthPrivateKeyJWT = "private_key_jwt"
)

// assertionLife is how long a client assertion may be used; it is used at once.
const assertionLife = time.Minute

// authMethod chooses: what was configured, else what there is a key or secret
// for. A provider that lists no methods supports client_secret_basic
// (OpenID Connect Discovery 1.0, section 3).
func authMethod(cfg Config, meta Metadata) (string, error) {
	switch {
	case cfg.AuthMethod != "":
		return cfg.AuthMethod, checkAuthMethod(cfg)
	case cfg.AssertionKey != nil:
		cfg.AuthMethod = AuthPrivateKeyJWT
		return AuthPrivateKeyJWT, checkAuthMethod(cfg)
	case cfg.ClientSecret.Empty():
		return AuthNone, nil
	case !slices.Contains(meta.AuthMethods, AuthBasic) && slices.Contains(meta.AuthMethods, AuthPost):
		return AuthPost, nil
	}
	return AuthBasic, nil
}

// checkAuthMethod refuses a method that is unknown or lacks what it needs.
func checkAuthMethod(cfg Config) error {
	const setting = "client authentication"
	switch cfg.AuthMethod {
	case AuthNone:
		return nil
	case AuthBasic, AuthPost:
		if cfg.ClientSecret.Empty() {
			return &ConfigError{setting, cfg.AuthMethod + " needs a client secret"}
		}
		return nil
	case AuthPrivateKeyJWT:
		if cfg.AssertionKey == nil || assertionAlg(cfg.AssertionKey.Public(), nil) == "" {
			return &ConfigError{setting, AuthPrivateKeyJWT + " needs an RSA key, or an ECDSA key on P-256, P-384 or P-521"}
		}
		return nil
	}
	return &ConfigError{setting, "the method is none of none, client_secret_basic, client_secret_post and private_key_jwt"}
}

// authenticate adds the client's proof to form, or returns it as a header.
func (c *Client) authenticate(to endpoint, form url.Values) (http.Header, error) {
	header := http.Header{}
	switch c.auth {
	case AuthBasic:
		header.Set("Authorization", "Basic "+basic(c.cfg.ClientID, c.cfg.ClientSecret.Reveal()))
		return header, nil
	case AuthPost:
		form.Set("client_secret", c.cfg.ClientSecret.Reveal())
	case AuthPrivateKeyJWT:
		assertion, err := c.assertion(to)
		if err != nil {
			return nil, err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	}
	form.Set("client_id", c.cfg.ClientID)
	return header, nil
}

// basic joins both for HTTP's Basic. Each is form-encoded first: an id may hold
// a colon (RFC 6749, section 2.3.1).
func basic(id, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id) + ":" + url.QueryEscape(secret)))
}

// assertion signs a JWT that authenticates this client once (RFC 7523,
// section 3). Its audience is the token endpoint when it goes there, which
// every provider takes, and the verified issuer when it goes elsewhere: with an
// audience that the metadata chose, a hostile provider could have it sent to
// itself and use it at another.
func (c *Client) assertion(to endpoint) (string, error) {
	audience := c.cfg.Issuer
	if to.url == c.meta.Token {
		audience = to.url
	}
	now := c.cfg.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": c.cfg.ClientID,
		"sub": c.cfg.ClientID,
		"aud": audience,
		"jti": rand.Text(),
		"iat": now.Unix(),
		"exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	alg := assertionAlg(c.cfg.AssertionKey.Public(), c.meta.AuthSigningAlgs)
	options := (&jose.SignerOptions{}).WithType("JWT")
	if c.cfg.AssertionKeyID != "" {
		options = options.WithHeader("kid", c.cfg.AssertionKeyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: cryptosigner.Opaque(c.cfg.AssertionKey)}, options)
	if err != nil {
		return "", &ConfigError{"client authentication", "the key cannot sign"}
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", &ConfigError{"client authentication", "the key cannot sign"}
	}
	return signed.CompactSerialize()
}

// assertionAlg is what key signs with, or "". RSA is RS256 unless the provider
// lists PS256 and not RS256.
func assertionAlg(key crypto.PublicKey, supported []string) jose.SignatureAlgorithm {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if slices.Contains(supported, "PS256") && !slices.Contains(supported, "RS256") {
			return jose.PS256
		}
		return jose.RS256
	case *ecdsa.PublicKey:
		switch key.Curve.Params().BitSize {
		case 256:
			return jose.ES256
		case 384:
			return jose.ES384
		case 521:
			return jose.ES512
		}
	}
	return ""
}
