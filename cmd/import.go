package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/lifetime"
	"github.com/kubecred/kubecred/internal/settings"
)

// importer is one run of import.
//
// Its rules: nothing is touched before everything that can be known is known and
// a person has agreed. The plain text leaves the kubeconfig last, after what was
// sealed has been read again by a process of its own. Whatever fails before
// that, the file is as it was and nothing stays behind in the cache.
type importer struct {
	*app
	*target
	all, undo, dryRun, yes bool

	person   *person
	settings *settings.Settings // where to seal
	store    *cache.Store
	home     cache.Home
	pending  map[cache.ID]sealing // what users of the same provider share
}

func (a *app) importCommand() *cobra.Command {
	i := &importer{app: a, target: &target{}, pending: map[cache.ID]sealing{}}
	c := &cobra.Command{
		Use:   "import",
		Short: "Seal what a kubeconfig holds in plain text",
		Long: `Takes tokens, client certificates and the sessions of the legacy auth-provider
"oidc" out of a kubeconfig, seals them, and puts exec blocks in their place. Exec
blocks of int128/kubelogin become kubecred's. Without --context, --user and --all
it takes the user of the current context.

What is sealed is lost with the keyring; the file as it was is sealed as well,
and --undo puts it back. Credentials that a kubeconfig names by path stay files.`,
		Example: cli.Examples(
			"kubecred import --dry-run",
			"kubecred import --kubeconfig ~/Downloads/prod.yaml --all",
			"kubecred import --undo",
		),
		Args: cli.NoArgs,
	}
	c.Flags().StringVar(&i.kubeconfig, "kubeconfig", "", "Change this kubeconfig instead of KUBECONFIG or ~/.kube/config")
	c.Flags().StringVar(&i.context, "context", "", "Take in the credentials of this context's user")
	c.Flags().StringVar(&i.user, "user", "", "Take in this user's credentials")
	c.Flags().BoolVar(&i.all, "all", false, "Take in every user's")
	c.Flags().BoolVar(&i.dryRun, "dry-run", false, "Show what would be done and do nothing")
	c.Flags().BoolVar(&i.undo, "undo", false, "Put back what the newest import took; with --user or --context that user's, with --all every import's")
	c.Flags().BoolVar(&i.yes, "yes", false, "Do not ask")
	i.flags = addSome(c.Flags(), "token-cache-storage", "token-cache-dir", "kernel-keyring")
	c.RunE = func(c *cobra.Command, _ []string) error { return i.run(c.Context()) }
	return c
}

// addSome adds a few of get-token's flags to fs.
func addSome(fs *pflag.FlagSet, names ...string) *settings.Flags {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags := settings.AddFlags(all)
	for _, name := range names {
		fs.AddFlag(all.Lookup(name))
	}
	return flags
}

// importPatience bounds an import, but for the person's time.
const importPatience = 2 * time.Minute

func (i *importer) run(ctx context.Context) error {
	switch {
	case i.all && (i.user != "" || i.context != ""), i.user != "" && i.context != "":
		return cli.Mistake("leave one of them out", "--all is every user, and --user and --context name one")
	case i.undo && i.dryRun:
		return cli.Mistake("leave one of them out", "--dry-run shows an import, and --undo is none")
	}
	err := i.isThere()
	if err != nil && !i.undo { // which puts back what is gone as well
		return err
	}
	if i.settings, err = i.looseSettings(i.target); err != nil {
		return err
	}
	done, err := i.begin(i.settings.Verbosity)
	if err != nil {
		return err
	}
	defer done()
	ctx, stop := lifetime.Context(ctx)
	defer stop()
	i.person = i.newPerson(true, "")
	if i.context != "" {
		i.user, err = i.userOfContext()
	}
	switch {
	case err != nil:
	case i.undo:
		err = i.putBack(ctx)
	default:
		err = i.takeIn(ctx)
	}
	var none *kubeconfig.NotFoundError
	switch {
	case errors.As(err, &none):
		return cli.Fail(err, "name one with --context or --user, or another file with --kubeconfig, or take --all", exitConfig)
	case errors.Is(err, context.Canceled) && interrupted(ctx):
		return context.Cause(ctx)
	}
	return err
}

