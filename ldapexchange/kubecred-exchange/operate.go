package main

// The commands for operators. A service that runs does it, over its control
// socket; where none runs, the command opens the state itself. The state's lock
// sees to it that it is one of the two.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/control"
)

// operatorPatience bounds a command, but for a backup.
const operatorPatience = 30 * time.Second

// operate runs do with whoever can do it.
func (a *app) operate(ctx context.Context, path string, do func(context.Context, control.Operator) error) error {
	c, err := loadConfig(path)
	if err != nil {
		return err
	}
	client, err := control.Dial(ctx, c.State.ControlFolder)
	if err == nil {
		return do(ctx, client)
	}
	if !errors.Is(err, control.ErrNotRunning) {
		return err
	}
	held, err := openOperator(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, held), held.close())
}

func loadConfig(path string) (*config.Config, error) {
	if path == "" {
		return nil, cli.Mistake("name the configuration file with --config", "--config is missing")
	}
	return config.Load(path)
}

func (a *app) rotateCommand() *cobra.Command {
	var path, output string
	var replace bool
	c := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new signing key",
		Long: `Makes a new signing key. It is published before it signs, so that clusters know
it by then, and the old one stays published for an hour after it, until its last
token has ended. Tokens and sessions go on.

With --replace the new key signs at once and every other is removed, for a key
that somebody else may have. Tokens that they signed are refused here at once,
and by clusters that verify tokens themselves when they next fetch the keys, or
restart; see docs/operations.md.`,
		Example: cli.Examples("kubecred-exchange rotate --config exchange.yaml", "kubecred-exchange rotate --replace --config exchange.yaml"),
		Args:    cli.NoArgs,
	}
	addConfig(c, &path)
	cli.AddOutput(c, &output)
	c.Flags().BoolVar(&replace, "replace", false, "Remove every other key: one has leaked")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return a.briefly(c.Context(), path, func(ctx context.Context, op control.Operator) error {
			got, err := op.Rotate(ctx, replace)
			if err != nil {
				return err
			}
			return cli.Print(a.stdout, output, got, func(w io.Writer) { printRotation(w, got) })
		})
	}
	return c
}

func printRotation(w io.Writer, r control.Rotation) {
	fmt.Fprintf(w, "The new key is %s. It signs from %s.\n", cli.OneLine(r.Key), r.Signs.Local().Format(time.DateTime))
}

// briefly is operate with a deadline.
func (a *app) briefly(ctx context.Context, path string, do func(context.Context, control.Operator) error) error {
	ctx, cancel := context.WithTimeout(ctx, operatorPatience)
	defer cancel()
	return a.operate(ctx, path, do)
}

func (a *app) revokeCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "revoke session|user|token|all [NAME]",
		Short: "End sessions and refuse their tokens",
		Long: `Ends sessions, and has token reviews refuse their tokens.

  session ID   one session; "kubecred-exchange sessions" lists them
  user NAME    every session of a person, by user name or by the directory's ID
  token JTI    one token, by the jti of the audit
  all          every session and token there is

A cluster that asks for reviews refuses a token once its API server has forgotten
the last answer: after 2 minutes, or what --authentication-token-webhook-cache-ttl
says, but no sooner than after 10 seconds. A cluster that verifies tokens itself
(JWKS, AuthenticationConfiguration) asks nobody and accepts a token until it ends,
10 minutes after it was issued or what tokens.lifetime says. Certificates live
until they end, too.`,
		Example: cli.Examples(
			"kubecred-exchange revoke user alice --config exchange.yaml",
			"kubecred-exchange revoke all --config exchange.yaml"),
	}
	addConfig(c, &path)
	c.RunE = func(c *cobra.Command, args []string) error {
		t, err := targetOf(args)
		if err != nil {
			return err
		}
		return a.briefly(c.Context(), path, func(ctx context.Context, op control.Operator) error {
			n, err := op.Revoke(ctx, t)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "Revoked. Sessions that ended: %d.\n", n)
			return nil
		})
	}
	return c
}

