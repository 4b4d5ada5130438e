package login

// A token's way to being believed: its form, its claims, its signature, and
// that what was read is what was signed. go-oidc does the signature and checks
// issuer, audience and times once more; it accepts a wrong nonce, a bad
// at_hash, a foreign azp, several audiences without azp, an iat a day ahead, a
// missing sub and an old auth_time, which are refused here (OpenID Connect
// Core 1.0, section 3.1.3.7).

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/term"
)

// skew is how far a provider's clock may be ahead of ours. The end of a token
// has none: a token past its end by our clock is of no use to serve.
const skew = 5 * time.Minute

// algorithms are those that the API server accepts: neither none, nor a shared
// secret's, nor EdDSA.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512,
		jose.ES256, jose.ES384, jose.ES512,
		jose.PS256, jose.PS384, jose.PS512,
	}
}

// expectation is what an ID token must agree with besides the configuration.
type expectation struct {
	nonce       string      // sent with the request; empty when none was
	accessToken secret.Text // came with the ID token; may be empty
	refresh     bool        // a session goes on
	subject     string      // of that session; empty when it is not known
	fresh       bool        // the person has just signed in, so max_age counts
	machine     bool        // no person signs in, so Account does not count
}

// jwt is a token in compact form that is signed with an algorithm we take. Its
// claims are unverified.
type jwt struct {
	raw      string
	kid, alg string
	payload  []byte
	claims   rawClaims
}

// parseJWT reads a token's form. The character set comes first: go-jose drops
// white space and reads JSON serialization too, and neither would survive the
// Authorization header.
func parseJWT(raw string) (jwt, error) {
	if strings.ContainsFunc(raw, notBase64URL) {
		return jwt{}, &VerifyError{"form", "it is not a signed JWT"}
	}
	signed, err := jose.ParseSignedCompact(raw, algorithms())
	var algorithm *jose.ErrUnexpectedSignatureAlgorithm
	if errors.As(err, &algorithm) {
		return jwt{}, &VerifyError{"alg", fmt.Sprintf("it is signed with %q, which the API server does not accept", term.Clean(string(algorithm.Got), 20))}
	}
	if err != nil || len(signed.Signatures) != 1 {
		return jwt{}, &VerifyError{"form", "it is not a signed JWT"}
	}
	header := signed.Signatures[0].Protected
	t := jwt{raw: raw, kid: header.KeyID, alg: header.Algorithm, payload: signed.UnsafePayloadWithoutVerification()}
	if json.Unmarshal(t.payload, &t.claims) != nil || t.claims == nil {
		return jwt{}, &VerifyError{"form", "its claims are not a JSON object"}
	}
	return t, nil
}

