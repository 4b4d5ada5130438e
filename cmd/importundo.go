package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/kubeconfig"
)

// Several imports of a file lie one on another: undo takes the newest off, or
// the newest that took a given user. A file that is as the import left it gets
// its content back byte for byte. In one that was changed since, the users that
// still have the import's exec block get their entries back, and all else stays.

// putBack is an undo.
func (i *importer) putBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, importPatience)
	defer cancel()
	var err error
	if i.store, err = i.openStore(i.settings, i.person); err != nil {
		return err
	}
	unlock, err := i.alone(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	shelves, err := i.shelves(ctx, i.settings, i.person, nil)
	if err != nil {
		return err
	}
	every := backups(shelves) // other files' imports may need the same client's secret
	all, err := i.backupsHere(slices.Clone(every))
	if err != nil {
		return err
	}
	undone := 0
	for _, k := range all {
		if i.user != "" && !slices.ContainsFunc(k.Users, func(u importedUser) bool { return u.Name == i.user }) {
			continue
		}
		stale, err := i.undoOne(ctx, k, others(every, k))
		if err != nil {
			return err
		}
		if !stale {
			undone++
		}
		if !stale && !i.all {
			break
		}
	}
	if undone == 0 {
		return i.nothingToUndo(shelves)
	}
	return nil
}

// nothingToUndo fails: with the keyring's error where that may hide a backup.
func (i *importer) nothingToUndo(shelves []shelf) error {
	var locked *cache.LockedError
	var hidden *cache.UnavailableError
	for _, shelf := range shelves {
		for _, item := range shelf.items {
			if errors.As(item.Err, &locked) || errors.As(item.Err, &hidden) {
				return item.Err
			}
		}
	}
	return cli.Mistake("--kubeconfig names the file, and --user a user; kubecred status lists what there is a backup of",
		"there is no backup of an import to put back")
}

// backupsHere are those of the files that are meant.
func (i *importer) backupsHere(all []*kept) ([]*kept, error) {
	given := map[string]string{}
	for _, path := range i.paths() {
		at, err := followed(path)
		if errors.Is(err, fs.ErrNotExist) {
			at, err = absent(path)
		}
		if err != nil {
			return nil, err
		}
		given[at] = path
	}
	for _, k := range all {
		k.path = given[k.File]
	}
	return slices.DeleteFunc(all, func(k *kept) bool { return k.path == "" }), nil
}

func others(all []*kept, k *kept) []*kept {
	return slices.DeleteFunc(slices.Clone(all), func(one *kept) bool { return one == k })
}

// undoing is one backup at work.
type undoing struct {
	*kept
	user    string // alone, or ""
	before  *kubeconfig.Document
	now     []byte // the file, as it was seen
	missing bool
	back    []importedUser // what the change puts back
	left    []string       // users that were changed since
}

// undoOne puts one import back and forgets what it sealed. It is stale where the
// file is as it was before it: an import that did not come to its end.
func (i *importer) undoOne(ctx context.Context, k *kept, rest []*kept) (stale bool, err error) {
	u := &undoing{kept: k, user: i.user}
	content, err := k.content(ctx)
	if err != nil {
		return false, err
	}
	if u.before, err = kubeconfig.Parse(k.File, content); err != nil {
		return false, err
	}
	d, err := kubeconfig.Open(k.File)
	switch {
	case err == nil:
		u.now = d.Bytes()
	case errors.Is(err, fs.ErrNotExist):
		u.missing = true
	default:
		return false, err
	}
	if bytes.Equal(u.now, content) {
		return true, i.forgetAll(ctx, k, rest)
	}
	whole := u.missing || bytes.Equal(sum(u.now), k.After)
	complete := whole && u.complete() // before the users that are back are forgotten
	change, err := kubeconfig.Edit(ctx, k.path, u.edit(complete))
	if err != nil {
		return false, err
	}
	i.step("put back")
	if len(u.back) == 0 {
		return false, u.changedSince()
	}
	if whole {
		k.After = sum(change.After)
	}
	notes, err := i.forgetSome(ctx, k, u.back, rest)
	if err == nil {
		_, err = fmt.Fprint(i.stdout, u.report(complete), notes)
	}
	return false, err
}

// complete reports whether every user of the backup is meant.
func (u *undoing) complete() bool { return u.user == "" || len(u.Users) == 1 }

