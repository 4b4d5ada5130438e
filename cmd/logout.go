package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/lifetime"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/signin"
	"github.com/kubecred/kubecred/login"
)

func (a *app) logoutCommand() *cobra.Command {
	var all, forget bool
	c := &cobra.Command{
		Use:   "logout",
		Short: "End the session at the provider and forget the credential",
		Long: `Revokes the session at the provider where it can, and removes the entry from the
cache even where it cannot. What a locked keyring hides stays, to be revoked
once it opens. Without flags it takes the kubeconfig's current context.

What kubecred import took in stays too, and what may be of it but does not open
(its keyring may be another session's), since there may be no other copy of it:
kubecred import --undo puts it back, --forget-imported forgets it for good.

A token that a cluster has already accepted lives until it expires.`,
		Example: cli.Examples("kubecred logout", "kubecred logout --context prod", "kubecred logout --all"),
		Args:    cli.NoArgs,
	}
	t := addTarget(c)
	c.Flags().BoolVar(&all, "all", false, "Every entry, and the kernel's copy of the data key")
	c.Flags().BoolVar(&forget, "forget-imported", false, "Forget imported credentials and their backups as well, though they cannot be had again")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if all && (t.entryGiven() || t.context != "" || t.user != "") {
			return cli.Mistake("leave one of them out", "--all is every entry, and --entry, --context and --user name one")
		}
		if all || t.entryGiven() {
			return a.logoutCached(c.Context(), t, all, forget)
		}
		return a.logout(c.Context(), t, forget)
	}
	return c
}

// logoutPatience bounds a logout: two requests and a keyring.
const logoutPatience = 90 * time.Second

func (a *app) logout(ctx context.Context, t *target, forget bool) error {
	f, err := a.find(t)
	if err != nil {
		return err
	}
	ctx, done, err := a.beginLogout(ctx, f.settings)
	if err != nil {
		return err
	}
	defer done()
	p := a.newPerson(true, "")
	store, err := a.openStore(f.settings, p)
	if err != nil {
		return err
	}
	var copies []*kept
	if forget {
		shelves, err := a.shelves(ctx, f.settings, p, store)
		if err != nil {
			return err
		}
		copies = backups(shelves)
	}
	return a.end(ctx, store, f.id, f.settings, forgetting{forget, copies})
}

// forgetting says whether what was imported is forgotten, and lists the backups
// that may hold it too.
type forgetting struct {
	imported bool
	copies   []*kept
}

// logoutCached ends entries by what is cached, whether or not a kubeconfig
// still names them: all, or the one of --entry.
func (a *app) logoutCached(ctx context.Context, t *target, all, forget bool) error {
	s, err := a.looseSettings(t)
	if err != nil {
		return err
	}
	ctx, done, err := a.beginLogout(ctx, s)
	if err != nil {
		return err
	}
	defer done()
	shelves, err := a.shelves(ctx, s, a.newPerson(true, ""), nil)
	if err != nil {
		return err
	}
	if all {
		return a.endAll(ctx, shelves, t, forget)
	}
	one, err := chosen(shelves, t.entry)
	if err != nil {
		return err
	}
	return a.endItem(ctx, one, one.items[0], t, forgetting{forget, backups(shelves)})
}

func (a *app) endAll(ctx context.Context, shelves []shelf, t *target, forget bool) error {
	var failures []error
	nothing, kept := true, 0
	for _, shelf := range shelves {
		ended := map[cache.ID]bool{} // in all of the shelf's homes
		for _, item := range shelf.items {
			if _, only := isImported(item.Record); only && !forget {
				kept++
				continue
			}
			if item.Aside || !ended[item.ID] {
				failures = append(failures, a.endItem(ctx, shelf, item, t, forgetting{imported: forget}))
			}
			ended[item.ID], nothing = true, false
		}
		for _, item := range shelf.refusals {
			failures = append(failures, drop(ctx, shelf.store, item.ID))
		}
		if forget {
			for _, item := range shelf.others {
				failures = append(failures, drop(ctx, shelf.store, item.ID))
			}
		} else {
			kept += len(shelf.others)
		}
		// Last: reading an entry leaves a copy of its data key.
		failures = append(failures, shelf.store.DropCopies())
	}
	switch {
	case kept > 0:
		fmt.Fprintln(a.stdout, "What kubecred import took in stays sealed, since there may be no other copy: kubecred import --undo puts it back, kubecred logout --all --forget-imported forgets it.")
	case nothing:
		fmt.Fprintln(a.stdout, "Nothing is cached.")
	}
	return errors.Join(failures...)
}

func (a *app) endItem(ctx context.Context, at shelf, item cache.Item, t *target, forget forgetting) error {
	if mayBeOnlyCopy(item) && !forget.imported {
		return cli.Fail(item.Err, "it may have been imported, so it stays; once its keyring is there kubecred logout ends it, and --forget-imported forgets it for good", exitCache)
	}
	if !item.Aside {
		return a.end(ctx, at.store, item.ID, a.settingsFor(t, item.ID), forget)
	}
	unlock, err := at.store.Lock(ctx, item.ID)
	if err != nil {
		return err
	}
	defer unlock()
	fmt.Fprintf(a.stdout, "Discarded an entry that could not be opened (%s).\n", short(item.ID))
	return at.store.Discard(item)
}

