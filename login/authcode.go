package login

// The authorization code grant up to the code and from the code on; how the
// code comes back is in browser.go and paste.go. PKCE's S256 always, advertised
// or not, since a provider that does not know it ignores it (RFC 7636,
// section 5); only Config.PKCE "no" leaves it out.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/login/loopback"
)

const (
	authorizationName = "authorization endpoint"
	formPost          = "form_post"
)

// attempt is what ties an answer to the request that asked for it.
type attempt struct {
	state, nonce string
	verifier     secret.Text // empty without PKCE
	redirect     string
	byHand       bool // the address of the last page is all there is
}

// begin prepares a sign-in with an authorization code. What can fail without a
// person fails here, before one is troubled.
func (c *Client) begin(ctx context.Context) (attempt, error) {
	if c.meta.Authorization == "" {
		return attempt{}, &UnsupportedError{"signing in with a browser"}
	}
	if err := c.ready(ctx); err != nil {
		return attempt{}, err
	}
	return attempt{state: rand.Text(), nonce: rand.Text(), verifier: c.newVerifier()}, nil
}

func (c *Client) newVerifier() secret.Text {
	if c.cfg.PKCE == "no" {
		return secret.Text{}
	}
	return secret.New(oauth2.GenerateVerifier())
}

// challenge adds PKCE's part of a request that begins a login.
func challenge(form url.Values, verifier secret.Text) {
	if !verifier.Empty() {
		form.Set("code_challenge", oauth2.S256ChallengeFromVerifier(verifier.Reveal()))
		form.Set("code_challenge_method", "S256")
	}
}

// authorizationURL is where the person's browser goes.
func (c *Client) authorizationURL(a attempt) (string, error) {
	query := url.Values{}
	query.Set("access_type", "offline") // how Google is asked for a refresh token
	if c.cfg.Account != "" {
		query.Set("login_hint", c.cfg.Account)
	}
	c.addExtra(query)
	if a.byHand {
		query.Del("response_mode") // a form post is in no address
	}
	if c.cfg.SelectAccount {
		addWord(query, "prompt", "select_account")
	}
	query.Set("response_type", "code")
	query.Set("client_id", c.cfg.ClientID)
	query.Set("redirect_uri", a.redirect)
	query.Set("scope", c.scope)
	query.Set("state", a.state)
	query.Set("nonce", a.nonce)
	challenge(query, a.verifier)
	address, err := withQuery(c.meta.Authorization, query)
	if err == nil {
		_, err = httpclient.ParseURL(address) // with its query it may have become too long
	}
	if err != nil {
		return "", &ConfigError{"authorization request", err.Error()}
	}
	return address, nil
}

// withQuery adds query to an address, over what it has.
func withQuery(raw string, query url.Values) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	all := u.Query()
	for name, values := range query {
		all[name] = values
	}
	u.RawQuery = all.Encode()
	return u.String(), nil
}

// addWord adds word to a parameter that is a list with spaces.
func addWord(query url.Values, name, word string) {
	words := strings.Fields(query.Get(name))
	if !slices.Contains(words, word) {
		query.Set(name, strings.Join(append(words, word), " "))
	}
}

// expected is what the answer to a must carry.
func (c *Client) expected(a attempt) loopback.Expected {
	return loopback.Expected{State: a.state, Issuer: c.cfg.Issuer, IssRequired: c.meta.IssParameter}
}

// redeemCode exchanges the code that answered a.
func (c *Client) redeemCode(ctx context.Context, a attempt, code secret.Text) (Tokens, error) {
	form := url.Values{}
	form.Set("grant_type", grantCode)
	form.Set("code", code.Reveal())
	form.Set("redirect_uri", a.redirect)
	if !a.verifier.Empty() {
		form.Set("code_verifier", a.verifier.Reveal())
	}
	return c.redeem(ctx, form, expectation{nonce: a.nonce, fresh: true})
}

// answerError makes this package's error of why no code came.
func answerError(err error) error {
	var denied *loopback.DeniedError
	var issuer *loopback.IssuerError
	switch {
	case errors.As(err, &denied) && denied.Code == "access_denied":
		return fmt.Errorf("%w: %w", ErrDenied, &OAuthError{authorizationName, denied.Code, denied.Description})
	case errors.As(err, &denied):
		return &OAuthError{authorizationName, denied.Code, denied.Description}
	case errors.As(err, &issuer):
		return &ProviderError{authorizationName, issuer.Error(), nil}
	case errors.Is(err, context.DeadlineExceeded):
		return ErrTimeout
	}
	return err
}
