package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/lifetime"
	"github.com/kubecred/kubecred/internal/owner"
	"github.com/kubecred/kubecred/internal/signin"
)

func (a *app) whoamiCommand() *cobra.Command {
	var output string
	var ask bool
	c := &cobra.Command{
		Use:   "whoami",
		Short: "Show who the cached credential is for, and whom the cluster takes it for",
		Long: `Shows what the cached credential of the kubeconfig's current context says of
you. It signs nobody in, renews nothing, and sends nothing.

With --server it shows the credential to the context's cluster, as kubectl would,
and lays what the cluster makes of it beside: the user name, the groups, and where
and why they differ. Without a credential that lives it asks nobody.`,
		Example: cli.Examples("kubecred whoami", "kubecred whoami --server", "kubecred whoami --server --context prod -o json"),
		Args:    cli.NoArgs,
	}
	t := addTarget(c)
	c.Flags().BoolVar(&ask, "server", false, "Ask the context's cluster as well (SelfSubjectReview)")
	cli.AddOutput(c, &output)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := cli.CheckOutput(output); err != nil {
			return err
		}
		return a.whoami(c.Context(), t, output, ask)
	}
	return c
}

// whoamiReport is what whoami says. Its texts are cleaned.
type whoamiReport struct {
	Context string     `json:"context,omitempty"`
	Entry   string     `json:"entry"`
	Kind    string     `json:"kind,omitempty"`
	Cluster string     `json:"cluster,omitempty"` // that a certificate is for
	Expires *time.Time `json:"expires,omitempty"`
	Renews  bool       `json:"renews"` // without a person, as far as is known

	Token       *tokenReport       `json:"token,omitempty"`
	Certificate *certificateReport `json:"certificate,omitempty"`
	ActsAs      *actsAsReport      `json:"impersonates,omitempty"` // what kubectl would ask for
	Server      *serverReport      `json:"server,omitempty"`

	expiry time.Time
	said   owner.Said
}

func (a *app) whoami(ctx context.Context, t *target, output string, ask bool) error {
	f, err := a.find(t)
	if err != nil {
		return err
	}
	done, err := a.begin(f.settings.Verbosity)
	if err != nil {
		return err
	}
	defer done()
	if ask {
		if err := a.leadsToCluster(f); err != nil {
			return err
		}
	}
	ctx, stop := lifetime.Context(ctx)
	defer stop()
	grant, err := a.held(ctx, f, ask)
	if err != nil && interrupted(ctx) {
		err = context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	report := a.identify(f, grant)
	var refused error
	if ask {
		if refused = a.askServer(ctx, f, grant.Credential, &report); refused != nil && report.Server == nil {
			return refused
		}
	}
	if err := cli.Print(a.stdout, output, report, func(w io.Writer) { a.printWhoami(w, report) }); err != nil {
		return err
	}
	return refused
}

// held is what the cache holds for an entry. A credential that is to be shown to
// a server must live.
func (a *app) held(ctx context.Context, f found, ask bool) (signin.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	store, err := a.openStore(f.settings, a.newPerson(false, ""))
	if err != nil {
		return signin.Grant{}, err
	}
	record, err := store.Load(ctx, f.id)
	if errors.Is(err, cache.ErrMiss) {
		return signin.Grant{}, a.nobody(f)
	}
	if err != nil {
		return signin.Grant{}, err
	}
	grant, err := signin.Read(record)
	if err != nil || grant.Credential.Token.Empty() && grant.Credential.ClientCertificate == "" {
		return signin.Grant{}, a.nobody(f)
	}
	if end := grant.Credential.Expiry; ask && !end.IsZero() && !end.After(a.now()) {
		hint := a.signInLine(f)
		if len(grant.Session) > 0 {
			hint = "run kubectl, which has it renewed, or " + hint
		}
		return signin.Grant{}, cli.Fail(fmt.Errorf("the cached credential has %s, and was not sent", a.until(end)), hint, exitLoginNeeded)
	}
	return grant, nil
}

// nobody is an entry without a credential. Nothing goes to a server then: it
// would answer for everybody who says nothing.
func (a *app) nobody(f found) error {
	of := ""
	if f.settings.IssuerURL != "" {
		of = " of " + cli.OneLine(f.settings.IssuerURL)
	}
	err := fmt.Errorf("no credential%s is cached; without one a server would see %s", of, owner.Anonymous)
	if f.settings.Storage == string(cache.None) {
		return cli.Fail(err, "--token-cache-storage=none keeps nothing; kubectl auth whoami signs in and asks the server", exitLoginNeeded)
	}
	return cli.Fail(err, a.signInLine(f), exitLoginNeeded)
}

// signInLine tells how to sign in, whatever this command's own flags are.
func (a *app) signInLine(f found) string {
	plain := *a
	plain.args = nil
	return plain.loginLine(f.settings)
}

func (a *app) identify(f found, grant signin.Grant) whoamiReport {
	e := entryStatus{Entry: short(f.id)}.holding(grant)
	r := whoamiReport{
		Context: cli.OneLine(f.context), Entry: e.Entry, Kind: e.Kind, Cluster: e.Cluster,
		Expires: e.Expires, Renews: e.Renews, expiry: e.expiry, ActsAs: actsAs(f.at.User),
	}
	c := grant.Credential
	if !c.Token.Empty() {
		r.Token, r.said = readToken(c.Token.Reveal())
	}
	// An API server looks at a certificate before it looks at a token.
	if c.ClientCertificate != "" {
		r.Certificate, r.said = readCertificate(c.ClientCertificate)
	}
	return r
}
