package setup

import (
	"slices"

	"github.com/kubecred/kubecred/internal/term"
)

// maxShown bounds a name that is shown, in runes.
const maxShown = 200

// RBAC is an example of rights: one group may look at things, or where there is
// none, one person. It is the smallest of the roles that every cluster has.
func (s Sight) RBAC() string {
	kind, name := "User", s.User
	if i := slices.IndexFunc(s.Groups, isClean); i >= 0 {
		kind, name = "Group", s.Groups[i]
	}
	return `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: kubecred-example-view
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: view
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: ` + kind + `
  name: ` + scalar(name) + `
`
}

// isClean reports whether a name looks like what it is.
func isClean(name string) bool { return name != "" && term.Clean(name, maxShown) == name }

// Kuberc is a person's own list of the programs that their kubectl may run for
// credentials (kubectl.config.k8s.io/v1beta1). command is a path: it also
// holds for a kubeconfig that names the program without one, and then says which
// program of that name is meant.
func Kuberc(command string) string {
	return `apiVersion: kubectl.config.k8s.io/v1beta1
kind: Preference
credentialPluginPolicy: Allowlist
credentialPluginAllowlist:
- command: ` + scalar(command) + `
`
}
