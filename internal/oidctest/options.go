package oidctest

// Options for a provider that behaves, in one of the ways that good providers
// differ. What misbehaves is in faults.go, edits.go and hostile.go. A field of
// Config that has no name here is set by a function literal.

import (
	"slices"
	"time"
)

// TLS serves https; CAPEM is what a client must trust. Only at the start.
func TLS() Option { return func(c *Config) { c.TLS = true } }

// Address listens there, for a provider that comes back where it was. Only at
// the start.
func Address(hostPort string) Option { return func(c *Config) { c.Address = hostPort } }

// Path gives the issuer a path. Only at the start.
func Path(path string) Option { return func(c *Config) { c.Path = path } }

// RS256 signs with RSA; making the key takes a moment. Only at the start.
func RS256() Option { return func(c *Config) { c.Alg = "RS256" } }

// Clock is the provider's idea of the time.
func Clock(now func() time.Time) Option { return func(c *Config) { c.Now = now } }

// WithClient registers a client, or replaces the one of the same ID.
func WithClient(client Client) Option {
	return func(c *Config) {
		c.Clients = slices.DeleteFunc(c.Clients, func(k Client) bool { return k.ID == client.ID })
		c.Clients = append(c.Clients, client)
	}
}

// editClient changes the standard client.
func editClient(edit func(*Client)) Option {
	return func(c *Config) {
		for i := range c.Clients {
			if c.Clients[i].ID == ClientID {
				edit(&c.Clients[i])
			}
		}
	}
}

// Confidential makes the standard client authenticate by method with secret.
func Confidential(method, secret string) Option {
	return editClient(func(c *Client) { c.Auth, c.Secret = method, secret })
}

// Redirects replaces the redirects of the standard client.
func Redirects(uris ...string) Option {
	return editClient(func(c *Client) { c.Redirects = uris })
}

// ExactPorts makes the port of the standard client's redirects count, as Okta
// and Auth0 do.
func ExactPorts() Option { return editClient(func(c *Client) { c.ExactPort = true }) }

// Grants limits the standard client to some grants.
func Grants(grants ...string) Option {
	return editClient(func(c *Client) { c.Grants = grants })
}

// WithUser adds a person before the others, so that they are the one who
// signs in.
func WithUser(u User) Option {
	return func(c *Config) { c.Users = slices.Insert(c.Users, 0, u) }
}

// SignInAs lets that person sign in, even when login_hint names another.
func SignInAs(name string) Option { return func(c *Config) { c.SignInAs = name } }

// LoginPage shows the page with its #username and #sign-in instead of
// redirecting at once.
func LoginPage() Option { return func(c *Config) { c.Page = true } }

// Scopes are the scopes that the provider knows. Google's lack offline_access.
func Scopes(scopes ...string) Option { return func(c *Config) { c.Scopes = scopes } }

// TokenLifetime is that of ID tokens and access tokens.
func TokenLifetime(d time.Duration) Option {
	return func(c *Config) { c.Lifetimes.IDToken, c.Lifetimes.AccessToken = d, d }
}

// AlwaysRefresh hands out refresh tokens without offline_access.
func AlwaysRefresh() Option { return func(c *Config) { c.AlwaysRefresh = true } }

// OfflineByParameter hands out refresh tokens as Google does: for parameters and
// not for a scope.
func OfflineByParameter() Option { return func(c *Config) { c.OfflineByParameter = true } }

// NoRotation keeps refresh tokens good after use.
func NoRotation() Option { return func(c *Config) { c.NoRotation = true } }

// JWTAccessTokens makes access tokens JWTs.
func JWTAccessTokens() Option { return func(c *Config) { c.JWTAccessTokens = true } }

// NoIssuerParameter leaves `iss` out of callbacks and does not advertise it.
func NoIssuerParameter() Option { return func(c *Config) { c.NoIssuerParameter = true } }

// DeviceApprovedAfter approves a device login by itself at its n-th poll.
func DeviceApprovedAfter(polls int) Option {
	return func(c *Config) { c.DeviceApprovedAfter = polls }
}

// DeviceInterval announces an interval, in seconds.
func DeviceInterval(seconds int) Option {
	return func(c *Config) { c.DeviceInterval = seconds }
}

// Deny makes the person refuse at the authorization endpoint.
func Deny() Option { return func(c *Config) { c.Deny = true } }
