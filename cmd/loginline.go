package cmd

import (
	"runtime"
	"slices"
	"strings"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/settings"
)

// loginLine is the command that signs in to the entry of s, and that works as
// it is printed: by the entry's ID where the kubeconfig has it, else by the
// arguments that get-token was given.
func (a *app) loginLine(s *settings.Settings) string {
	id := cache.NewID(s.Identity())
	in := settings.Input{Variable: a.getenv, Agreed: a.agreed, Files: a.files}
	if f, err := a.findEntry(&target{entry: short(id)}, in); err == nil && f.id == id {
		return "kubecred login --entry " + short(id)
	}
	words := []string{"kubecred", "login"}
	for _, arg := range withoutSecrets(a.args) {
		words = append(words, quote(arg, runtime.GOOS))
	}
	line := strings.Join(words, " ")
	if left := leftOut(a.args); len(left) > 0 {
		line += " (with your " + strings.Join(left, " and ") + " as well, left out here)"
	}
	return line
}

// secretFlags may carry a secret, and what is printed ends in terminals' logs.
func secretFlags() []string {
	return []string{"--oidc-client-secret", "--password", "--oidc-request-header"}
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
	var kept []string
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(args[i], "=")
		switch {
		case slices.Contains(valued, name):
			if !joined {
				i++
			}
		case slices.Contains(toggles, name), args[i] == "get-token":
		default:
			kept = append(kept, args[i])
		}
	}
	return kept
}

// quote makes arg one word for the shell that people of the system use.
func quote(arg, goos string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=./:,@%+", r)
	}
	if arg != "" && !strings.ContainsFunc(arg, func(r rune) bool { return !plain(r) }) {
		return arg
	}
	if goos == "windows" {
		return quoteWindows(arg)
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// quoteWindows doubles the backslashes that stand before a quote, which
// CommandLineToArgvW would else take for escapes.
func quoteWindows(arg string) string {
	var out strings.Builder
	out.WriteByte('"')
	backslashes := 0
	for _, r := range arg {
		switch r {
		case '\\':
			backslashes++
		case '"':
			out.WriteString(strings.Repeat(`\`, backslashes+1))
			backslashes = 0
		default:
			backslashes = 0
		}
		out.WriteRune(r)
	}
	out.WriteString(strings.Repeat(`\`, backslashes) + `"`)
	return out.String()
}
