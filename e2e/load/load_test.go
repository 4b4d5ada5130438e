// Package load has the exchange, as it is released, under load and in trouble.
package load

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/load"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/program"
)

// programs are built once, for all tests.
var programs = sync.OnceValues(func() (string, error) {
	dir := parts.Build("program", "load")
	for name, folder := range map[string]string{"exchange": "ldapexchange/kubecred-exchange", "bare": "e2e/internal/load/bare"} {
		if err := program.Service(context.Background(), filepath.Join(dir, name), folder); err != nil {
			return "", err
		}
	}
	return dir, nil
})

func built(t *testing.T, name string) string {
	t.Helper()
	dir, err := programs()
	must(t, err)
	return filepath.Join(dir, name)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start runs an exchange until the test ends.
func start(t *testing.T, o load.Options) *load.Service {
	t.Helper()
	o.Program = built(t, "exchange")
	s, err := load.Start(t.Context(), o)
	must(t, err)
	t.Cleanup(s.Stop)
	return s
}