func targetOf(args []string) (control.Target, error) {
	const hint = "kubecred-exchange revoke --help lists what can be revoked"
	if len(args) == 0 {
		return control.Target{}, cli.Mistake(hint, "what is to be revoked is missing")
	}
	t := control.Target{Kind: control.Kind(args[0])}
	switch t.Kind {
	case control.Everything:
		if len(args) > 1 {
			return t, cli.Mistake(hint, "all takes no name")
		}
		return t, nil
	case control.OneSession, control.OneUser, control.OneToken:
		if len(args) != 2 || args[1] == "" {
			return t, cli.Mistake(hint, "%s takes one name", t.Kind)
		}
		if looksLikeToken(args[1]) {
			return t, cli.Mistake("name its jti, which the audit tells; and since other users of this machine could read the argument, revoke its session too", "that is a token itself")
		}
		t.Name = args[1]
		return t, nil
	}
	return t, cli.Mistake(hint, "there is nothing of that kind to revoke")
}

func (a *app) sessionsCommand() *cobra.Command {
	var path, output string
	c := &cobra.Command{
		Use:     "sessions",
		Short:   "List who is signed in",
		Example: cli.Examples("kubecred-exchange sessions --config exchange.yaml", "kubecred-exchange sessions --config exchange.yaml -o json"),
		Args:    cli.NoArgs,
	}
	addConfig(c, &path)
	cli.AddOutput(c, &output)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return a.briefly(c.Context(), path, func(ctx context.Context, op control.Operator) error {
			all, err := op.Sessions(ctx)
			if err != nil {
				return err
			}
			if all == nil {
				all = []control.Session{} // [] for scripts, not null
			}
			return cli.Print(a.stdout, output, all, func(w io.Writer) { printSessions(w, all) })
		})
	}
	return c
}

func printSessions(w io.Writer, all []control.Session) {
	if len(all) == 0 {
		fmt.Fprintln(w, "Nobody is signed in.")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SESSION\tUSER\tCLIENT\tSINCE\tUSED\tENDS")
	at := func(t time.Time) string { return t.Local().Format(time.DateTime) }
	for _, s := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", cli.OneLine(s.ID), cli.OneLine(s.User), cli.OneLine(s.Client), at(s.Created), at(s.Used), at(s.Expires))
	}
	table.Flush()
}

func (a *app) backupCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the state to a new file",
		Long: `Copies the state, whole and consistent, to a new file of mode 0600, or with - to
standard output, while the service runs. The signing keys are not in it: copy
their folder too.

A service that starts on a restored copy refuses every token that was issued
before, since the copy may lack revocations. docs/operations.md tells how to
restore.`,
		Example: cli.Examples("kubecred-exchange backup exchange-backup.db --config exchange.yaml", "kubecred-exchange backup - --config exchange.yaml >exchange-backup.db"),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return cli.Mistake("name one file that is not there yet", "the file is missing")
			}
			return nil
		},
	}
	addConfig(c, &path)
	c.RunE = func(c *cobra.Command, args []string) error {
		return a.operate(c.Context(), path, func(ctx context.Context, op control.Operator) error {
			return a.backup(ctx, op, args[0])
		})
	}
	return c
}

// backup leaves a whole copy behind, or nothing.
func (a *app) backup(ctx context.Context, op control.Operator, to string) error {
	if to == "-" {
		return op.Backup(ctx, a.stdout)
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return cli.Mistake("name one file that is not there yet", "the file is there already")
	}
	if err != nil {
		return err
	}
	err = op.Backup(ctx, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	fmt.Fprintf(a.stdout, "The state is copied to %s.\n", cli.OneLine(to))
	return nil
}

// looksLikeToken finds what belongs into no argument.
func looksLikeToken(s string) bool { return strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") == 2 }