// edit returns the change: the whole content, or the users that are meant.
func (u *undoing) edit(whole bool) func(*kubeconfig.Document) error {
	return func(d *kubeconfig.Document) error {
		if !bytes.Equal(d.Bytes(), u.now) {
			return &kubeconfig.ChangedError{Path: u.File}
		}
		if whole {
			*d, u.back = *u.before, u.Users
			return nil
		}
		for _, user := range u.Users {
			if u.user == "" || u.user == user.Name {
				if err := u.restore(d, user); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// restore puts one user back, unless it was given something else since.
func (u *undoing) restore(d *kubeconfig.Document, user importedUser) error {
	was, err := u.before.User(user.Name)
	if err != nil {
		return err
	}
	is, err := d.User(user.Name)
	var gone *kubeconfig.NotFoundError
	switch {
	case errors.As(err, &gone):
	case err != nil:
		return err
	case bytes.Equal(is.Raw, was.Raw): // by hand, or by an undo that was cut short
		u.back = append(u.back, user)
		return nil
	case is.Exec == nil || !slices.Equal(is.Exec.Args, user.Args) || !is.Token.Empty() || len(is.ClientCertificateData) > 0 || is.TokenFile != "" || is.ClientCertificate != "":
		u.left = append(u.left, user.Name)
		return nil
	}
	u.back = append(u.back, user)
	return d.Restore(user.Name, was.Raw)
}

func (u *undoing) changedSince() error {
	return cli.Fail(fmt.Errorf("the users %s of %s were changed since the import, and stay as they are", quotedNames(u.left), u.File),
		"kubectl config delete-user takes one away; then kubecred import --undo --user puts it back as it was before", exitConfig)
}

func (u *undoing) report(complete bool) string {
	when := u.At.Local().Format("2006-01-02 15:04")
	if complete {
		return fmt.Sprintf("Put back %s as it was before the import of %s.\n", cli.OneLine(u.File), when)
	}
	names := make([]string, len(u.back))
	for n, user := range u.back {
		names[n] = user.Name
	}
	text := fmt.Sprintf("Put back %s in %s as before the import of %s; the rest of the file stays as it is.\n", quotedNames(names), cli.OneLine(u.File), when)
	if len(u.left) > 0 {
		text += fmt.Sprintf("%s changed since, and stays as it is; what was sealed of it stays sealed.\n", quotedNames(u.left))
	}
	return text
}

func quotedNames(names []string) string {
	quoted := make([]string, len(names))
	for n, name := range names {
		quoted[n] = fmt.Sprintf("%q", name)
	}
	return strings.Join(quoted, ", ")
}

// forgetSome removes what was sealed of users that are back, and with the last
// of them the backup. It returns what a person should know.
func (i *importer) forgetSome(ctx context.Context, k *kept, users []importedUser, rest []*kept) (notes string, err error) {
	i.step("forget")
	k.Users = slices.DeleteFunc(slices.Clone(k.Users), func(u importedUser) bool {
		return slices.ContainsFunc(users, func(back importedUser) bool { return back.Name == u.Name })
	})
	for _, user := range users {
		for _, ref := range user.Sealed {
			renewed, err := i.forgetRef(ctx, k, ref, rest)
			if err != nil {
				return "", err
			}
			if renewed {
				notes = "The session was renewed since the import, so that the refresh token in the file may be dead.\n"
			}
		}
	}
	if len(k.Users) > 0 {
		record, err := k.record()
		if err == nil {
			err = save(ctx, k.store, sealing{k.id, record})
		}
		return notes, err
	}
	i.step("discard")
	return notes, k.discard(ctx)
}

// forgetRef removes one sealed entry, unless another import needs it. A session
// that was renewed since is more than the file has, and stays.
func (i *importer) forgetRef(ctx context.Context, k *kept, ref sealedRef, rest []*kept) (renewed bool, err error) {
	id, err := cache.ParseID(ref.ID)
	if err != nil {
		return false, err
	}
	for _, other := range append(rest, k) {
		if slices.ContainsFunc(other.Users, func(u importedUser) bool { return u.seals(id) }) {
			return false, nil
		}
	}
	record, err := k.store.Load(ctx, id)
	switch {
	case errors.Is(err, cache.ErrMiss):
		return false, nil
	case err != nil:
		return false, err
	case !bytes.Equal(sum(record.Payload), ref.Sum):
		return true, nil
	}
	i.step("forget one")
	return false, drop(ctx, k.store, id)
}

// forgetAll removes an import of which the file shows nothing.
func (i *importer) forgetAll(ctx context.Context, k *kept, rest []*kept) error {
	_, err := i.forgetSome(ctx, k, k.Users, rest)
	return err
}

// orphaned is how old a part must be that no backup names: a younger one may be
// an import's that runs at this moment.
const orphaned = time.Hour

// sweep forgets what imports of this file left that were killed before they
// changed it; now is the file's content. It is for tidiness alone, and its failures are no more than noted.
func (i *importer) sweep(ctx context.Context, file string, now []byte) {
	shelves, err := i.shelves(ctx, i.settings, i.person, nil)
	if err != nil {
		i.log.Info("nothing is tidied up", "error", err)
		return
	}
	all := backups(shelves)
	for _, k := range all {
		if content, err := k.content(ctx); err == nil && k.File == file && bytes.Equal(content, now) {
			err = i.forgetAll(ctx, k, others(all, k))
			i.log.Info("an import that did not come to its end is forgotten", "error", err)
		}
	}
	for _, shelf := range shelves {
		for _, item := range shelf.others {
			named := func(k *kept) bool { return slices.Contains(k.Parts, item.ID.String()) }
			if item.Err == nil && isPart(item.Record) && i.now().Sub(item.ModTime) > orphaned && !slices.ContainsFunc(all, named) {
				_ = drop(ctx, shelf.store, item.ID)
			}
		}
	}
}
