package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/kubecred/kubecred/internal/consent"
	"github.com/kubecred/kubecred/login"
)

// A password is asked for only at a terminal, and goes only to a host that the
// person or the administrator agreed to: a kubeconfig can name any host.

// errNoConsent is a person's "no" to the question where their password goes.
var errNoConsent = errors.New("you did not agree to send a password there")

func (o *oidc) password(ctx context.Context, client *login.Client) (login.Tokens, error) {
	user, held := o.s.Username, o.s.Password
	if user != "" && !held.Empty() {
		password, err := o.app.readSecret(ctx, held)
		if err != nil {
			return login.Tokens{}, &ownError{"the password", err}
		}
		return client.Password(ctx, user, password)
	}
	to, err := o.receiver(client.Metadata().Token)
	if err != nil {
		return login.Tokens{}, err
	}
	if err := o.agree(ctx, to); err != nil {
		return login.Tokens{}, err
	}
	if user == "" {
		if user, err = o.person.Ask(ctx, "User name at "+to.Host+": "); err != nil {
			return login.Tokens{}, err
		}
		if user = strings.TrimSpace(user); user == "" {
			return login.Tokens{}, &gaveUpError{}
		}
	}
	password, err := o.app.readSecret(ctx, held)
	if err == nil && password.Empty() {
		password, err = o.person.askPassword(ctx, fmt.Sprintf("Password of %s at %s: ", oneLine(user), to.Host))
	}
	if err != nil {
		return login.Tokens{}, err
	}
	return client.Password(ctx, user, password)
}

// receiver is who gets a password: the issuer, or where the provider's token
// endpoint is on another host, that.
func (o *oidc) receiver(tokenEndpoint string) (*url.URL, error) {
	issuer, err := url.Parse(o.s.IssuerURL)
	if err != nil {
		return nil, err
	}
	endpoint, err := url.Parse(tokenEndpoint)
	if err != nil || endpoint.Scheme == issuer.Scheme && endpoint.Host == issuer.Host {
		return issuer, err
	}
	return endpoint, nil
}

// agree returns nil when the receiver is the issuer that the person's own
// configuration or the policy names, when the person agreed before, or agrees
// now. An earlier word does not count where a kubeconfig says whom to trust for
// a host's name: its CA and a proxy could take the password.
func (o *oidc) agree(ctx context.Context, to *url.URL) error {
	vouched := o.s.IssuerVouched && to.String() == o.s.IssuerURL
	if !o.s.ForeignTrust && (vouched || o.app.agreed(to)) {
		return nil
	}
	question := "Your password for " + to.Host + " is asked for, and will be sent there.\n"
	if o.s.ForeignTrust {
		question += "Who that is, is vouched for by a certificate authority of the kubeconfig's, or not checked at all.\n"
	}
	o.person.Show(question)
	answer, err := o.person.Ask(ctx, "Do you trust "+to.Host+" with it? [y/N] ")
	if err != nil {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errNoConsent
	}
	if o.s.ForeignTrust {
		return nil // asked again the next time
	}
	if err := o.app.hosts().Give(to); err != nil {
		o.person.warn("your answer could not be remembered", err)
	}
	return nil
}

// hosts is the file of the hosts agreed to, beside the person's configuration.
func (a *app) hosts() consent.Hosts {
	if a.files.User == "" {
		return consent.Hosts{}
	}
	return consent.Hosts{Path: filepath.Join(filepath.Dir(a.files.User), "password-hosts")}
}

func (a *app) agreed(u *url.URL) bool {
	ok, err := a.hosts().Given(u)
	if err != nil {
		a.log.Warn("the hosts agreed to cannot be read", "error", err)
	}
	return ok
}
