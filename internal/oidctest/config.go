package oidctest

// The configuration is a value that is never changed once it is in force:
// Apply clones it, edits the clone and swaps it in. A handler that has begun
// goes on with the one it began with.

import (
	"crypto"
	"maps"
	"net/url"
	"slices"
	"time"
)

// Client authentication methods of RFC 8414's registry, as Client.Auth has
// them.
const (
	AuthNone          = "none"
	AuthBasic         = "client_secret_basic"
	AuthPost          = "client_secret_post"
	AuthPrivateKeyJWT = "private_key_jwt"
)

// Grants, as the token endpoint's grant_type has them.
const (
	GrantCode              = "authorization_code"
	GrantRefresh           = "refresh_token"
	GrantPassword          = "password"
	GrantClientCredentials = "client_credentials"
	GrantDevice            = "urn:ietf:params:oauth:grant-type:device_code"
)

// ClientID is the client that every provider knows unless WithClient changes
// it: public, with the redirects that kubecred uses.
const ClientID = "kubecred"

// Client is a registered application.
type Client struct {
	ID     string
	Secret string
	// Auth is the one method by which the client may authenticate; "" is
	// AuthNone.
	Auth string
	// PublicKey verifies private_key_jwt assertions.
	PublicKey crypto.PublicKey
	// Redirects are the registered redirect URIs, compared as strings.
	Redirects []string
	// ExactPort turns off RFC 8252 section 7.3, by which the port of a
	// loopback redirect does not count.
	ExactPort bool
	// PostLogout are the registered post_logout_redirect_uris.
	PostLogout []string
	// Grants are those the client may use; nil means every one.
	Grants []string
}

// User is a person who can sign in.
type User struct {
	Sub               string
	Email             string
	PreferredUsername string
	Name              string
	// Password is what the password grant asks for. The page asks for none.
	Password string
	Groups   []string
	// Extra are further claims, put in the ID token whatever the scope.
	Extra map[string]any
}

// named reports whether the person calls themselves so on the page.
func (u User) named(name string) bool {
	return name != "" && (name == u.PreferredUsername || name == u.Email || name == u.Sub)
}

// Lifetimes say how long what the provider issues is good for.
type Lifetimes struct {
	Code, IDToken, AccessToken, RefreshToken, Device time.Duration
}

// Config is everything about a provider that an Option can change. Address,
// TLS, Path and Alg count only at the start.
type Config struct {
	// Address is where to listen: a loopback host and a port, 0 for any.
	Address string
	// TLS serves https under a certificate of the provider's own authority.
	TLS bool
	// Path is the issuer's path: "", "/realms/demo", or "/" for an issuer
	// that ends in a slash.
	Path string
	// Alg signs tokens: ES256 or RS256.
	Alg string

	Now       func() time.Time
	Lifetimes Lifetimes
	Clients   []Client
	Users     []User
	// Scopes are the known ones; another is refused with invalid_scope.
	Scopes []string

	// Page shows the sign-in page and waits for a click. Without it the
	// authorization endpoint redirects at once.
	Page bool
	// SignInAs names the user who signs in, whatever login_hint asks for.
	SignInAs string
	// Deny makes the person refuse at the authorization endpoint.
	Deny bool
	// PKCEOptional lets a public client do without a code challenge.
	PKCEOptional bool
	// NoIssuerParameter leaves out RFC 9207, as Dex does.
	NoIssuerParameter bool

	// JWTAccessTokens makes access tokens JWTs (RFC 9068) instead of opaque.
	JWTAccessTokens bool
	// AlwaysRefresh hands out refresh tokens without offline_access, as
	// Keycloak does.
	AlwaysRefresh bool
	// OfflineByParameter hands out refresh tokens for access_type=offline and,
	// once a person has signed in to the client before, only with
	// prompt=consent, as Google does. A device login always gets one.
	OfflineByParameter bool
	// NoRotation keeps a refresh token good after its use, and sends no new
	// one.
	NoRotation bool
	// RefreshNeedsOpenID refuses a refresh whose scope lacks openid, as Okta
	// does.
	RefreshNeedsOpenID bool
	// ServiceIDToken adds an ID token to a client_credentials answer.
	ServiceIDToken bool

	// DeviceInterval is the interval announced, in seconds.
	DeviceInterval int
	// DevicePKCE requires a code challenge at the device endpoint, as
	// Keycloak can.
	DevicePKCE bool
	// DeviceApprovedAfter approves by itself at the n-th poll; 0 waits for
	// ApproveDevice or the page.
	DeviceApprovedAfter int
	// PoliceInterval answers slow_down to polls that come too soon by Now.
	PoliceInterval bool

	signing   Signing
	faults    map[Endpoint]Fault
	edits     map[Endpoint][]func(*Answer)
	claims    []func(grant string, claims map[string]any)
	redirects []func(url.Values)
}

// Option changes a Config.
type Option func(*Config)

// defaults is the strict provider.
func defaults() *Config {
	return &Config{
		Address: "127.0.0.1:0",
		Alg:     "ES256",
		Now:     time.Now,
		Lifetimes: Lifetimes{
			Code:         time.Minute,
			IDToken:      time.Hour,
			AccessToken:  time.Hour,
			RefreshToken: 24 * time.Hour,
			Device:       10 * time.Minute,
		},
		Clients: []Client{{
			ID:         ClientID,
			Redirects:  []string{"http://localhost:8000", "http://localhost:18000", "http://127.0.0.1", "http://[::1]"},
			PostLogout: []string{"http://localhost:8000"},
		}},
		Users: []User{
			{Sub: "user-1", Email: "alice@example.com", PreferredUsername: "alice", Name: "Alice Example", Password: "alice's password", Groups: []string{"developers", "oncall"}},
			{Sub: "user-2", Email: "bob@example.com", PreferredUsername: "bob", Name: "Bob Example", Password: "bob's password", Groups: []string{"operators"}},
		},
		Scopes:         []string{"openid", "profile", "email", "groups", "offline_access"},
		DeviceInterval: 5,
	}
}

// clone copies whatever an Option may write through.
func (c *Config) clone() *Config {
	d := *c
	d.Clients, d.Users, d.Scopes = slices.Clone(c.Clients), slices.Clone(c.Users), slices.Clone(c.Scopes)
	d.faults, d.edits = maps.Clone(c.faults), maps.Clone(c.edits)
	d.claims, d.redirects = slices.Clone(c.claims), slices.Clone(c.redirects)
	return &d
}

// client finds a registered client.
func (c *Config) client(id string) (Client, bool) {
	i := slices.IndexFunc(c.Clients, func(k Client) bool { return k.ID == id })
	if i < 0 {
		return Client{}, false
	}
	return c.Clients[i], true
}

// user finds a person by what they call themselves.
func (c *Config) user(name string) (User, bool) {
	i := slices.IndexFunc(c.Users, func(u User) bool { return u.named(name) })
	if i < 0 {
		return User{}, false
	}
	return c.Users[i], true
}

// whoSignsIn picks the person where nobody is there to type a name: the one
// of SignInAs, else the one hinted at, else the first.
func (c *Config) whoSignsIn(hint string) (User, bool) {
	if c.SignInAs != "" {
		return c.user(c.SignInAs)
	}
	if u, ok := c.user(hint); ok {
		return u, true
	}
	if len(c.Users) == 0 {
		return User{}, false
	}
	return c.Users[0], true
}
