package doctor

// The kubeconfig: what clients make of it, and what lies in it in clear.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/kubeconfig"
)

const fileShare = 3 * time.Second

// Kubeconfig is what clients read.
type Kubeconfig struct {
	Paths  []string
	Target kubeconfig.Target // where the context leads
	Err    error             // why it leads nowhere
	Hint   string            // what to do about Err
	Ours   bool              // the target's exec block is kubecred's
	Beside bool              // the entry is not the kubeconfig's: flags or variables name it
	// Exposed names the flags of the exec block that carry a secret.
	Exposed []string

	Kuberc      string // its file; "" is none
	KubercNamed bool   // a variable names it, and it must be there

	limit int // of one variable, in bytes; 0 is this system's
}

// Checks are those of the group "kubeconfig".
func (k *Kubeconfig) Checks() []Check {
	at := func(name string, run func() Finding) Check {
		return Check{"kubeconfig", name, fileShare, func(context.Context) Finding { return run() }}
	}
	block := func(name string, run func(*kubeconfig.Exec) Finding) Check {
		return at(name, func() Finding {
			if k.Target.User.Exec == nil || !k.Ours {
				return skipped("there is no exec block of kubecred's")
			}
			return run(k.Target.User.Exec)
		})
	}
	return []Check{
		at("context", k.context),
		block("apiVersion", apiVersion),
		block("interactiveMode", interactiveMode),
		block("installHint", installHint),
		block("arguments", k.arguments),
		block("cluster info", k.clusterInfo),
		at("plain text", k.plainText),
		at("file modes", k.modes),
		block("kuberc", k.kuberc),
	}
}

func (k *Kubeconfig) context() Finding {
	user := k.Target.User
	switch {
	case k.Err != nil && k.Beside:
		return skipped("flags or variables name the entry, and the kubeconfig none: " + k.Err.Error())
	case k.Err != nil:
		return failed(k.Err.Error(), k.Hint)
	case !k.Ours:
		return Finding{Note, fmt.Sprintf("the user %q does not sign in with kubecred", user.Name), "kubecred setup writes a user that does, and kubecred import takes in what one has"}
	case strings.TrimSuffix(user.Exec.Command, ".exe") != ownName && !strings.Contains(user.Exec.Command, ownName):
		return warning(fmt.Sprintf("the user %q still runs %s, which kubecred can take the place of", user.Name, user.Exec.Command), "change the exec block's command to kubecred; docs/kubelogin.md")
	case k.Target.Context == "":
		return ok("the user %q signs in with kubecred", user.Name)
	}
	return ok("the context %q leads to the user %q, who signs in with kubecred", k.Target.Context, user.Name)
}

func apiVersion(block *kubeconfig.Exec) Finding {
	const group = "client.authentication.k8s.io/"
	version, isOurs := strings.CutPrefix(block.APIVersion, group)
	do := "set apiVersion in the exec block to " + group + "v1"
	switch {
	case version == "v1" && isOurs:
		return ok("v1")
	case version == "v1beta1" && isOurs:
		return warning("v1beta1, which v1 replaced in Kubernetes 1.22", do+", and interactiveMode with it")
	case version == "v1alpha1" && isOurs:
		return failed("v1alpha1, which clients refuse since Kubernetes 1.24", do+", and interactiveMode with it")
	}
	return failed("it is none that clients know", do)
}

func interactiveMode(block *kubeconfig.Exec) Finding {
	const do = "set interactiveMode in the exec block to IfAvailable"
	switch mode := block.InteractiveMode; {
	case mode == "IfAvailable":
		return ok("%s", mode)
	case mode == "Never":
		return note("Never: kubecred cannot ask you anything when a client runs it; a browser can still open")
	case mode == "Always":
		return warning("Always: clients without a terminal (scripts, editors, dashboards) fail before they run kubecred", do)
	case mode == "" && strings.HasSuffix(block.APIVersion, "/v1beta1"):
		return ok("not given, which v1beta1 takes for IfAvailable")
	case mode == "":
		return failed("it is missing, and clients refuse a user of v1 without it", do)
	}
	return failed("it is none of Never, IfAvailable and Always, and clients refuse it", do)
}

func installHint(block *kubeconfig.Exec) Finding {
	if block.InstallHint == "" {
		return Finding{Note, "it is missing, so that clients on a machine without kubecred say only that it was not found", "add installHint to the exec block, with where to get kubecred"}
	}
	return ok("it is there")
}

// arguments never shows one: it may hold a secret.
func (k *Kubeconfig) arguments(block *kubeconfig.Exec) Finding {
	if len(k.Exposed) > 0 {
		return warning("a secret stands in "+strings.Join(k.Exposed, " and ")+", which every user of this machine sees while kubecred runs",
			"move it into a profile (oidc-client-secret-file, password-file), and have it changed")
	}
	var odd []string
	for i, arg := range block.Args {
		if strings.ContainsFunc(arg, breaksInShell) || arg == "" {
			odd = append(odd, nameOf(arg, i))
		}
	}
	if len(odd) > 0 {
		return warning("blanks or a shell's characters in "+strings.Join(odd, ", ")+": clients that join arguments or go through a shell (.NET, fabric8) break them",
			"put the settings into a profile, and give the exec block --profile=NAME alone")
	}
	return ok("no blanks and nothing that a shell would take for its own")
}

func breaksInShell(r rune) bool {
	return r <= ' ' || strings.ContainsRune("\"'`$&|;<>()*?[]{}!\\^%#~", r)
}

func nameOf(arg string, i int) string {
	if name, _, found := strings.Cut(arg, "="); found && strings.HasPrefix(name, "--") && !strings.ContainsFunc(name, breaksInShell) {
		return name
	}
	return fmt.Sprintf("argument %d", i+1)
}

