package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/signin"
	"github.com/kubecred/kubecred/login"
)

// oidc is signin's Authenticator over package login. Nothing is sent until
// one of its methods is called.
type oidc struct {
	passwords

	selectAccount bool

	client *login.Client // once discovered
}

var _ signin.Authenticator = (*oidc)(nil)

// wish takes what a person says to login beside the settings.
func (o *oidc) wish(switchAccount bool, piped secret.Text) {
	o.passwords.wish(switchAccount, piped)
	o.selectAccount = switchAccount
}

// session is what a refresh needs, sealed in the cache. There is none without
// a refresh token.
type session struct {
	Refresh string `json:"refresh"`
	Subject string `json:"subject,omitempty"`
}

// about describes an entry to status and logout, sealed in the cache.
type about struct {
	Issuer  string `json:"issuer"`
	Client  string `json:"client"`
	Kind    string `json:"kind"`              // "id token", "access token", "token" or "certificate"
	Cluster string `json:"cluster,omitempty"` // that a certificate is for
	Account string `json:"account,omitempty"`
	Subject string `json:"subject,omitempty"`
	Groups  int    `json:"groups,omitempty"`
	// Imported is where a credential that nothing renews came from.
	Imported *origin `json:"imported,omitempty"`

	// For a logout without a kubeconfig: a token to revoke, and flags that
	// lead to its provider.
	Access string   `json:"access,omitempty"`
	Args   []string `json:"args,omitempty"`
}

// Refresh renews the session.
func (o *oidc) Refresh(ctx context.Context, sealed []byte) (signin.Grant, error) {
	grant, err := o.refresh(ctx, sealed)
	return grant, classify(err, nil)
}

func (o *oidc) refresh(ctx context.Context, sealed []byte) (signin.Grant, error) {
	var held session
	if json.Unmarshal(sealed, &held) != nil || held.Refresh == "" {
		return signin.Grant{}, fmt.Errorf("%w: it cannot be renewed", signin.ErrSessionEnded)
	}
	client, err := o.discover(ctx)
	if err != nil {
		return signin.Grant{}, err
	}
	tokens, err := client.Refresh(ctx, secret.New(held.Refresh), held.Subject)
	if errors.Is(err, login.ErrSessionEnded) {
		return signin.Grant{}, fmt.Errorf("%w: %w", signin.ErrSessionEnded, err)
	}
	if err != nil {
		return signin.Grant{Session: rotated(tokens, held)}, err
	}
	grant, err := o.grant(ctx, tokens)
	if err != nil {
		return signin.Grant{Session: rotated(tokens, held)}, err
	}
	if tokens.IDToken.Empty() {
		grant.About = nil // it would know less than the login did
	}
	return grant, nil
}

// rotated is the session to keep after a refresh whose tokens are no good; nil
// where it is as it was.
func rotated(t login.Tokens, held session) []byte {
	if t.RefreshToken.Empty() {
		return nil
	}
	sealed, err := json.Marshal(session{t.RefreshToken.Reveal(), held.Subject})
	if err != nil {
		return nil
	}
	return sealed
}

// Login signs in by the grant of the settings, or by what the surroundings
// allow.
func (o *oidc) Login(ctx context.Context) (signin.Grant, error) {
	client, method, err := o.prepare(ctx)
	if err != nil {
		return signin.Grant{}, classify(err, signin.ErrNotBegun)
	}
	tokens, err := o.sign(ctx, client, method)
	if err != nil {
		return signin.Grant{}, o.unsigned(ctx, method, err)
	}
	grant, err := o.grant(ctx, tokens)
	if err != nil {
		o.abandon(ctx, client, tokens)
	}
	grant.Asked = asks(method)
	return grant, classify(err, nil)
}

// unsigned classifies the failure of sign. Once a person was asked, a network
// that fails is no reason to ask them again five seconds later; and a client
// that is ended while nobody answers would open the next browser when it starts
// anew.
func (o *oidc) unsigned(ctx context.Context, method login.Method, err error) error {
	if errors.Is(err, signin.ErrNotBegun) {
		return err
	}
	known := classify(err, nil)
	switch {
	case asks(method) && errors.Is(known, signin.ErrOffline):
		return err
	case asks(method) && ctx.Err() == context.Canceled && !o.person.attends():
		return &classified{err, signin.ErrUnanswered}
	}
	return known
}

// prepare does all of a login that costs nobody anything.
func (o *oidc) prepare(ctx context.Context) (*login.Client, login.Method, error) {
	if err := o.reachable(); err != nil {
		return nil, "", err
	}
	client, err := o.discover(ctx)
	if err != nil {
		return nil, "", err
	}
	method, why := o.choose(client.Metadata())
	o.app.log.Info("signing in", "method", method, "because", why)
	if method == login.MethodNone {
		return nil, "", &noWayError{why}
	}
	return client, method, nil
}

