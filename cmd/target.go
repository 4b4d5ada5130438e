package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/settings"
)

// target says which entry login, logout and status are about: the one of the
// flags, or that of a kubeconfig's exec block, resolved as kubectl would.
type target struct {
	kubeconfig, context, user, entry string

	flags   *settings.Flags
	command *cobra.Command
}

func addTarget(c *cobra.Command) *target {
	t := &target{command: c}
	c.Flags().StringVar(&t.context, "context", "", "Take the exec block of this context instead of the current one's")
	c.Flags().StringVar(&t.user, "user", "", "Take the exec block of this user of the kubeconfig")
	c.Flags().StringVar(&t.entry, "entry", "", "Take the entry with this ID, as status and hints print it")
	c.Flags().StringVar(&t.kubeconfig, "kubeconfig", "", "Read this kubeconfig instead of KUBECONFIG or ~/.kube/config")
	t.flags = settings.AddFlags(c.Flags())
	return t
}

// entryGiven tells an empty --entry, as of a variable that is not set, from
// none.
func (t *target) entryGiven() bool { return t.command != nil && t.command.Flags().Changed("entry") }

// found is an entry with its settings.
type found struct {
	settings *settings.Settings
	input    settings.Input
	id       cache.ID
	context  string // "" where the flags name the entry
	at       kubeconfig.Target
}

const entryHint = "kubecred status lists the entries"

// errNotOurs is a kubeconfig user that signs in otherwise.
var errNotOurs = errors.New("does not sign in with kubecred")

// find returns the entry that t is about. With an error, input still says what
// the flags and the variables do.
func (a *app) find(t *target) (found, error) {
	in := settings.Input{Flags: t.flags, Variable: a.getenv, Agreed: a.agreed, Files: a.files}
	f, err := a.findBy(t, in)
	if f.input.Files == nil {
		f.input = in
	}
	return f, err
}

func (a *app) findBy(t *target, in settings.Input) (found, error) {
	if t.entryGiven() && t.entry == "" {
		return found{}, cli.Mistake(entryHint, "--entry is empty")
	}
	if t.entry != "" {
		return a.findEntry(t, in)
	}
	if t.context == "" && t.user == "" && a.namesIssuer(t.flags) {
		return resolved(in, "")
	}
	config, err := a.loadKubeconfig(t)
	if err != nil {
		return found{}, err
	}
	at, err := pick(config, t)
	if err == nil {
		var f found
		if f, err = a.follow(in, at); err == nil {
			return f, nil
		}
	}
	// kubectl would take the exec block before any variable; so do we, and ask
	// the variables only where there is none.
	if t.context == "" && t.user == "" && noBlock(err) {
		if f, err := resolved(in, ""); err == nil {
			return f, nil
		}
	}
	return found{}, err
}

// namesIssuer reports whether the command line says by itself where to sign
// in.
func (a *app) namesIssuer(flags *settings.Flags) bool {
	s, err := settings.Resolve(settings.Input{Flags: flags, Files: a.files, Loose: true})
	return err != nil || s.IssuerURL != "" || s.Imported != ""
}

// noBlock reports whether the kubeconfig has nothing to say of kubecred.
func noBlock(err error) bool {
	var notFound *kubeconfig.NotFoundError
	return errors.Is(err, errNotOurs) || errors.As(err, &notFound)
}

func pick(config *kubeconfig.Config, t *target) (kubeconfig.Target, error) {
	if t.user != "" {
		user, err := config.User(t.user)
		return kubeconfig.Target{User: user}, err
	}
	return config.Target(t.context)
}

func (a *app) loadKubeconfig(t *target) (*kubeconfig.Config, error) {
	if err := t.isThere(); err != nil {
		return nil, err
	}
	if t.kubeconfig != "" {
		return kubeconfig.Load([]string{t.kubeconfig})
	}
	return kubeconfig.Load(kubeconfig.Paths(a.getenv("KUBECONFIG"), a.files.Home))
}

// isThere fails where --kubeconfig names a file that is missing: of KUBECONFIG's
// files one may be, and a word that was mistyped is another matter.
func (t *target) isThere() error {
	if t.kubeconfig == "" {
		return nil
	}
	if _, err := os.Stat(t.kubeconfig); errors.Is(err, fs.ErrNotExist) {
		return &kubeconfig.FileError{Path: t.kubeconfig, Reason: "does not exist"}
	}
	return nil
}

// follow resolves the settings of an exec block as get-token would.
func (a *app) follow(in settings.Input, at kubeconfig.Target) (found, error) {
	block := at.User.Exec
	if block == nil || !isOurs(block) {
		return found{}, fmt.Errorf("the user %q %w", at.User.Name, errNotOurs)
	}
	flags, err := settings.ParseArgs(block.Args)
	if err != nil {
		return found{}, err
	}
	in.Kubeconfig = flags
	in.Extension = at.Config
	in.Variable = withEnv(a.getenv, block.Env)
	f, err := resolved(in, at.Context)
	f.at = at
	return f, err
}

func resolved(in settings.Input, context string) (found, error) {
	s, err := settings.Resolve(in)
	if err != nil {
		return found{input: in, context: context}, err
	}
	return found{settings: s, input: in, id: cache.NewID(s.Identity()), context: context}, nil
}

// isOurs reports whether an exec block runs this program, or kubelogin with
// arguments that this program understands.
func isOurs(block *kubeconfig.Exec) bool {
	if !slices.Contains(block.Args, "get-token") {
		return false
	}
	// A kubeconfig may have been written on another system.
	name := strings.ToLower(block.Command[strings.LastIndexAny(block.Command, `/\`)+1:])
	name = strings.TrimSuffix(name, ".exe")
	return name == "kubecred" || strings.HasPrefix(name, "kubecred-") || name == "kubectl" || name == "kubectl-oidc_login" || name == "kubelogin"
}

// withEnv adds an exec block's variables. As for kubectl, the last of a name
// counts.
func withEnv(getenv func(string) string, env []kubeconfig.EnvVar) func(string) string {
	return func(name string) string {
		for _, v := range slices.Backward(env) {
			if v.Name == name {
				return v.Value
			}
		}
		return getenv(name)
	}
}

// findEntry looks through the kubeconfig for the exec block whose entry has
// the ID that t begins.
func (a *app) findEntry(t *target, in settings.Input) (found, error) {
	config, err := a.loadKubeconfig(t)
	if err != nil {
		return found{}, err
	}
	var match []found
	for _, at := range config.Targets() {
		f, err := a.follow(in, at)
		if err == nil && strings.HasPrefix(f.id.String(), t.entry) && !known(match, f.id) {
			match = append(match, f)
		}
	}
	switch len(match) {
	case 0:
		return found{}, cli.Mistake(entryHint, "no user of the kubeconfig has the entry %s", cli.OneLine(t.entry))
	case 1:
		return match[0], nil
	}
	return found{}, cli.Mistake(entryHint, "%d entries begin with %s: give more of the ID", len(match), cli.OneLine(t.entry))
}

func known(list []found, id cache.ID) bool {
	for _, f := range list {
		if f.id == id {
			return true
		}
	}
	return false
}
