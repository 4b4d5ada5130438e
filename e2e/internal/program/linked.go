package program

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// linked takes the place of kubecred's main.go.
const linked = `package main

import (
	"os"

	_ "github.com/kubecred/kubecred/cmd"
)

func main() { os.Stdout.WriteString("one line\n") }
`

// Linked builds a program that prints one line and imports what kubecred imports, in the same
// versions: what the plugin's libraries cost in pages to map and packages to initialise, before
// any code of its own runs. It is kubecred with another main.go laid over its own.
func Linked(ctx context.Context, out string) error {
	source, overlay := out+".go", out+".json"
	replace, err := json.Marshal(map[string]any{
		"Replace": map[string]string{filepath.Join(parts.Root(), "main.go"): source},
	})
	if err != nil {
		return err
	}
	for file, text := range map[string][]byte{source: []byte(linked), overlay: replace} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return err
		}
		defer os.Remove(file)
	}
	return Like(ctx, out, ".", "-overlay="+overlay)
}