// clusterInfo estimates KUBERNETES_EXEC_INFO, in which a client hands over the
// cluster with its authorities, in base64, whether they lie in a file or not.
func (k *Kubeconfig) clusterInfo(block *kubeconfig.Exec) Finding {
	if !block.ProvideClusterInfo {
		return ok("not asked for")
	}
	cluster, limit := k.Target.Cluster, k.limit
	if limit == 0 {
		limit = variableLimit()
	}
	authorities := int64(len(cluster.CAData))
	if authorities == 0 && cluster.CAFile != "" {
		if info, err := os.Stat(cluster.CAFile); err == nil {
			authorities = info.Size()
		}
	}
	const rest = 512 // names and braces
	size := authorities*4/3 + int64(len(k.Target.Config)+len(cluster.Server)+len(cluster.ProxyURL)+rest)
	do := "leave provideClusterInfo out unless the cluster's extension is needed, or cut its certificate authority down to what it needs"
	switch kilobytes := (size + 1023) >> 10; {
	case size > int64(limit):
		return failed(fmt.Sprintf("about %d KB, mostly the certificate authority, and a variable holds %d: kubecred cannot even start (E2BIG)", kilobytes, limit>>10), do)
	case size > int64(limit)*3/4:
		return warning(fmt.Sprintf("about %d KB, and a variable holds %d", kilobytes, limit>>10), do)
	default:
		return ok("about %d KB", kilobytes)
	}
}

// variableLimit is Linux's MAX_ARG_STRLEN, and Windows' for one variable. The
// others have room for more, and kubeconfigs travel.
func variableLimit() int {
	if runtime.GOOS == "windows" {
		return 32 << 10
	}
	return 128 << 10
}

// plainText looks through the users of every file.
func (k *Kubeconfig) plainText() Finding {
	var users []string
	for _, path := range k.Paths {
		d, err := kubeconfig.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var broken *kubeconfig.FileError
		switch {
		case errors.As(k.Err, &broken):
			return skipped("a file cannot be read")
		case err != nil:
			return failed(err.Error(), "mend the file, or leave it out of KUBECONFIG")
		}
		for _, name := range d.Users() {
			if e, err := d.User(name); err == nil && inClear(e) {
				users = append(users, fmt.Sprintf("%q", name))
			}
		}
	}
	if len(users) == 0 {
		return ok("no secret lies in it")
	}
	const most = 5
	text := strings.Join(users[:min(len(users), most)], ", ")
	if len(users) > most {
		text += fmt.Sprintf(" and %d more", len(users)-most)
	}
	return warning("secrets lie in plain text in the entry of "+text, "kubecred import --all seals them (--dry-run shows how); have rotated what others could read")
}

func inClear(e *kubeconfig.UserEntry) bool {
	if !e.Token.Empty() || !e.Password.Empty() || !e.ClientKeyData.Empty() {
		return true
	}
	if e.Exec != nil && execInClear(e.Exec) {
		return true
	}
	if e.AuthProvider == nil {
		return false
	}
	return slices.ContainsFunc([]string{"client-secret", "id-token", "refresh-token", "access-token"}, func(key string) bool {
		value := e.AuthProvider.Config[key]
		return !value.Empty()
	})
}

func execInClear(block *kubeconfig.Exec) bool {
	return slices.ContainsFunc(block.Args, func(arg string) bool {
		return strings.HasPrefix(arg, "--oidc-client-secret") || arg == "--password" || strings.HasPrefix(arg, "--password=")
	}) || slices.ContainsFunc(block.Env, func(v kubeconfig.EnvVar) bool {
		return v.Name == "KUBECRED_OIDC_CLIENT_SECRET" || v.Name == "KUBECRED_PASSWORD"
	})
}

func (k *Kubeconfig) modes() Finding {
	if runtime.GOOS == "windows" {
		return skipped("Windows has others")
	}
	read := 0
	for _, path := range k.Paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			continue
		case info.Mode().Perm()&0o022 != 0:
			return failed(path+" can be changed by others, who could let you run what they like", "run: chmod go-rwx "+cli.Quote(path, runtime.GOOS))
		case info.Mode().Perm()&0o044 != 0:
			return warning(path+" can be read by others", "run: chmod go-rwx "+cli.Quote(path, runtime.GOOS))
		}
		read++
	}
	if read == 0 {
		return skipped("there is no file")
	}
	return ok("for you alone")
}

func (k *Kubeconfig) kuberc(block *kubeconfig.Exec) Finding {
	if k.Kuberc == "" {
		return ok("turned off")
	}
	rc, err := kubeconfig.LoadKuberc(k.Kuberc)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !k.KubercNamed:
		return ok("there is none, so kubectl runs every plugin")
	case errors.Is(err, fs.ErrNotExist):
		return failed("KUBERC names a file that is not there", "correct or unset the variable: kubectl fails of it")
	case err != nil && !k.KubercNamed:
		return warning(err.Error()+", and kubectl goes on without it", "mend the file")
	case err != nil:
		return failed(err.Error(), "mend the file")
	}
	allowed, err := rc.Allows(block.Command, exec.LookPath)
	switch {
	case err != nil:
		return failed(k.Kuberc+": "+err.Error()+", and kubectl refuses every plugin", "mend the file")
	case !allowed && rc.Policy == "DenyAll":
		return failed(k.Kuberc+" lets kubectl run no plugin", "set credentialPluginPolicy to Allowlist, and list the command "+block.Command)
	case !allowed:
		return failed(k.Kuberc+" does not let kubectl run "+block.Command, "add {command: "+block.Command+"} to its credentialPluginAllowlist")
	case rc.Policy == "Allowlist":
		return ok("%s lists the command", k.Kuberc)
	}
	return ok("every plugin may run")
}
