package login

// Renewing a session without a person. The refresh token is sent once: when
// the answer is lost, this call fails as a network error, and a later process
// may try again.

import (
	"context"
	"fmt"
	"net/url"

	"github.com/kubecred/kubecred/internal/secret"
)

// Refresh gets new tokens for the session that refresh belongs to. subject is
// the Claims.Subject of the session so far, which must stay the same (OpenID
// Connect Core 1.0, section 12.2); empty when it is not known. The result's
// RefreshToken is the one to keep: the new one, or refresh itself when the
// provider sent none. Without an ID token, which is no error when the access
// token is served, the result's Claims.Subject is subject.
//
// With an error about the tokens (*VerifyError, *NoIDTokenError) the result
// holds the new refresh token and nothing else: the old one may be spent.
//
// The error is ErrSessionEnded, beside the *OAuthError, only when the provider
// answered invalid_grant. The others are those of Password; none of them means
// that a login would help.
func (c *Client) Refresh(ctx context.Context, refresh secret.Text, subject string) (Tokens, error) {
	if refresh.Empty() {
		return Tokens{}, fmt.Errorf("%w: there is no refresh token", ErrSessionEnded)
	}
	form := url.Values{}
	form.Set("grant_type", grantRefresh)
	form.Set("refresh_token", refresh.Reveal())
	form.Set("scope", c.scope) // Okta wants openid here; a narrower scope would narrow the token
	t, err := c.redeem(ctx, form, expectation{refresh: true, subject: subject})
	if oauthCode(err) == "invalid_grant" {
		return Tokens{}, fmt.Errorf("%w: %w", ErrSessionEnded, err)
	}
	if err == nil && t.RefreshToken.Empty() {
		t.RefreshToken = refresh // RFC 6749, section 6
	}
	return t, err
}
