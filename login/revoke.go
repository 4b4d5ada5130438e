package login

// Ending a session at the provider. What is forgotten here is forgotten
// whether or not this works; the command says so.

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/kubecred/kubecred/internal/secret"
)

const revocationName = "revocation endpoint"

// Revoke revokes the refresh token, and with it what was issued from it, and
// then the access token (RFC 7009, section 2.1). ID tokens cannot be revoked:
// one lives until its end. An access token of a kind that the provider does not
// revoke is no error. Empty tokens are passed over.
//
// Errors: *UnsupportedError when the provider revokes nothing, and of each
// token *OAuthError, *NetworkError or *ProviderError, joined.
func (c *Client) Revoke(ctx context.Context, refresh, access secret.Text) error {
	if c.meta.Revocation == "" {
		return &UnsupportedError{"revocation"}
	}
	err := c.revoke(ctx, refresh, "refresh_token")
	accessErr := c.revoke(ctx, access, "access_token")
	if oauthCode(accessErr) == "unsupported_token_type" {
		accessErr = nil
	}
	if err != nil && accessErr != nil {
		return fmt.Errorf("%w; %w", err, accessErr)
	}
	return errors.Join(err, accessErr) // at most one of them
}

func (c *Client) revoke(ctx context.Context, token secret.Text, hint string) error {
	if token.Empty() {
		return nil
	}
	form := url.Values{"token": {token.Reveal()}, "token_type_hint": {hint}}
	a, err := c.post(ctx, endpoint{revocationName, c.meta.Revocation}, form)
	if err != nil || a.ok() {
		return err // the body of a success says nothing (RFC 7009, section 2.2)
	}
	var got tokenAnswer
	if a.decode(&got) == nil && got.Error != "" {
		return newOAuthError(a.endpoint, got.Error, got.Description, c.sent(form))
	}
	return &ProviderError{revocationName, "it answered " + status(a.status), nil}
}
