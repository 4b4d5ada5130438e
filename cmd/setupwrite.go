package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/settings"
)

// Where the user goes, and what must not be lost there.

// edit is a change of one file of the kubeconfig.
type edit struct {
	path   string
	change func(*kubeconfig.Document) error
}

// place finds the files, and tries the change before anyone signs in for it.
func (pl *plan) place(ctx context.Context) error {
	paths := kubeconfig.Paths(pl.app.getenv("KUBECONFIG"), pl.app.files.Home)
	if pl.wishes.kubeconfig != "" {
		paths = []string{pl.wishes.kubeconfig}
	}
	config, err := kubeconfig.Load(paths)
	if err != nil {
		return err
	}
	if err := pl.askUser(ctx, config); err != nil {
		return err
	}
	// What is replaced is what was looked at: signing in takes minutes, and in
	// them another program may give the user what is nowhere else.
	path, _, err := kubeconfig.Find(paths, pl.user)
	if err != nil {
		return err
	}
	was, err := pl.entryIn(path)
	if err != nil {
		return err
	}
	if config, err = kubeconfig.Load(paths); err != nil { // anew: a person has answered
		return err
	}
	if err := pl.mayReplace(ctx, config, was); err != nil {
		return err
	}
	if err := pl.plot(paths, path, was); err != nil {
		return err
	}
	_, err = pl.preview()
	return err
}

// entryIn is how a file has the user; without a name where it has none.
func (pl *plan) entryIn(path string) (kubeconfig.UserEntry, error) {
	d, err := kubeconfig.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return kubeconfig.UserEntry{}, nil
	}
	if err != nil {
		return kubeconfig.UserEntry{}, err
	}
	return pl.entry(d), nil
}

func (pl *plan) entry(d *kubeconfig.Document) kubeconfig.UserEntry {
	user, err := d.User(pl.user)
	if err != nil { // none, or one that SetExec refuses
		return kubeconfig.UserEntry{}
	}
	return *user
}

// plot says which files change, and how: the one that has the user, and the one
// that has the context.
func (pl *plan) plot(paths []string, path string, was kubeconfig.UserEntry) error {
	pl.edits = []edit{{path, func(d *kubeconfig.Document) error {
		if !bytes.Equal(pl.entry(d).Raw, was.Raw) {
			return &kubeconfig.ChangedError{Path: path}
		}
		return d.SetExec(pl.user, pl.exec)
	}}}
	if pl.context == "" {
		return nil
	}
	path, found, err := kubeconfig.FindContext(paths, pl.context)
	if err != nil {
		return err
	}
	if !found {
		return cli.Mistake(fmt.Sprintf("kubectl config set-context %s --cluster=CLUSTER makes one", pl.context), "the kubeconfig has no context named %q", pl.context)
	}
	point := func(d *kubeconfig.Document) error { return d.SetContext(pl.context, "", pl.user) }
	if both := &pl.edits[0]; both.path == path {
		user := both.change
		both.change = func(d *kubeconfig.Document) error { return errors.Join(user(d), point(d)) }
		return nil
	}
	pl.edits = append(pl.edits, edit{path, point})
	return nil
}

// mayReplace wants a word before a user that signs in otherwise loses what it
// signs in with.
func (pl *plan) mayReplace(ctx context.Context, config *kubeconfig.Config, was kubeconfig.UserEntry) error {
	user, err := config.User(pl.user)
	if err == nil && pl.same(user, was) { // what is set beside the flags stays
		pl.exec.Env, pl.exec.ProvideClusterInfo = was.Exec.Env, was.Exec.ProvideClusterInfo
		return nil
	}
	if err != nil || pl.wishes.replace {
		return nil
	}
	how := "signs in otherwise"
	if user.Exec != nil {
		how = "runs " + cli.OneLine(user.Exec.Command) + " for something else"
	}
	if pl.asking {
		yes, err := pl.agree(ctx, fmt.Sprintf("The user %s is there and %s. Replace that, for good?", cli.OneLine(pl.user), how))
		if err != nil || yes {
			return err
		}
	}
	return cli.Mistake("give --user with another name; or --replace, and what it signs in with is gone", "the kubeconfig has a user named %q that %s", pl.user, how)
}

// same reports whether a user signs in to the same entry already, and in no
// other way.
func (pl *plan) same(user kubeconfig.User, was kubeconfig.UserEntry) bool {
	if was.Exec == nil || !was.Token.Empty() || !was.ClientKeyData.Empty() || !was.Password.Empty() || was.AuthProvider != nil ||
		was.TokenFile != "" || was.ClientCertificate != "" {
		return false
	}
	f, err := pl.app.follow(settings.Input{Agreed: pl.app.agreed, Files: pl.app.files}, kubeconfig.Target{User: user})
	return err == nil && f.id == cache.NewID(pl.settings.Identity())
}

// preview returns what the edits would change.
func (pl *plan) preview() ([]kubeconfig.Change, error) {
	var changes []kubeconfig.Change
	for _, e := range pl.edits {
		change, err := kubeconfig.Preview(e.path, e.change)
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	return changes, nil
}

// write makes the changes, or says what they would be.
func (pl *plan) write(ctx context.Context) ([]kubeconfig.Change, error) {
	if pl.wishes.dryRun {
		return pl.preview()
	}
	var changes []kubeconfig.Change
	for _, e := range pl.edits {
		change, err := kubeconfig.Edit(ctx, e.path, e.change)
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	return changes, nil
}
