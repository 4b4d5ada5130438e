package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/consent"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/ldapexchange"
	"github.com/kubecred/kubecred/login"
)

// A password is asked for only at a terminal, and goes only to a host that the
// person or the administrator agreed to: a kubeconfig can name any host.

// errNoConsent is a person's "no" to the question where their password goes.
var errNoConsent = errors.New("you did not agree to send a password there")

// errNotNamed is a password on standard input for a host that a kubeconfig
// alone names.
var errNotNamed = errors.New("a password on standard input goes only where you say yourself, and a kubeconfig or a variable alone says where")

// passwords finds the password for one entry, and sees to whom it goes.
type passwords struct {
	app    *app
	s      *settings.Settings
	person *person
	store  *cache.Store

	passing    bool        // of a dry run, which remembers nothing
	deliberate bool        // a person asked for the login by name
	piped      secret.Text // on standard input, to login
}

// wish takes what a person says to login beside the settings.
func (p *passwords) wish(_ bool, piped secret.Text) { p.deliberate, p.piped = true, piped }

// pass makes it the sign-in of a dry run.
func (p *passwords) pass() { p.passing = true }

// reachable ends a hopeless login before anything is sent.
func (p *passwords) reachable() error {
	kept := p.s.Username != "" && !p.s.Password.Empty() || !p.piped.Empty()
	return when(kept || p.person.answers())
}

// send finds the user's name and password and signs in with them, once. to is
// who gets them.
func (p *passwords) send(ctx context.Context, to *url.URL, sign func(name string, password secret.Text) error) error {
	name, password, typed, err := p.find(ctx, to)
	switch {
	case err != nil:
		return err
	case typed:
		return judged(sign(name, password), false)
	}
	return p.sendKept(ctx, to, name, password, sign)
}

// find returns the name and the password, and whether that was typed just now.
func (p *passwords) find(ctx context.Context, to *url.URL) (name string, password secret.Text, typed bool, err error) {
	name = p.s.Username
	switch {
	case !p.piped.Empty():
		return name, p.piped, false, p.mayPipe(to)
	case name != "" && !p.s.Password.Empty():
		password, err = p.kept(ctx)
		return name, password, false, err
	}
	if err := p.agree(ctx, to); err != nil {
		return "", secret.Text{}, false, err
	}
	if name, err = p.askName(ctx, to); err != nil {
		return "", secret.Text{}, false, err
	}
	if password, err = p.kept(ctx); err != nil || !password.Empty() {
		return name, password, false, err
	}
	password, err = p.person.askPassword(ctx, fmt.Sprintf("Password of %s at %s: ", cli.OneLine(name), to.Host))
	if err == nil && password.Empty() {
		err = &gaveUpError{} // to a directory it would be an anonymous bind
	}
	return name, password, true, err
}

// kept is the password where the person's configuration keeps it, if it does.
func (p *passwords) kept(ctx context.Context) (secret.Text, error) {
	password, err := p.app.readSecret(ctx, p.s.Password)
	if err != nil {
		return secret.Text{}, &ownError{"the password", err}
	}
	return password, nil
}

func (p *passwords) askName(ctx context.Context, to *url.URL) (string, error) {
	if p.s.Username != "" {
		return p.s.Username, nil
	}
	name, err := p.person.Ask(ctx, "User name at "+to.Host+": ")
	if name = strings.TrimSpace(name); err == nil && name == "" {
		err = &gaveUpError{}
	}
	return name, err
}

// mayPipe holds for standard input what agree asks a person.
func (p *passwords) mayPipe(to *url.URL) error {
	if p.s.IssuerSource.Kind == settings.FromFlag || !p.s.ForeignTrust && (p.s.IssuerVouched || p.app.agreed(to)) {
		return nil
	}
	return errNotNamed
}

// wrongPasswordError is a user name or a password that was refused.
type wrongPasswordError struct {
	error
	kept bool // in a file or the like, and not typed
}

func (e *wrongPasswordError) Unwrap() error { return e.error }

// outageError is an answer that blames the request, which is a good one: dex
// answers so where its directory is away.
type outageError struct{ error }

func (e *outageError) Unwrap() error { return e.error }

// judged tells a wrong password from an outage. RFC 6749 says invalid_grant,
// dex access_denied.
func judged(err error, kept bool) error {
	var oauth *login.OAuthError
	code := ""
	if errors.As(err, &oauth) {
		code = oauth.Code
	}
	switch {
	case errors.Is(err, ldapexchange.ErrCredentials), code == "invalid_grant", code == "access_denied":
		return &wrongPasswordError{err, kept}
	case code == "invalid_request", code == "temporarily_unavailable", code == "server_error":
		return &outageError{err}
	}
	return err
}

// receiver is who gets a password: the issuer, or where the provider's token
// endpoint is on another host, that.
func (p *passwords) receiver(tokenEndpoint string) (*url.URL, error) {
	issuer, err := url.Parse(p.s.IssuerURL)
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
func (p *passwords) agree(ctx context.Context, to *url.URL) error {
	vouched := p.s.IssuerVouched && to.String() == p.s.IssuerURL
	if !p.s.ForeignTrust && (vouched || p.app.agreed(to)) {
		return nil
	}
	question := "Your password for " + to.Host + " is asked for, and will be sent there.\n"
	if p.s.ForeignTrust {
		question += "Who that is, is vouched for by a certificate authority of the kubeconfig's, or not checked at all.\n"
	}
	p.person.Show(question)
	answer, err := p.person.Ask(ctx, "Do you trust "+to.Host+" with it? [y/N] ")
	if err != nil {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errNoConsent
	}
	if p.s.ForeignTrust || p.passing {
		return nil // asked again the next time
	}
	if err := p.app.hosts().Give(to); err != nil {
		p.person.warn("your answer could not be remembered", err)
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
