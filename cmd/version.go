package cmd

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/internal/build"
)

// Build says which build of the program runs.
type Build = build.Info

func (a *app) versionCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  kubecred version -o json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			b := a.build.Complete()
			return a.print(output, b, func(w io.Writer) {
				fmt.Fprintf(w, "kubecred %s (%s, %s)\n", b.Version, b.Go, b.Platform)
			})
		},
	}
	addOutput(c, &output)
	return c
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
	return usageError("--output takes text or json, not %q", output)
}
