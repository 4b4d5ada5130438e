package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
)

func (a *app) versionCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  kubecred-exchange version -o json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			b := a.build.Complete()
			return a.print(output, b, func(w io.Writer) {
				fmt.Fprintf(w, "kubecred-exchange %s (%s, %s)\n", b.Version, b.Go, b.Platform)
			})
		},
	}
	addOutput(c, &output)
	return c
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON schema of the configuration",
		Long:    "Prints the JSON schema of the configuration, for editors and for CI.",
		Example: "  kubecred-exchange schema >exchange-config.schema.json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(config.Schema())
			return err
		},
	}
}

// addOutput adds -o to a command that people script.
func addOutput(c *cobra.Command, output *string) {
	c.Flags().StringVarP(output, "output", "o", "text", "Output format: text or json")
}

// print writes value as JSON, or text for a person.
func (a *app) print(output string, value any, text func(io.Writer)) error {
	switch output {
	case "text":
		text(a.stdout)
		return nil
	case "json":
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(value)
	}
	return mistake("--output takes text or json", "the output format is not known")
}
