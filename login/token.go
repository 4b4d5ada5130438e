package login

// The token endpoint: one request, one answer, and from the answer to tokens
// that are verified. Every grant ends here.

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/term"
)

// The grants, as grant_type names them.
const (
	grantCode              = "authorization_code"
	grantRefresh           = "refresh_token"
	grantPassword          = "password"
	grantClientCredentials = "client_credentials"
	grantDevice            = "urn:ietf:params:oauth:grant-type:device_code"
)

const tokenName = "token endpoint"

// tokenAnswer is a token endpoint's JSON, good or bad (RFC 6749, sections 5.1
// and 5.2).
type tokenAnswer struct {
	AccessToken  string  `json:"access_token"`
	IDToken      string  `json:"id_token"`
	RefreshToken string  `json:"refresh_token"`
	TokenType    string  `json:"token_type"`
	ExpiresIn    seconds `json:"expires_in"`

	Error       loose   `json:"error"`
	Description loose   `json:"error_description"`
	Interval    seconds `json:"interval"` // beside slow_down
}

// redeem exchanges what form carries for tokens. The keys are fetched first,
// so that a provider that is half down costs no code and no refresh token.
func (c *Client) redeem(ctx context.Context, form url.Values, want expectation) (Tokens, error) {
	if err := cmp.Or(c.ready(ctx), ctx.Err()); err != nil {
		return Tokens{}, err
	}
	if want.refresh {
		longer, cancel := outlive(ctx, spending)
		defer cancel()
		ctx = longer
	}
	got, err := c.requestToken(ctx, form)
	if err != nil {
		return Tokens{}, err
	}
	return c.tokens(ctx, form.Get("grant_type"), got, want)
}

// ready fetches what will be needed to verify an ID token.
func (c *Client) ready(ctx context.Context) error {
	if c.cfg.UseAccessToken {
		return nil // perhaps nothing will be verified
	}
	return c.keys.load(ctx)
}

// requestToken sends form to the token endpoint. With an *OAuthError it
// returns the answer too.
func (c *Client) requestToken(ctx context.Context, form url.Values) (tokenAnswer, error) {
	a, err := c.post(ctx, endpoint{tokenName, c.meta.Token}, form)
	if err != nil {
		return tokenAnswer{}, err
	}
	return parseToken(a, c.sent(form))
}

// parseToken reads the answer to a request that held the secrets sent. Some
// providers send errors with 200.
func parseToken(a answer, sent []string) (tokenAnswer, error) {
	var got tokenAnswer
	err := a.decode(&got)
	switch {
	case err == nil && got.Error != "" && (!a.ok() || got.AccessToken == "" && got.IDToken == ""):
		return got, newOAuthError(a.endpoint, got.Error, got.Description, sent)
	case !a.ok():
		return tokenAnswer{}, &ProviderError{a.endpoint.name, "it answered " + status(a.status) + " without an OAuth error", nil}
	case err != nil:
		return tokenAnswer{}, err
	}
	// Tokens go into headers, and a refresh token back into a form (RFC 6749,
	// appendix A).
	for _, token := range []string{got.AccessToken, got.IDToken, got.RefreshToken} {
		if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return tokenAnswer{}, &ProviderError{a.endpoint.name, "a token in its answer holds characters that no token may hold", nil}
		}
	}
	return got, nil
}

// tokens verifies an answer and makes Tokens of it. With an error the
// RefreshToken is there all the same: the provider may have rotated it.
func (c *Client) tokens(ctx context.Context, grant string, got tokenAnswer, want expectation) (Tokens, error) {
	t := Tokens{
		IDToken:      secret.New(got.IDToken),
		AccessToken:  secret.New(got.AccessToken),
		RefreshToken: secret.New(got.RefreshToken),
		TokenType:    term.Clean(got.TokenType, 20),
		ServesAccess: c.cfg.UseAccessToken,
	}
	if got.IDToken != "" {
		want.accessToken = t.AccessToken
		claims, err := c.verifyIDToken(ctx, got.IDToken, want)
		if err != nil {
			return Tokens{RefreshToken: t.RefreshToken}, err
		}
		t.Claims = claims
		t.Expiry, _ = rawClaims(claims.Raw).time("exp")
	}
	switch {
	case c.cfg.UseAccessToken:
		served, err := c.serveAccess(ctx, t, got, want)
		if err != nil {
			return Tokens{RefreshToken: t.RefreshToken}, err
		}
		return served, nil
	case got.IDToken == "":
		return Tokens{RefreshToken: t.RefreshToken}, &NoIDTokenError{Grant: grant}
	}
	return t, nil
}

// sent returns the secrets in form and beside it, as they are and as they
// went over the wire.
func (c *Client) sent(form url.Values) []string {
	secret := c.cfg.ClientSecret.Reveal()
	all := []string{basic(c.cfg.ClientID, secret), secret}
	for _, name := range []string{"code", "code_verifier", "refresh_token", "password", "device_code", "token", "client_assertion"} {
		all = append(all, form.Get(name))
	}
	for _, s := range all {
		all = append(all, url.QueryEscape(s))
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// newOAuthError cleans a provider's error. Providers repeat what was sent to
// them ("the code abc is invalid"): a text that holds a secret is dropped.
func newOAuthError(from endpoint, code, description loose, sent []string) *OAuthError {
	for _, secret := range sent {
		if strings.Contains(string(code), secret) {
			code = ""
		}
		if strings.Contains(string(description), secret) {
			description = ""
		}
	}
	e := &OAuthError{from.name, term.Clean(string(code), 60), term.Clean(string(description), maxText)}
	if e.Code == "" {
		e.Code = "an error"
	}
	return e
}

// loose is a JSON string, or "" for anything else.
type loose string

// UnmarshalJSON implements json.Unmarshaler and never fails.
func (l *loose) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		text = ""
	}
	*l = loose(text)
	return nil
}

// seconds is a duration of at most maxSeconds. Providers send it as a number,
// a fraction or a string; what is negative, missing or no number is 0, which
// means unknown.
type seconds int64

const maxSeconds = 365 * 24 * 60 * 60

// UnmarshalJSON implements json.Unmarshaler and never fails.
func (s *seconds) UnmarshalJSON(b []byte) error {
	n, _ := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	*s = 0
	if n >= 1 {
		*s = seconds(min(n, maxSeconds))
	}
	return nil
}

func (s seconds) duration() time.Duration { return time.Duration(s) * time.Second }
