package cli

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// NoArgs refuses words that are neither a command nor a flag.
func NoArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := c.CommandPath() + " --help says what it takes"
	if !c.HasParent() {
		return Mistake(hint, "there is no command %q", OneLine(args[0]))
	}
	// A word that is left over may be the second half of a password.
	return Mistake(hint, "an argument is neither a flag nor a flag's value")
}

// Examples indents the examples of a help text.
func Examples(lines ...string) string { return "  " + strings.Join(lines, "\n  ") }

// AddOutput adds -o to a command that people script.
func AddOutput(c *cobra.Command, output *string) {
	c.Flags().StringVarP(output, "output", "o", "text", "Output format: text or json")
}

// Print writes value as JSON, or text for a person.
func Print(w io.Writer, output string, value any, text func(io.Writer)) error {
	if err := CheckOutput(output); err != nil {
		return err
	}
	if output == "text" {
		text(w)
		return nil
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

// CheckOutput refuses what AddOutput's flag does not take.
func CheckOutput(output string) error {
	if output != "text" && output != "json" {
		return Mistake("choose one of them, or leave --output out", "--output takes text or json")
	}
	return nil
}
