package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
)

func (a *app) versionCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  kubecred-exchange version -o json",
		Args:    cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := a.build.Complete()
			return cli.Print(a.stdout, output, b, func(w io.Writer) {
				fmt.Fprintf(w, "kubecred-exchange %s (%s, %s)\n", b.Version, b.Go, b.Platform)
			})
		},
	}
	cli.AddOutput(c, &output)
	return c
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON schema of the configuration",
		Long:    "Prints the JSON schema of the configuration, for editors and for CI.",
		Example: "  kubecred-exchange schema >exchange-config.schema.json",
		Args:    cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(config.Schema())
			return err
		},
	}
}
