package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Build says which build of the program runs. Empty fields are filled from
// what the Go toolchain recorded.
type Build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (b Build) complete() Build {
	info, ok := debug.ReadBuildInfo()
	if ok && b.Version == "" {
		b.Version = info.Main.Version
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
	}
	b.Go = runtime.Version()
	b.Platform = runtime.GOOS + "/" + runtime.GOARCH
	return b
}

func (a *app) versionCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  kubecred version -o json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.print(output, a.build.complete(), func(w io.Writer) {
				b := a.build.complete()
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
