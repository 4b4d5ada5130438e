package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/lifetime"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/signin"
)

func (a *app) loginCommand() *cobra.Command {
	var anew, piped bool
	c := &cobra.Command{
		Use:   "login",
		Short: "Sign in now, with you there",
		Long: `Signs in ahead of time, so that the next kubectl finds a credential.

Without flags it takes the exec block of the kubeconfig's current context. With
get-token's flags it needs no kubeconfig.`,
		Example: cli.Examples(
			"kubecred login",
			"kubecred login --context prod --grant-type device-code",
			"kubecred login --switch        # let the provider choose the account again",
			"kubecred login --oidc-issuer-url=https://issuer.example.com --oidc-client-id=kubernetes",
			"kubecred login --exchange-url=https://exchange.example.com --username=ci --password-stdin",
		),
		Args: cli.NoArgs,
	}
	t := addTarget(c)
	c.Flags().BoolVar(&anew, "switch", false, "Sign in again and let the provider choose the account")
	c.Flags().BoolVar(&piped, "password-stdin", false, "Read the password from standard input, for machines, and sign in anew with it")
	c.RunE = func(c *cobra.Command, _ []string) error { return a.login(c.Context(), t, anew, piped) }
	return c
}

func (a *app) login(ctx context.Context, t *target, anew, piped bool) error {
	f, err := a.find(t)
	if err != nil {
		return err
	}
	s := f.settings
	done, err := a.begin(s.Verbosity)
	if err != nil {
		return err
	}
	defer done()
	p := a.newPerson(true, s.BrowserCommand)
	a.warnOfExposed(p, s.ExposedSecrets)
	var password secret.Text
	if piped {
		if password, err = a.pipedPassword(s); err != nil {
			return err
		}
	}
	flow, err := a.newFlow(s, p)
	if err != nil {
		return err
	}
	// A password that is given is tried: whoever gives it wants to know of a wrong one.
	flow.Force, flow.Anew, flow.Deliberate = s.ForceRefresh, anew || piped, true
	flow.Auth.(interface{ wish(bool, secret.Text) }).wish(anew, password)
	before := a.now()
	endReplaced := a.replacing(ctx, flow, s)
	credential, work, err := a.cached(ctx, flow, p)
	if work != nil {
		credential, err = a.do(ctx, s, flow, work)
	}
	if err != nil {
		return a.loginFailure(err, s)
	}
	endReplaced()
	return a.welcome(ctx, flow, credential, credential.Issued.Before(before))
}

// replacing returns what revokes the session that a new one stands for, which
// nobody has any more then; where that fails it ends by itself. Only at an
// exchange: some providers end with it all that the person granted to the client.
func (a *app) replacing(ctx context.Context, flow *signin.Flow, s *settings.Settings) (end func()) {
	if !flow.Anew || s.Exchange != settings.ExchangeOAuth2 {
		return func() {}
	}
	watched, stop := lifetime.Context(ctx)
	defer stop()
	replaced, err := flow.Store.Load(watched, flow.ID)
	if err != nil {
		return func() {}
	}
	return func() {
		ctx, cancel := context.WithTimeout(ctx, abandonPatience)
		defer cancel()
		if err := a.revoke(ctx, flow.Store, replaced, s); err != nil {
			a.log.Info("the session before could not be revoked", "error", err)
		}
	}
}

// pipedPassword reads standard input to its end, which login alone does and only
// when it is told to.
func (a *app) pipedPassword(s *settings.Settings) (secret.Text, error) {
	const hint = "--password-stdin goes with --username, and with a sign-in by password"
	if s.Username == "" || s.Grant != settings.GrantAuto && s.Grant != settings.GrantPassword {
		return secret.Text{}, cli.Mistake(hint, "whose password is on standard input is not said")
	}
	data, err := io.ReadAll(io.LimitReader(a.stdin, maxSecret+1))
	switch {
	case err != nil:
		return secret.Text{}, cli.Mistake(hint, "standard input cannot be read: %v", err)
	case len(data) > maxSecret:
		return secret.Text{}, cli.Mistake(hint, "standard input %v", errTooBig)
	}
	password := trimmed(data)
	if password.Empty() {
		return secret.Text{}, cli.Mistake(hint, "standard input holds no password")
	}
	return password, nil
}

// warnOfExposed tells of secrets that stand in an argument list, where every
// user of the machine can read them.
func (a *app) warnOfExposed(p *person, flags []string) {
	if len(flags) == 0 {
		return
	}
	p.Show("warning: --" + strings.Join(flags, " and --") +
		" can be read by others on this machine and in the kubeconfig; see docs/configuration.md for better places\n")
}

func (a *app) welcome(ctx context.Context, flow *signin.Flow, c signin.Credential, already bool) error {
	who := "Signed in"
	if already {
		who = "Already signed in"
	}
	record, err := flow.Store.Load(ctx, flow.ID)
	if err == nil {
		who += whoIn(record)
	}
	_, err = fmt.Fprintf(a.stdout, "%s, %s.\n", who, a.until(c.Expiry))
	return err
}

func whoIn(record cache.Record) string {
	grant, err := signin.Read(record)
	var who about
	if err != nil || json.Unmarshal(grant.About, &who) != nil {
		return ""
	}
	return who.String()
}

// String says who is signed in, and where.
func (who about) String() string {
	text := " at " + cli.OneLine(who.Issuer)
	if who.Imported != nil {
		text = " with the " + cli.OneLine(who.Kind)
	}
	if who.Account != "" {
		text = " as " + cli.OneLine(who.Account) + text
	}
	return text
}

// until says when a credential ends.
func (a *app) until(expiry time.Time) string {
	if expiry.IsZero() {
		return "without an end"
	}
	left := expiry.Sub(a.now())
	if left <= 0 {
		return "expired " + expiry.Local().Format("2006-01-02 15:04")
	}
	layout := "15:04"
	if left >= 12*time.Hour {
		layout = "2006-01-02 15:04"
	}
	return fmt.Sprintf("until %s (%s)", expiry.Local().Format(layout), span(left))
}

// span is a duration as people say it.
func span(d time.Duration) string {
	switch {
	case d >= time.Second && d < 2*time.Second:
		return "a second"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