// mayBeOnlyCopy reports whether an entry that does not open now may do so another
// day, and have been imported: no import goes into the kernel's keyring.
func mayBeOnlyCopy(item cache.Item) bool {
	var hidden *cache.UnavailableError
	var closed *cache.UnreadableError
	return errors.As(item.Err, &hidden) ||
		!item.Aside && item.Home != cache.InKernel && errors.As(item.Err, &closed) && closed.KeyMissing
}

// settingsFor returns the settings of an entry that the kubeconfig still
// names, which may know the client's secret; else nil.
func (a *app) settingsFor(t *target, id cache.ID) *settings.Settings {
	f, err := a.find(&target{kubeconfig: t.kubeconfig, entry: id.String(), flags: t.flags})
	if err != nil {
		return nil
	}
	return f.settings
}

// looseSettings are enough to find the cache.
func (a *app) looseSettings(t *target) (*settings.Settings, error) {
	return settings.Resolve(settings.Input{Flags: t.flags, Variable: a.getenv, Files: a.files, Loose: true})
}

// beginLogout gives a logout its log and its deadline.
func (a *app) beginLogout(ctx context.Context, s *settings.Settings) (context.Context, func(), error) {
	closeLog, err := a.begin(s.Verbosity)
	if err != nil {
		return nil, nil, err
	}
	ctx, stop := lifetime.Context(ctx)
	ctx, cancel := context.WithTimeout(ctx, logoutPatience)
	return ctx, func() { cancel(); stop(); closeLog() }, nil
}

// end revokes and forgets one entry. It holds the entry's lock, so that a
// refresh in flight cannot bring it back. What cannot be revoked is forgotten
// all the same, and said; what a locked keyring or a newer version hides is
// kept, since it could never be revoked afterwards. s is nil where only the entry itself tells.
func (a *app) end(ctx context.Context, store *cache.Store, id cache.ID, s *settings.Settings, forget forgetting) error {
	unlock, err := store.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	record, err := store.Load(ctx, id)
	var locked *cache.LockedError
	var silent *cache.UnavailableError
	var newer *cache.NewerFormatError
	switch {
	case err == cache.ErrMiss:
		fmt.Fprintln(a.stdout, "Not signed in.")
		return nil
	case errors.As(err, &locked), errors.As(err, &silent), errors.As(err, &newer):
		return err
	}
	who, only := isImported(record)
	switch {
	case only:
		return a.forgetImported(ctx, store, id, who, forget)
	case err != nil && s != nil && s.Imported != "" && !forget.imported: // another session may open it
		return err
	case err == nil:
		err = a.revoke(ctx, store, record, s)
	}
	if interrupted(ctx) {
		return context.Cause(ctx)
	}
	if err := store.Remove(ctx, id); err != nil {
		return err
	}
	_ = store.SetNote(id, nil) // what failed may name the account
	fmt.Fprintf(a.stdout, "Signed out%s.\n", whoIn(record))
	if err != nil {
		fmt.Fprintf(a.stderr, "note: forgotten here, but not revoked at the provider: %s\n", cli.OneLine(err.Error()))
	}
	return nil
}

// revoke ends an entry's session at the provider.
func (a *app) revoke(ctx context.Context, store *cache.Store, record cache.Record, s *settings.Settings) error {
	grant, err := signin.Read(record)
	if err != nil {
		return err
	}
	return a.revokeGrant(ctx, store, grant, s)
}

// revokeGrant is revoke for what is not, or not yet, in the cache.
func (a *app) revokeGrant(ctx context.Context, store *cache.Store, grant signin.Grant, s *settings.Settings) (err error) {
	var known about
	if err := json.Unmarshal(grant.About, &known); err != nil {
		return err
	}
	var held session // none where there is no refresh token
	if len(grant.Session) > 0 {
		if err := json.Unmarshal(grant.Session, &held); err != nil {
			return err
		}
	}
	if s == nil {
		if s, err = a.settingsOf(known.Args); err != nil {
			return err
		}
	}
	if s.Exchange == settings.ExchangeBasic || s.Exchange == settings.ExchangeNative {
		return errNoSession
	}
	cfg, err := a.provider(ctx, s, store)
	if err != nil {
		return err
	}
	client, err := login.Discover(ctx, cfg)
	if err != nil {
		return err
	}
	return client.Revoke(ctx, secret.New(held.Refresh), secret.New(known.Access))
}

// settingsOf resolves flags that were sealed with an entry, under the policy
// of today.
func (a *app) settingsOf(args []string) (*settings.Settings, error) {
	flags, err := settings.ParseArgs(args)
	if err != nil {
		return nil, err
	}
	return settings.Resolve(settings.Input{Flags: flags, Agreed: a.agreed, Files: a.files})
}

// chosen finds the one entry whose ID begins with prefix.
func chosen(all []shelf, prefix string) (shelf, error) {
	if prefix == "" {
		return shelf{}, cli.Mistake(entryHint, "--entry is empty")
	}
	var match []shelf
	for _, s := range all {
		for _, item := range s.items {
			if !item.Aside && strings.HasPrefix(item.ID.String(), prefix) {
				match = append(match, shelf{store: s.store, items: []cache.Item{item}})
			}
		}
	}
	switch len(match) {
	case 0:
		return shelf{}, cli.Mistake(entryHint, "no entry begins with %s", cli.OneLine(prefix))
	case 1:
		return match[0], nil
	}
	return shelf{}, cli.Mistake(entryHint, "%d entries begin with %s: give more of the ID", len(match), cli.OneLine(prefix))
}
