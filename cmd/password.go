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
		password, err := o.app.readSecret(held)
		if err != nil {
			return login.Tokens{}, &ownError{"the password", err}
		}
		return client.Password(ctx, user, password)
	}
	issuer, err := url.Parse(o.s.IssuerURL)
	if err != nil {
		return login.Tokens{}, err
	}
	if err := o.agree(ctx, issuer); err != nil {
		return login.Tokens{}, err
	}
	if user == "" {
		if user, err = o.person.Ask(ctx, "User name at "+issuer.Host+": "); err != nil {
			return login.Tokens{}, err
		}
	}
	password, err := o.person.askPassword(ctx, fmt.Sprintf("Password of %s at %s: ", oneLine(user), issuer.Host))
	if err != nil {
		return login.Tokens{}, err
	}
	return client.Password(ctx, strings.TrimSpace(user), password)
}

// agree returns nil when the issuer is named by the person's own configuration
// or the policy, when the person agreed before, or agrees now. An earlier word
// does not count where a kubeconfig says whom to trust for the issuer's name:
// its CA and a proxy could take the password.
func (o *oidc) agree(ctx context.Context, issuer *url.URL) error {
	if !o.s.ForeignTrust && (o.s.IssuerVouched || o.app.agreed(issuer)) {
		return nil
	}
	question := "Your password for " + issuer.Host + " is asked for, and will be sent there.\n"
	if o.s.ForeignTrust {
		question += "Who that is, is vouched for by a certificate authority of the kubeconfig's, or not checked at all.\n"
	}
	o.person.Show(question)
	answer, err := o.person.Ask(ctx, "Do you trust "+issuer.Host+" with it? [y/N] ")
	if err != nil {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errNoConsent
	}
	if o.s.ForeignTrust {
		return nil // asked again the next time
	}
	if err := o.app.hosts().Give(issuer); err != nil {
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
