package cmd

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/lifetime"
	"github.com/kubecred/kubecred/internal/providers"
	"github.com/kubecred/kubecred/internal/settings"
)

// wishes are what setup is told, beside get-token's flags.
type wishes struct {
	provider string

	usernameClaim, usernamePrefix, groupsClaim, groupsPrefix string

	kubeconfig, user, context string

	gui, replace, dryRun bool
	part                 string // print it alone

	flags   *settings.Flags
	command *cobra.Command
}

func (w *wishes) given(flag string) bool { return w.command.Flags().Changed(flag) }

func (a *app) setupCommand() *cobra.Command {
	w := &wishes{}
	c := &cobra.Command{
		Use:   "setup",
		Short: "Go from a provider to a kubeconfig that works",
		Long: `Signs in with get-token's flags, shows whom the API server will see, writes a
user into the kubeconfig that signs in so, and prints what the cluster's
administrator needs: the AuthenticationConfiguration, the same as flags, an
example of rights.

Where the issuer or the client is not given and you are at a terminal, it asks
for them, and for the rest. Otherwise it asks nothing but what signing in takes.`,
		Example: cli.Examples(
			"kubecred setup",
			"kubecred setup --oidc-issuer-url=https://issuer.example.com --oidc-client-id=kubernetes --context=prod",
			"kubecred setup --exchange-url=https://exchange.example.com --audience=prod --dry-run",
			"kubecred setup --oidc-issuer-url=https://issuer.example.com --oidc-client-id=kubernetes --print=authentication-config",
		),
		Args: cli.NoArgs,
	}
	w.addTo(c)
	c.RunE = func(c *cobra.Command, _ []string) error { return a.setup(c.Context(), w) }
	return c
}

func (w *wishes) addTo(c *cobra.Command) {
	w.command = c
	f := c.Flags()
	f.StringVar(&w.provider, "provider", "", "Which provider it is, where its address does not tell: "+strings.Join(providerNames(), ", "))
	f.StringVar(&w.usernameClaim, "oidc-username-claim", "", "Claim that the API server takes the user name from (default as the provider has it, else sub)")
	f.StringVar(&w.usernamePrefix, "oidc-username-prefix", defaultPrefix, "What stands before each user name, or - for nothing (at an exchange, which has its own, nothing)")
	f.StringVar(&w.groupsClaim, "oidc-groups-claim", "", "Claim that the API server takes the groups from, or - for none (default as the provider has it, else groups)")
	f.StringVar(&w.groupsPrefix, "oidc-groups-prefix", defaultPrefix, "The same before each group")
	f.StringVar(&w.kubeconfig, "kubeconfig", "", "Change this kubeconfig instead of KUBECONFIG or ~/.kube/config")
	f.StringVar(&w.user, "user", "", "Name of the user in the kubeconfig (default the provider's host)")
	f.StringVar(&w.context, "context", "", "Let this context of the kubeconfig use the user")
	f.BoolVar(&w.gui, "gui", false, "Write where kubecred lies, for desktop programs, whose PATH is short")
	f.BoolVar(&w.replace, "replace", false, "Replace a user that signs in otherwise; what it signs in with is gone then")
	f.BoolVar(&w.dryRun, "dry-run", false, "Show what would be written, keep nothing, and end the session again")
	f.StringVar(&w.part, "print", "", "Print one part alone, without signing in: "+strings.Join(partNames(), ", "))
	w.flags = settings.AddFlags(f)
}

// check refuses what no provider could make good, before one is asked.
func (w *wishes) check() error {
	const hint = "kubecred setup --help says what it takes"
	if w.part != "" && !slices.Contains(partNames(), w.part) {
		return cli.Mistake("choose one of "+strings.Join(partNames(), ", "), "--print takes a part's name")
	}
	for flag, value := range map[string]string{
		"provider": w.provider, "user": w.user, "context": w.context,
		"oidc-username-claim": w.usernameClaim, "oidc-username-prefix": w.usernamePrefix,
		"oidc-groups-claim": w.groupsClaim, "oidc-groups-prefix": w.groupsPrefix,
	} {
		switch {
		case cli.OneLine(value) != value:
			return cli.Mistake(hint, "--%s holds what cannot be seen", flag)
		case strings.HasSuffix(flag, "-prefix") && strings.HasPrefix(value, "system:"):
			return cli.Mistake("choose another, such as "+defaultPrefix, "--%s begins with system:, which is Kubernetes' own", flag)
		}
	}
	if claim := unlessDash(w.usernameClaim); claim == "" && w.given("oidc-username-claim") {
		return cli.Mistake(hint, "--oidc-username-claim names no claim")
	}
	if w.given("imported") {
		return cli.Mistake(hint, "--imported names what kubecred import has sealed, which signs nobody in")
	}
	for _, flag := range []string{"oidc-client-secret", "oidc-request-header"} {
		if w.given(flag) {
			return cli.Mistake(profileHint, "--%s may be a secret, and would stand in the kubeconfig", flag)
		}
	}
	return nil
}

// profileHint is where secrets may lie.
const profileHint = "put the issuer, the client and its secret into a profile of your own and give --profile; docs/setup.md shows one"

// setup makes a plan, and follows it.
func (a *app) setup(ctx context.Context, w *wishes) error {
	if err := w.check(); err != nil {
		return err
	}
	ctx, stop := lifetime.Context(ctx)
	defer stop()
	pl := &plan{app: a, wishes: w, person: a.newPerson(w.part == "", "")}
	if err := pl.read(); err != nil {
		return err
	}
	done, err := a.begin(pl.settings.Verbosity)
	if err != nil {
		return err
	}
	defer done()
	if err := pl.complete(ctx); err != nil {
		return err
	}
	if w.part != "" {
		return pl.printPart()
	}
	return pl.follow(ctx)
}

// follow signs in, and changes the kubeconfig once that has worked.
func (pl *plan) follow(ctx context.Context) error {
	if err := pl.place(ctx); err != nil {
		return err
	}
	in, err := pl.signIn(ctx)
	if err != nil {
		return pl.app.loginFailure(err, pl.settings)
	}
	pl.look(in)
	if err := pl.askClaim(ctx); err != nil {
		return err
	}
	changes, err := pl.write(ctx)
	if err != nil {
		return err
	}
	return pl.tell(in, changes)
}

func providerNames() []string {
	var names []string
	for _, p := range providers.All() {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}
