package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/signin"
	"github.com/kubecred/kubecred/ldapexchange"
	"github.com/kubecred/kubecred/login"
)

// exchange is signin's Authenticator over the profiles of package ldapexchange,
// which know no session: each credential costs a password. An exchange that
// speaks OAuth 2 is a provider, and oidc's.
type exchange struct{ passwords }

var _ signin.Authenticator = (*exchange)(nil)

// errNoSession is an exchange at which nothing can be renewed or revoked.
var errNoSession = errors.New("this exchange keeps no session, so nothing can be revoked: what was issued lives until its end")

// Refresh is never of use.
func (x *exchange) Refresh(context.Context, []byte) (signin.Grant, error) {
	return signin.Grant{}, fmt.Errorf("%w: %w", signin.ErrSessionEnded, errNoSession)
}

// Login sends a user name and a password for a credential.
func (x *exchange) Login(ctx context.Context) (signin.Grant, error) {
	if err := x.reachable(); err != nil {
		return signin.Grant{}, classify(err, signin.ErrNotBegun)
	}
	grant, err := x.login(ctx)
	return grant, classify(err, nil)
}

func (x *exchange) login(ctx context.Context) (grant signin.Grant, err error) {
	to, err := url.Parse(x.s.IssuerURL)
	if err != nil {
		return grant, err
	}
	client, err := x.app.exchangeClient(x.s)
	if err != nil {
		return grant, err
	}
	x.app.log.Info("signing in", "exchange", x.s.Exchange, "certificate", x.s.Certificate)
	err = x.send(ctx, to, func(name string, password secret.Text) error {
		by, err := ldapexchange.Password(name, password)
		if err != nil {
			return err
		}
		grant, err = x.get(ctx, client, by, name)
		return err
	})
	return grant, err
}

// get asks for what the settings say.
func (x *exchange) get(ctx context.Context, client *ldapexchange.Client, by ldapexchange.Proof, name string) (signin.Grant, error) {
	who := aboutEntry(x.s)
	if x.s.Certificate {
		return x.app.certify(ctx, client, client.CredentialsURL(), by, x.s, who)
	}
	token, err := client.Basic(ctx, by)
	if err != nil {
		return signin.Grant{}, err
	}
	who.Kind, who.Account = "token", cli.OneLine(name)
	described, err := json.Marshal(who)
	return signin.Grant{
		Credential: signin.Credential{Token: token.Text, Issued: x.app.now(), Expiry: token.Expiry},
		About:      described,
	}, err
}

// exchangeClient is the client of the basic and native profiles.
func (a *app) exchangeClient(s *settings.Settings) (*ldapexchange.Client, error) {
	client, err := a.httpClient(s)
	return &ldapexchange.Client{URL: s.IssuerURL, HTTP: client, Now: a.now}, err
}

// certify makes a key and gets a certificate for it. The key is new each time.
func (a *app) certify(ctx context.Context, client *ldapexchange.Client, endpoint string, by ldapexchange.Proof, s *settings.Settings, who about) (signin.Grant, error) {
	key, err := ldapexchange.NewKey()
	if err != nil {
		return signin.Grant{}, err
	}
	certificate, err := client.Certify(ctx, endpoint, by, key, s.Cluster)
	if err != nil {
		return signin.Grant{}, err
	}
	private, err := key.PEM()
	if err != nil {
		return signin.Grant{}, err
	}
	who.Kind, who.Account, who.Groups = "certificate", cli.OneLine(certificate.Name), certificate.Groups
	described, err := json.Marshal(who)
	return signin.Grant{
		Credential: signin.Credential{ClientCertificate: certificate.Chain, ClientKey: private, Issued: a.now(), Expiry: certificate.Expiry},
		About:      described,
	}, err
}

// certified exchanges a session's access token for a certificate.
func (o *oidc) certified(ctx context.Context, t login.Tokens) (signin.Grant, error) {
	client, err := o.app.exchangeClient(o.s)
	if err != nil {
		return signin.Grant{}, err
	}
	who := o.about(t)
	return o.app.certify(ctx, client, o.client.Metadata().Credentials, ldapexchange.Bearer(t.AccessToken), o.s, who)
}

// abandonPatience bounds what is for the provider's sake alone.
const abandonPatience = 5 * time.Second

// abandon revokes a session that brought no credential: nobody will have it, and
// nobody would know of it. Where that fails it ends by itself.
func (o *oidc) abandon(ctx context.Context, client *login.Client, t login.Tokens) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonPatience)
	defer cancel()
	if err := client.Revoke(ctx, t.RefreshToken, t.AccessToken); err != nil {
		o.app.log.Info("a session without a credential could not be revoked", "error", err)
	}
}