func (o *oidc) sign(ctx context.Context, client *login.Client, method login.Method) (login.Tokens, error) {
	switch method {
	case login.MethodBrowser:
		return o.browser(ctx, client)
	case login.MethodPaste:
		return client.Paste(ctx, login.PasteOptions{Person: o.person, RedirectURL: o.pasteRedirect(), Timeout: o.s.Timeout})
	case login.MethodDevice:
		if !o.readsCode() {
			return login.Tokens{}, errNeedPerson
		}
		return client.Device(ctx, login.DeviceOptions{Person: o.person})
	case login.MethodPassword:
		return o.byPassword(ctx, client)
	case login.MethodClientCredentials:
		return client.ClientCredentials(ctx)
	}
	return login.Tokens{}, errNeedPerson
}

// asks reports whether a person has to do something, elsewhere than at a
// prompt.
func asks(m login.Method) bool {
	return m == login.MethodBrowser || m == login.MethodPaste || m == login.MethodDevice
}

func (o *oidc) byPassword(ctx context.Context, client *login.Client) (tokens login.Tokens, err error) {
	to, err := o.receiver(client.Metadata().Token)
	if err != nil {
		return login.Tokens{}, err
	}
	err = o.send(ctx, to, func(name string, password secret.Text) error {
		tokens, err = client.Password(ctx, name, password)
		return err
	})
	return tokens, err
}

// pasteRedirect is the address that the provider knows: the configured one, or
// that of the first listener, though nobody listens there.
func (o *oidc) pasteRedirect() string {
	if o.s.RedirectURL != "" || len(o.s.ListenAddresses) == 0 {
		return o.s.RedirectURL
	}
	_, port, err := net.SplitHostPort(o.s.ListenAddresses[0])
	if err != nil || port == "0" {
		return ""
	}
	return "http://localhost:" + port
}

// browser waits for its turn: two entries may want the same port, and a
// person signs in to one thing at a time.
func (o *oidc) browser(ctx context.Context, client *login.Client) (login.Tokens, error) {
	done := o.person.awaitOthers()
	unlock, err := o.store.LockNamed(ctx, "browser-login")
	done()
	if err != nil {
		return login.Tokens{}, &classified{err, signin.ErrNotBegun}
	}
	defer unlock()
	return client.Browser(ctx, login.BrowserOptions{
		Person:       o.person,
		Addresses:    o.s.ListenAddresses,
		RedirectURL:  o.s.RedirectURL,
		CertFile:     o.s.LocalServerCert,
		KeyFile:      o.s.LocalServerKey,
		OpenURLAfter: o.s.OpenURL,
		SkipOpen:     o.s.SkipOpenBrowser,
		Paste:        o.mayMiss() && !o.s.Denies(settings.GrantAuthCodeKeyboard) && o.person.answers(),
		Timeout:      o.s.Timeout,
	})
}

func (o *oidc) discover(ctx context.Context) (*login.Client, error) {
	if o.client != nil {
		return o.client, nil
	}
	cfg, err := o.app.provider(ctx, o.s, o.store)
	if err != nil {
		return nil, err
	}
	cfg.Scopes = o.s.Scopes
	cfg.ExtraParams = o.s.ExtraParams
	cfg.PKCE = o.s.PKCE
	cfg.UseAccessToken = o.s.UseAccessToken
	cfg.Account = o.s.Account
	cfg.SelectAccount = o.selectAccount
	client, err := login.Discover(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if o.s.Certificate && client.Metadata().Credentials == "" {
		return nil, &login.UnsupportedError{What: "certificates"} // before a password or a session is spent
	}
	o.client = client
	return client, nil
}

// grant turns tokens into what is served and what is sealed beside it.
func (o *oidc) grant(ctx context.Context, t login.Tokens) (signin.Grant, error) {
	var sealed []byte
	if !t.RefreshToken.Empty() {
		var err error
		if sealed, err = json.Marshal(session{t.RefreshToken.Reveal(), t.Claims.Subject}); err != nil {
			return signin.Grant{}, err
		}
	}
	if o.s.Certificate {
		grant, err := o.certified(ctx, t)
		grant.Session = sealed
		return grant, err
	}
	described, err := json.Marshal(o.about(t))
	return signin.Grant{
		Credential: signin.Credential{Token: t.Served(), Issued: o.app.now(), Expiry: t.Expiry},
		Session:    sealed,
		About:      described,
	}, err
}

func (o *oidc) about(t login.Tokens) about {
	who := aboutEntry(o.s)
	who.Account, who.Subject, who.Groups = t.Claims.Account(), t.Claims.Subject, t.Claims.Groups
	who.Access = t.AccessToken.Reveal()
	return who
}

// aboutEntry is what the settings alone say.
func aboutEntry(s *settings.Settings) about {
	kind := "id token"
	if s.UseAccessToken {
		kind = "access token"
	}
	return about{Issuer: s.IssuerURL, Client: s.ClientID, Kind: kind, Cluster: s.Cluster, Args: connection(s)}
}
