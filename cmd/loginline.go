package cmd

import (
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/settings"
)

// loginLine tells to run the command that signs in to the entry of s, and that
// works as it is printed: by the entry's ID where the kubeconfig has it, else by the
// arguments of this run, else, where variables or the cluster had a word in it,
// by what they came to.
func (a *app) loginLine(s *settings.Settings) string {
	id := cache.NewID(s.Identity())
	in := settings.Input{Variable: a.getenv, Agreed: a.agreed, Files: a.files}
	if f, err := a.findEntry(&target{entry: short(id)}, in); err == nil && f.id == id {
		return added(nil) + ": " + a.commandLine([]string{"--entry", short(id)}, a.kubeconfigFlag())
	}
	args := a.args
	if !a.leadsTo(id, withoutSecrets(args)) && len(leftOut(args)) == 0 {
		args = identity(s)
	}
	return added(leftOut(args)) + ": " + a.commandLine(withoutSecrets(args), nil)
}

// added names the flags that the printed line leaves out.
func added(left []string) string {
	if len(left) == 0 {
		return "in a terminal, run"
	}
	return "in a terminal, with your " + strings.Join(left, " and ") + " added, run"
}

func (a *app) commandLine(args, more []string) string {
	words := []string{"kubecred", "login"}
	for _, arg := range slices.Concat(args, more) {
		words = append(words, cli.Quote(arg, runtime.GOOS))
	}
	return strings.Join(words, " ")
}

// kubeconfigFlag repeats a KUBECONFIG that may have been set for one command.
func (a *app) kubeconfigFlag() []string {
	paths := filepath.SplitList(a.getenv("KUBECONFIG"))
	if len(paths) != 1 {
		return nil
	}
	return []string{"--kubeconfig", paths[0]}
}

// leadsTo reports whether args alone, in another terminal, mean the entry.
func (a *app) leadsTo(id cache.ID, args []string) bool {
	flags, err := settings.ParseArgs(args)
	if err != nil {
		return false
	}
	s, err := settings.Resolve(settings.Input{Flags: flags, Files: a.files})
	return err == nil && cache.NewID(s.Identity()) == id
}

// secretFlags may carry a secret, and what is printed ends in terminals' logs.
func secretFlags() []string {
	return []string{"--oidc-client-secret", "--password", "--oidc-request-header", "--oidc-auth-request-extra-params"}
}

// leftOut names the flags that withoutSecrets drops and a login would need.
func leftOut(args []string) []string {
	var left []string
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		if slices.Contains(secretFlags(), name) && !slices.Contains(left, name) {
			left = append(left, name)
		}
	}
	return left
}

// withoutSecrets drops the command's name, flags that carry a secret, and
// those that make no sense for a login at a terminal.
func withoutSecrets(args []string) []string {
	valued := secretFlags()
	toggles := []string{"--force-refresh", "--skip-open-browser"}
	if i := slices.IndexFunc(args, isCommand); i >= 0 {
		args = slices.Delete(slices.Clone(args), i, i+1)
	}
	var kept []string
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(args[i], "=")
		switch {
		case slices.Contains(valued, name):
			if !joined {
				i++
			}
		case slices.Contains(toggles, name):
		default:
			kept = append(kept, args[i])
		}
	}
	return kept
}

func isCommand(arg string) bool { return arg == "get-token" || arg == "login" }