// takeIn is an import.
func (i *importer) takeIn(ctx context.Context) error {
	if err := i.openSafe(ctx); err != nil {
		return err
	}
	batches, err := i.plans(ctx)
	if err != nil {
		return err
	}
	told := i.tell(batches)
	switch {
	case i.dryRun:
		return i.show(told, batches)
	case count(batches) == 0:
		_, err = fmt.Fprintf(i.stdout, "%sNothing to import.\n", told)
		return err
	}
	if err := i.agree(ctx, told); err != nil {
		return err
	}
	if _, err := i.store.Prepare(ctx); err != nil {
		return err
	}
	for n, b := range batches {
		if len(b.takes) == 0 {
			continue
		}
		err := i.move(ctx, b)
		if done := count(batches[:n]); err != nil && done > 0 {
			err = fmt.Errorf("%w; of other files %d users are imported", err, done)
		}
		if err != nil {
			return err
		}
	}
	return i.report(told, batches)
}

// openSafe opens the cache. What is sealed is the only copy, so it goes where it
// lasts: not into the kernel's keyring, and into a file's only when a person
// says so. It looks and makes nothing.
func (i *importer) openSafe(ctx context.Context) error {
	of := *i.settings
	if of.Storage == string(cache.Auto) {
		of.Storage = string(cache.Keyring)
	}
	var err error
	if i.store, err = i.openStore(&of, i.person); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, importPatience)
	defer cancel()
	i.home, err = i.store.Probe(ctx)
	var locked *cache.LockedError
	if errors.As(err, &locked) && !i.dryRun { // a person may open it; what lies there is looked at next
		i.home, err = i.store.Prepare(ctx)
	}
	if err == nil && i.home == cache.Nowhere {
		err = cli.Fail(errors.New("nothing is kept with this storage, so nothing can be taken in"),
			"choose --token-cache-storage=keyring, or file", exitCache)
	}
	return err
}

// plans finds the files and users that are meant.
func (i *importer) plans(ctx context.Context) ([]*batch, error) {
	if i.all {
		return i.plansOfAll(ctx)
	}
	name := i.user
	if name == "" {
		var err error
		if name, err = i.userOfContext(); err != nil {
			return nil, err
		}
	}
	path, found, err := kubeconfig.Find(i.paths(), name)
	if err == nil && !found {
		err = &kubeconfig.NotFoundError{Kind: "user", Name: name}
	}
	if err != nil {
		return nil, err
	}
	b, err := i.plan(ctx, path, []string{name})
	return []*batch{b}, err
}

// userOfContext is whom --context leads to, or the current one.
func (i *importer) userOfContext() (string, error) {
	config, err := i.loadKubeconfig(i.target)
	if err != nil {
		return "", err
	}
	at, err := config.Target(i.context)
	return at.User.Name, err
}

func (i *importer) plansOfAll(ctx context.Context) (all []*batch, err error) {
	for _, path := range i.paths() {
		b, err := i.plan(ctx, path, nil)
		if errors.Is(err, os.ErrNotExist) && i.kubeconfig == "" {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

func (i *importer) paths() []string {
	if i.kubeconfig != "" {
		return []string{i.kubeconfig}
	}
	return kubeconfig.Paths(i.getenv("KUBECONFIG"), i.files.Home)
}

// agree tells what is about to happen, and asks.
func (i *importer) agree(ctx context.Context, told string) error {
	if i.yes {
		i.person.Show(told)
		return nil
	}
	if !i.person.answers() {
		return cli.Fail(errors.New("nobody is there to agree to an import"), "run it in a terminal, or look at --dry-run and add --yes", exitLoginNeeded)
	}
	i.person.Show(told)
	answer, err := i.person.Ask(ctx, "Go on? [y/N] ")
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return cli.Fail(errors.New("nothing was done"), "answer y to go on", exitDenied)
}

// show is a dry run.
func (i *importer) show(told string, batches []*batch) error {
	var text strings.Builder
	text.WriteString(told)
	for _, b := range batches {
		text.WriteString(b.change.Diff())
	}
	text.WriteString("Nothing was done.\n")
	_, err := io.WriteString(i.stdout, text.String())
	return err
}

func count(batches []*batch) (n int) {
	for _, b := range batches {
		n += len(b.takes)
	}
	return n
}
