package login

// Serving the access token. It is meant for someone else than us, so only what
// an API server would check of it is checked, and only when it is a JWT of the
// issuer's own: ADFS and Ping sign access tokens under another issuer's name,
// and a webhook authenticator takes opaque ones.

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// unknownLife is how long an access token is served that does not say when it
// ends, neither beside it nor inside.
const unknownLife = 10 * time.Minute

// serveAccess completes t for Config.UseAccessToken. t's claims, when there
// are any, are the ID token's.
func (c *Client) serveAccess(ctx context.Context, t Tokens, got tokenAnswer, want expectation) (Tokens, error) {
	switch {
	case got.AccessToken == "":
		return Tokens{}, &ProviderError{tokenName, "its answer holds no access token", nil}
	case t.TokenType != "" && !strings.EqualFold(t.TokenType, "Bearer"):
		// A client must not use a type it does not know (RFC 6749, section 7.1).
		return Tokens{}, &ProviderError{tokenName, "its access token is not a bearer token", nil}
	}
	access, own, err := c.readAccess(ctx, got.AccessToken)
	if err != nil {
		return Tokens{}, err
	}
	if t.Expiry = c.accessExpiry(got, access); !c.cfg.Now().Before(t.Expiry) {
		return Tokens{}, &VerifyError{"exp", "the access token has ended already; is this machine's clock right?"}
	}
	if t.IDToken.Empty() {
		t.Claims, err = c.accessClaims(access, own, want)
	}
	return t, err
}

// accessClaims are the claims where there is no ID token. A session that goes
// on stays its person's, although an access token may call them by another
// name (Entra ID's subjects differ by application); one that begins must be
// the account's that was asked for.
func (c *Client) accessClaims(access rawClaims, own bool, want expectation) (claims Claims, err error) {
	switch {
	case !own && c.cfg.Account != "" && !want.refresh && !want.machine:
		return Claims{}, &WrongAccountError{Want: c.cfg.Account}
	case own && !want.refresh:
		err = c.checkPerson(access, want)
	}
	if own && err == nil {
		claims = access.exported()
	}
	if want.subject != "" {
		claims.Subject = want.subject
	}
	return claims, err
}

// readAccess returns the claims of an access token, none when it is opaque,
// and whether they are the issuer's own, in which case they are verified.
func (c *Client) readAccess(ctx context.Context, raw string) (claims rawClaims, own bool, err error) {
	claims = unverifiedClaims(raw)
	if c.checkIssuer(claims) != nil {
		return claims, false, nil
	}
	t, err := parseJWT(raw)
	if err != nil {
		return nil, false, err
	}
	for _, check := range []func(rawClaims) error{c.checkTimes, checkSubject} {
		if err := check(t.claims); err != nil {
			return nil, false, err
		}
	}
	_, err = c.verifySignature(ctx, t, &oidc.Config{SkipClientIDCheck: true})
	return t.claims, true, err
}

// unverifiedClaims looks into what may be a JWT, whoever signed it.
func unverifiedClaims(raw string) (claims rawClaims) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	return claims
}

// accessExpiry is the earliest end that is known.
func (c *Client) accessExpiry(got tokenAnswer, claims rawClaims) time.Time {
	now := c.cfg.Now()
	end, known := claims.time("exp")
	if got.ExpiresIn > 0 {
		if beside := now.Add(got.ExpiresIn.duration()); !known || beside.Before(end) {
			end, known = beside, true
		}
	}
	if !known {
		return now.Add(unknownLife)
	}
	return end
}
