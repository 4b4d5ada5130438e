package setup

import (
	"strings"

	"github.com/kubecred/kubecred/internal/kubeconfig"
)

// User is a kubeconfig's list of users with the one that runs e.
func User(name string, e kubeconfig.Exec) string {
	var out strings.Builder
	out.WriteString("users:\n- name: " + scalar(name) + `
  user:
    exec:
      apiVersion: ` + scalar(e.APIVersion) + `
      command: ` + scalar(e.Command) + `
      args:
`)
	for _, arg := range e.Args {
		out.WriteString("      - " + scalar(arg) + "\n")
	}
	out.WriteString("      interactiveMode: " + scalar(e.InteractiveMode) + "\n      installHint: " + scalar(e.InstallHint) + "\n")
	return out.String()
}
