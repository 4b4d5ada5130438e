package e2e

import (
	"path/filepath"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// The JavaScript client sets no KUBERNETES_EXEC_INFO and leaves a pipe open on standard input:
// a plugin that reads it hangs for ever.
func TestJavaScriptClient(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.ClientNode)
	p := newPerson(t, kubecred(t))
	p.Env = append(p.Env, "NODE_MODULES_ROOT="+parts.Build("node"))
	p.writeKubeconfig(kubeconfig.V1, machineFlags(p)...)
	node, err := parts.Command("node")
	p.must(err)
	p.is(machineClient, p.run(desk.Null, node, filepath.Join(parts.Root(), "e2e", "node", "client.mjs")))
}
