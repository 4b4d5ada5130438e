package cmd

import (
	"os"
	"os/exec"
	"path/filepath"

	"github.com/kubecred/kubecred/execcred"
	"github.com/kubecred/kubecred/internal/kubeconfig"
)

// execBlock is what setup and import write for a user.
func execBlock(command string, args []string) kubeconfig.Exec {
	return kubeconfig.Exec{
		APIVersion: string(execcred.V1), Command: command, Args: args,
		InteractiveMode: "IfAvailable",
		InstallHint:     "kubecred is missing; see https://github.com/kubecred/kubecred",
	}
}

// called returns how an exec block calls this program, and where it lies: by its
// name where that leads to it, since paths differ between machines, but not for
// programs with a short PATH. A path that leads here by a link is kept, which
// stays when a package manager puts the next version behind it.
func (a *app) called(gui bool) (command, path string, err error) {
	const name = "kubecred"
	if path, err = a.program(); err != nil {
		return "", "", err
	}
	found, err := exec.LookPath(name)
	if err != nil || !sameFile(found, path) {
		return path, path, nil
	}
	if found, err = filepath.Abs(found); err != nil {
		return "", "", err
	}
	if gui {
		return found, found, nil
	}
	return name, found, nil
}

func sameFile(a, b string) bool {
	one, errOne := os.Stat(a)
	other, errOther := os.Stat(b)
	return errOne == nil && errOther == nil && os.SameFile(one, other)
}
