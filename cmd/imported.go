package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/signin"
)

// imported is signin's Authenticator over a credential that was taken in from a
// kubeconfig. It is what it is: nothing renews it and nothing signs in to it, so
// all there is to say is why it does not serve.
type imported struct{ passwords }

var _ signin.Authenticator = (*imported)(nil)

// origin says where an imported credential came from, sealed with it.
type origin struct {
	User string    `json:"user"`
	File string    `json:"file"`
	At   time.Time `json:"at"`
}

// Refresh is never of use: there is no session.
func (i *imported) Refresh(context.Context, []byte) (signin.Grant, error) {
	return signin.Grant{}, fmt.Errorf("%w: an imported credential has none", signin.ErrSessionEnded)
}

// Login says why the credential does not serve.
func (i *imported) Login(ctx context.Context) (signin.Grant, error) {
	record, err := i.store.Load(ctx, cache.NewID(i.s.Identity()))
	e := &importedError{label: i.s.Label(), err: err, now: i.app.now()}
	if err == nil {
		var grant signin.Grant
		grant, e.err = signin.Read(record)
		_ = json.Unmarshal(grant.About, &e.about)
		e.expiry = grant.Credential.Expiry
	}
	return signin.Grant{}, e
}

// importedError is an imported credential that cannot be had.
type importedError struct {
	label       string
	about       about
	expiry, now time.Time
	err         error // why it is not in the cache
}

// Error says what it was, where it came from and when it ended.
func (e *importedError) Error() string {
	switch {
	case e.err != nil:
		return "the " + e.label + " cannot be read: " + e.err.Error()
	case e.about.Imported == nil:
		return "the " + e.label + " is of another version"
	}
	what := fmt.Sprintf("the %s of the user %q, from %s,", e.about.Kind, e.about.Imported.User, e.about.Imported.File)
	if !e.expiry.IsZero() && !e.expiry.After(e.now.Add(time.Minute)) {
		return what + " ended " + e.expiry.Local().Format("2006-01-02 15:04") + ", and nothing renews it"
	}
	return what + " is as it was taken in: nothing renews it"
}

// Is makes it the signin.ErrNotBegun that it is: nothing was asked or sent.
func (*importedError) Is(target error) bool { return target == signin.ErrNotBegun }

func ofImported(err error) (string, int) {
	var e *importedError
	switch {
	case !errors.As(err, &e):
		return "", 0
	case e.about.Imported == nil:
		return "kubecred import --undo puts back what was imported, where its backup opens; else put the credential into the kubeconfig again and run kubecred import", exitLoginNeeded
	}
	return "put a new one into the kubeconfig, in place of the user's exec block, and run " +
		lineOn(e.about.Imported.File, "import", "--user="+e.about.Imported.User), exitLoginNeeded
}

// ofStay is about users that stay as they are.
func ofStay(err error) (string, int) {
	var stays *stayError
	if errors.As(err, &stays) {
		return "docs/import.md says what is taken in; --all takes every user that can be", exitConfig
	}
	return "", 0
}

// isImport reports whether err is an imported credential's, for which no login
// helps.
func isImport(err error) bool {
	var e *importedError
	return errors.As(err, &e)
}

// isImported reports whether a record is an imported credential, of which there
// may be no other copy.
func isImported(record cache.Record) (about, bool) {
	grant, err := signin.Read(record)
	var who about
	if err != nil || json.Unmarshal(grant.About, &who) != nil {
		return about{}, false
	}
	return who, who.Imported != nil
}

// onlyCopyError is a logout that would lose what cannot be had again.
type onlyCopyError struct{ about about }

func (e *onlyCopyError) Error() string {
	return fmt.Sprintf("the %s of the user %q was imported, and there may be no other copy of it", cli.OneLine(strings.TrimPrefix(e.about.Kind, "imported ")), e.about.Imported.User)
}

// forgetImported removes an imported credential and what backups hold of it,
// under its lock.
func (a *app) forgetImported(ctx context.Context, store *cache.Store, id cache.ID, who about, forget forgetting) error {
	if !forget.imported {
		back := lineOn(who.Imported.File, "import", "--undo", "--user="+who.Imported.User)
		return cli.Fail(&onlyCopyError{who}, back+" puts it back; kubecred logout --forget-imported forgets it for good", exitDenied)
	}
	if err := a.forgetCopies(ctx, forget.copies, id); err != nil {
		return err
	}
	if err := store.Remove(ctx, id); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Forgot the %s of the user %q.\n", cli.OneLine(who.Kind), who.Imported.User)
	return nil
}
