package login

// The grants that need no browser: a password, and a machine's own secret.

import (
	"context"
	"net/url"

	"github.com/kubecred/kubecred/internal/secret"
)

// Password signs in with a user name and a password (RFC 6749, section 4.3),
// for providers that still allow it. The extra parameters are sent too.
// Errors: *OAuthError (invalid_grant: the password is wrong), *NetworkError,
// *ProviderError, *VerifyError, *WrongAccountError, *NoIDTokenError.
func (c *Client) Password(ctx context.Context, user string, password secret.Text) (Tokens, error) {
	form := url.Values{}
	c.addExtra(form)
	form.Set("grant_type", grantPassword)
	form.Set("username", user)
	form.Set("password", password.Reveal())
	form.Set("scope", c.scope)
	return c.redeem(ctx, form, expectation{})
}

// ClientCredentials signs the client itself in (RFC 6749, section 4.4). The
// extra parameters are sent, as kubelogin does; Config.Account does not count.
// Most providers answer without an ID token: see Config.UseAccessToken. Errors
// are those of Password.
func (c *Client) ClientCredentials(ctx context.Context) (Tokens, error) {
	if c.auth == AuthNone {
		return Tokens{}, &ConfigError{"client authentication", "client credentials need a client secret or a key"}
	}
	form := url.Values{}
	c.addExtra(form)
	form.Set("grant_type", grantClientCredentials)
	form.Set("scope", c.scope)
	return c.redeem(ctx, form, expectation{machine: true})
}
