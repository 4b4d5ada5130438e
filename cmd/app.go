// Package cmd holds the commands of kubecred and the adapters that join its
// rooms: settings to a cache entry, login to signin, a terminal to login.
//
// Its rules:
//   - stdout belongs to whoever reads it. get-token writes one ExecCredential
//     there, in one piece and after everything succeeded, or nothing.
//   - On success get-token leaves stderr silent, unless a person was asked.
//     Some clients merge the two (fabric8).
//   - A failure is an error line, a hint line and an exit code.
//   - Standard input is never read, but by login --password-stdin: questions go
//     to the terminal itself.
package cmd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/lifetime"
	"github.com/kubecred/kubecred/internal/settings"
)

// app is the program in its surroundings.
type app struct {
	build          Build
	args           []string // without the program's name
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	parent         func() string // names the process that started this one
	files          *settings.Files
	program        func() (string, error) // its path, to run it anew
	step           func(string)           // called where a test ends the process
	hashRounds     int                    // of a refused password
	log            *slog.Logger
}

// Main runs the program with this process's arguments and returns its exit
// code.
func Main(b Build) int {
	a := &app{
		build:   b,
		args:    withoutPluginName(os.Args[1:]),
		stdin:   os.Stdin,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		getenv:  os.Getenv,
		now:     time.Now,
		parent:  lifetime.Parent,
		files:   settings.SystemFiles(),
		program: os.Executable,
		step:    func(string) {},
		log:     slog.New(slog.DiscardHandler),

		hashRounds: refusalRounds,
	}
	// On Windows cobra would look at each start for who started it.
	cobra.MousetrapHelpText = ""
	return a.run()
}

func (a *app) run() int {
	err := a.execute()
	if err == nil {
		return 0
	}
	var said unwell
	if errors.As(err, &said) {
		return int(said)
	}
	return cli.Report(a.stderr, err, 1, explain)
}

// execute runs the command. A person waits for get-token at every kubectl
// call, so it goes without cobra, which composes a completion command for each
// of four shells before it looks at the arguments. What is wrong with them, and
// help, cobra says.
func (a *app) execute() error {
	if len(a.args) > 0 && a.args[0] == "get-token" {
		if flags, err := settings.ParseArgs(a.args); err == nil {
			return a.getToken(context.Background(), flags)
		}
	}
	root := a.rootCommand()
	root.SetArgs(a.args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	return root.Execute()
}

// withoutPluginName drops the first word of "kubectl oidc-login get-token", so
// that a change of command is the whole migration from int128/kubelogin.
func withoutPluginName(args []string) []string {
	if len(args) > 0 && args[0] == "oidc-login" {
		return args[1:]
	}
	return args
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "kubecred",
		Short: "Sign in to Kubernetes once, and kubectl just works",
		Long: `kubecred is an exec credential plugin. kubectl, helm, k9s and other clients run
"kubecred get-token" when they need a credential; it opens a browser once and
then answers from a cache that is sealed under your system's keyring.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cli.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return settings.FlagError(err) })
	root.AddCommand(
		a.getTokenCommand(),
		a.importCommand(),
		a.readBackCommand(),
		a.setupCommand(),
		a.loginCommand(),
		a.logoutCommand(),
		a.statusCommand(),
		a.whoamiCommand(),
		a.doctorCommand(),
		a.versionCommand(),
	)
	return root
}

// begin opens the log of a run. The returned function closes it.
func (a *app) begin(verbosity int) (func(), error) {
	log, done, err := openLog(a.getenv("KUBECRED_LOG"), verbosity > 0, a.stderr)
	if err != nil {
		return nil, err
	}
	a.log = log
	return done, nil
}
