package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/cluster"
	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// The manifests are what an API server takes, with the restrictions of Pod Security that they ask for
// themselves.
func TestManifests(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	c := theCluster(t)
	admin := atDesk(t, theExchange(t))
	ca := filepath.Join(admin.Home, "cluster.pem")
	admin.must(os.WriteFile(ca, c.CA, 0o600))
	from := filepath.Join(parts.Root(), "deploy", "kustomize")
	for _, args := range [][]string{
		{"apply", "-f", filepath.Join(from, "namespace.yaml")},
		{"apply", "--dry-run=server", "--validate=strict", "-k", from},
	} {
		args = append([]string{"--server=" + c.URL, "--certificate-authority=" + ca, "--token=" + cluster.AdminToken}, args...)
		if out := admin.run(desk.Null, kubectl(t), args...); out.Code != 0 || strings.Contains(out.Stderr, "Warning") {
			t.Errorf("%v: %d\n%s%s", args, out.Code, out.Stdout, out.Stderr)
		}
	}
}
