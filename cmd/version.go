package cmd

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/internal/build"
	"github.com/kubecred/kubecred/internal/cli"
)

// Build says which build of the program runs.
type Build = build.Info

func (a *app) versionCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  kubecred version -o json",
		Args:    cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := a.build.Complete()
			return cli.Print(a.stdout, output, b, func(w io.Writer) {
				fmt.Fprintf(w, "kubecred %s (%s, %s)\n", b.Version, b.Go, b.Platform)
			})
		},
	}
	cli.AddOutput(c, &output)
	return c
}
