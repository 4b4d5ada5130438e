package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/internal/build"
	"github.com/kubecred/kubecred/internal/cli"
)

// app is the program in its surroundings.
type app struct {
	build          build.Info
	stdout, stderr io.Writer
}

// run runs the program and returns its exit code. It ends with ctx, and with
// the signals of the commands that wait for one.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		return cli.Report(a.stderr, err, maxLines, explain)
	}
	return 0
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "kubecred-exchange",
		Short: "Your directory's passwords in, what Kubernetes trusts out",
		Long: `kubecred-exchange takes a name and a password of your LDAP directory and gives
what a Kubernetes cluster trusts: a signed token, or a client certificate.
People sign in with "kubecred get-token --exchange-url=..." from kubectl.

If you run an OpenID Provider (Keycloak, dex, Entra ID), you do not need it:
kubecred signs in there.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cli.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, _ error) error {
		// The error repeats the flag's value, which may have been meant as a secret.
		return cli.Mistake(c.CommandPath()+" --help says what it takes", "a flag is not known, or lacks its value")
	})
	root.AddCommand(
		a.serveCommand(),
		a.devCommand(),
		a.checkCommand(),
		a.rotateCommand(),
		a.revokeCommand(),
		a.sessionsCommand(),
		a.backupCommand(),
		a.schemaCommand(),
		a.versionCommand(),
	)
	return root
}

// addConfig adds --config, which most commands need.
func addConfig(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "config", "", "The configuration file (required)")
}
