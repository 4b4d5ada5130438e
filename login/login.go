// Package login signs a person or a machine in with OpenID Connect and brings
// back tokens that were verified.
//
// Its rules:
//   - Everything a provider sends is hostile until it was checked: endpoints,
//     texts, numbers, keys, tokens.
//   - A request that carries a credential is sent once. Only device polling,
//     whose protocol is to ask again, asks again.
//   - Only https, and http between this machine and itself.
//   - No error holds a token, a code, a password or a provider's raw answer.
//   - Only invalid_grant, in answer to a refresh, means that the session is
//     over (ErrSessionEnded).
//
// go-oidc verifies signatures, and x/oauth2 makes PKCE's verifiers. Discovery,
// the token endpoint and device polling are this package's own, since the
// libraries echo unbounded bodies into errors, try client authentication by
// sending twice, and give up polling at one 503.
//
// The guarantee ends at the provider: who it says signed in, did. And it ends
// at access tokens that are not JWTs of the issuer's own, which are passed on
// as they came (see Config.UseAccessToken).
package login

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// Config says which provider, as which client, and for whom.
type Config struct {
	// Issuer is compared exactly, as the API server does it.
	Issuer   string
	ClientID string

	// ClientSecret is empty for a public client.
	ClientSecret secret.Text
	// AuthMethod is one of the Auth constants; empty chooses from what is
	// there and from what the provider says it supports.
	AuthMethod string
	// AssertionKey signs assertions for private_key_jwt: RSA, or ECDSA on
	// P-256, P-384 or P-521.
	AssertionKey crypto.Signer `json:"-"`
	// AssertionKeyID is the "kid" under which the provider knows the key.
	AssertionKeyID string

	// Scopes are asked for besides openid, which is always asked for.
	Scopes []string
	// ExtraParams are sent with every request that begins a session. They may
	// not name a parameter that this package sets itself.
	ExtraParams map[string]string
	// PKCE is auto, S256 or no; empty and auto mean S256, advertised or not.
	PKCE string

	// UseAccessToken serves the access token instead of the ID token. A JWT
	// of the issuer's own is verified; another is passed on as it came, since
	// access tokens are opaque to clients (RFC 6749, section 1.4).
	UseAccessToken bool

	// Account is who must sign in: a subject, or an e-mail address or user
	// name without regard to case. It is sent as login_hint.
	Account string
	// SelectAccount asks the provider to let the person choose again.
	SelectAccount bool

	// HTTP MUST come from internal/httpclient, which bounds bodies and time
	// and refuses the redirects that this package relies on being refused.
	HTTP *http.Client
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log is told of decisions, never of secrets; nil is nowhere.
	Log *slog.Logger
}

// Format implements fmt.Formatter: an Ed25519 key in AssertionKey would print
// itself byte by byte.
func (c Config) Format(f fmt.State, _ rune) {
	io.WriteString(f, c.ClientID+" at "+c.Issuer)
}

// LogValue implements slog.LogValuer.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("issuer", c.Issuer), slog.String("client", c.ClientID))
}

// Client speaks with one provider. It is safe for concurrent use.
type Client struct {
	cfg    Config
	issuer *url.URL
	meta   Metadata
	keys   *keySet
	scope  string // as it is sent: openid and Config.Scopes
	auth   string // one of the Auth constants

	// wait is a seam: it returns after d or when ctx ends, with its error.
	wait func(ctx context.Context, d time.Duration) error
}

// Metadata returns what the provider says of itself.
func (c *Client) Metadata() Metadata { return c.meta }

// Tokens is what a login or a refresh brings, verified.
type Tokens struct {
	IDToken, AccessToken, RefreshToken secret.Text

	TokenType string
	// Expiry is that of the served token, and never zero.
	Expiry time.Time
	// Claims are the ID token's, or those of a verified access token where
	// there is no ID token. They are empty when neither is to be had.
	Claims Claims
	// ServesAccess is Config.UseAccessToken.
	ServesAccess bool
}

// Served returns the token that goes to the API server.
func (t Tokens) Served() secret.Text {
	if t.ServesAccess {
		return t.AccessToken
	}
	return t.IDToken
}

// sleep is the real Client.wait.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