func notBase64URL(r rune) bool {
	return !(r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z')
}

// verifyIDToken returns the claims of an ID token that is ours to use. Errors:
// *VerifyError, *WrongAccountError, and those of fetching keys.
func (c *Client) verifyIDToken(ctx context.Context, raw string, want expectation) (Claims, error) {
	t, err := parseJWT(raw)
	if err != nil {
		return Claims{}, err
	}
	for _, check := range []func(rawClaims) error{c.checkIssuer, c.checkTimes, c.checkAudience, checkSubject, want.checkNonce} {
		if err := check(t.claims); err != nil {
			return Claims{}, err
		}
	}
	verified, err := c.verifySignature(ctx, t, &oidc.Config{ClientID: c.cfg.ClientID})
	if err != nil {
		return Claims{}, err
	}
	if verified.AccessTokenHash != "" && !want.accessToken.Empty() && verified.VerifyAccessToken(want.accessToken.Reveal()) != nil {
		return Claims{}, &VerifyError{"at_hash", "the access token beside it belongs to another ID token"}
	}
	if err := c.checkPerson(t.claims, want); err != nil {
		return Claims{}, err
	}
	return t.claims.exported(), nil
}

// verifySignature is go-oidc's verdict on a token whose claims were checked.
func (c *Client) verifySignature(ctx context.Context, t jwt, cfg *oidc.Config) (*oidc.IDToken, error) {
	keys, err := c.keys.find(ctx, t.kid, t.alg)
	if err != nil {
		return nil, err
	}
	cfg.SupportedSigningAlgs = []string{t.alg}
	cfg.Now = c.cfg.Now
	token, err := oidc.NewVerifier(c.cfg.Issuer, &oidc.StaticKeySet{PublicKeys: keys}, cfg).Verify(ctx, t.raw)
	if err != nil {
		return nil, &VerifyError{"signature", "it is not signed by the provider, or a claim has the wrong type"}
	}
	var signed json.RawMessage
	if token.Claims(&signed) != nil || !bytes.Equal(signed, t.payload) {
		return nil, &VerifyError{"form", "what is signed is not what was read"}
	}
	return token, nil
}

// checkIssuer is exact, but for the name that Google goes by in some tokens,
// which go-oidc and the API server let pass too.
func (c *Client) checkIssuer(claims rawClaims) error {
	iss := claims.text("iss")
	if iss == c.cfg.Issuer || c.cfg.Issuer == "https://accounts.google.com" && iss == "accounts.google.com" {
		return nil
	}
	return &VerifyError{"iss", fmt.Sprintf("it comes from %q", term.Clean(iss, maxIssuer))}
}

func (c *Client) checkTimes(claims rawClaims) error {
	now := c.cfg.Now()
	expiry, ok := claims.time("exp")
	if !ok {
		return &VerifyError{"exp", "it does not say when it ends"}
	}
	if !now.Before(expiry) {
		return &VerifyError{"exp", fmt.Sprintf("it ended %s ago; is this machine's clock right?", now.Sub(expiry).Round(time.Second))}
	}
	for _, name := range []string{"iat", "nbf"} {
		begin, ok := claims.time(name)
		if !ok && name == "iat" {
			return &VerifyError{name, "it does not say when it was issued"}
		}
		if begin.Sub(now) > skew {
			return &VerifyError{name, fmt.Sprintf("it begins %s from now; is this machine's clock right?", begin.Sub(now).Round(time.Second))}
		}
	}
	return nil
}

// checkAudience wants this client among the audiences, and an authorized party
// that is this client: named when there are several audiences, and right
// whenever it is named.
func (c *Client) checkAudience(claims rawClaims) error {
	audiences := claims.list("aud")
	azp, named := claims["azp"]
	switch {
	case !slices.Contains(audiences, c.cfg.ClientID):
		return &VerifyError{"aud", "it is for another client"}
	case named && azp != c.cfg.ClientID:
		return &VerifyError{"azp", "it was issued to another client"}
	case !named && len(audiences) > 1:
		return &VerifyError{"azp", "it has several audiences and does not say to which client it was issued"}
	}
	return nil
}

func (w expectation) checkNonce(claims rawClaims) error {
	if w.nonce != "" && claims.text("nonce") != w.nonce {
		return &VerifyError{"nonce", "it belongs to another sign-in"}
	}
	return nil
}

func checkSubject(claims rawClaims) error {
	if claims.text("sub") == "" {
		return &VerifyError{"sub", "it does not say whom it is for"}
	}
	return nil
}

// checkPerson wants the same subject as before, who is the account asked for
// and has signed in recently enough.
func (c *Client) checkPerson(claims rawClaims, want expectation) error {
	if want.subject != "" && claims.text("sub") != want.subject {
		return &WrongAccountError{Want: term.Clean(want.subject, maxName), Got: claims.name()}
	}
	if !want.machine && c.cfg.Account != "" && !claims.isFor(c.cfg.Account) {
		return &WrongAccountError{Want: c.cfg.Account, Got: claims.name()}
	}
	if age, asked, _ := c.cfg.maxAge(); asked && want.fresh {
		at, ok := claims.time("auth_time")
		if !ok || c.cfg.Now().Sub(at) > age+skew {
			return &VerifyError{"auth_time", "the person signed in longer ago than max_age allows, or the token does not say when"}
		}
	}
	return nil
}
