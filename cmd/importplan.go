package cmd

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/intake"
	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/signin"
)

// taking is a user whose credentials are taken in.
type taking struct {
	user   *kubeconfig.UserEntry
	entry  intake.Entry
	block  kubeconfig.Exec
	seals  []sealing // what the block needs in the cache
	serves bool      // get-token prints the credential as it was, without asking anyone
	said   []string  // what else a person should know of it
}

// batch is what is taken out of one file.
type batch struct {
	path   string // as it was named, for the lock that kubectl takes
	file   string // absolute, links followed
	takes  []*taking
	stays  []string // a line each
	change kubeconfig.Change
}

// plan tells what becomes of a file's users. Nothing is changed.
func (i *importer) plan(ctx context.Context, path string, users []string) (*batch, error) {
	file, err := followed(path)
	if err != nil {
		return nil, err
	}
	b := &batch{path: path, file: file}
	d, err := i.tidied(ctx, path, file)
	if err != nil {
		return nil, err
	}
	if len(users) == 0 {
		users = d.Users()
	}
	for _, name := range users {
		user, err := d.User(name)
		if err != nil {
			return nil, err
		}
		t, err := i.take(ctx, user, file)
		var stays *intake.StayError
		switch {
		case errors.As(err, &stays) && stays.Idle() && i.all:
		case err != nil && !i.all:
			return nil, &stayError{name, err}
		case err != nil:
			b.stays = append(b.stays, fmt.Sprintf("user %q: %s", name, cli.OneLine(err.Error())))
		default:
			b.takes = append(b.takes, t)
		}
	}
	if len(b.takes) > 0 {
		b.change, err = kubeconfig.Preview(path, b.edit)
	}
	for _, t := range b.takes {
		t.lookFor(b.change.After)
	}
	return b, err
}

// lookFor says where what is taken out stands in the file a second time: behind
// an anchor, in a comment, or at a user that was not named.
func (t *taking) lookFor(after []byte) {
	const shortest = 8 // of what is no accident
	held := []string{t.entry.Credential.Token.Reveal(), base64.StdEncoding.EncodeToString([]byte(t.user.ClientKeyData.Reveal()))}
	if p := t.entry.Provider; p != nil {
		held = append(held, p.ClientSecret.Reveal(), p.Refresh.Reveal(), p.IDToken.Reveal())
	}
	if slices.ContainsFunc(held, func(s string) bool { return len(s) >= shortest && bytes.Contains(after, []byte(s)) }) {
		t.said = append(t.said, "it stands elsewhere in the file as well, in plain text, and stays there")
	}
}

// tidied reads a file, once it is forgotten what killed imports of it left: a
// session among that would look like the person's own.
func (i *importer) tidied(ctx context.Context, path, file string) (*kubeconfig.Document, error) {
	if i.dryRun {
		return kubeconfig.Open(path)
	}
	unlock, err := i.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	d, err := kubeconfig.Open(path)
	if err == nil {
		i.sweep(ctx, file, d.Bytes())
	}
	return d, err
}

// stayError is the one user that was named, and is left alone.
type stayError struct {
	user string
	err  error
}

func (e *stayError) Error() string {
	return fmt.Sprintf("the user %q is left alone: %v", e.user, e.err)
}
func (e *stayError) Unwrap() error { return e.err }

// edit puts the exec blocks in place of the credentials, of users that are as
// they were.
func (b *batch) edit(d *kubeconfig.Document) error {
	if b.change.Before != nil && string(d.Bytes()) != string(b.change.Before) {
		return &kubeconfig.ChangedError{Path: b.path}
	}
	for _, t := range b.takes {
		if err := d.SetExec(t.user.Name, t.block); err != nil {
			return err
		}
	}
	return nil
}

func (i *importer) take(ctx context.Context, user *kubeconfig.UserEntry, path string) (*taking, error) {
	entry, err := intake.Of(user)
	if err != nil {
		return nil, err
	}
	t := &taking{user: user, entry: entry}
	if entry.Provider == nil {
		return t, i.takeCredential(t, path)
	}
	return t, i.takeProvider(ctx, t)
}

// takeCredential seals a token or a certificate as it is.
func (i *importer) takeCredential(t *taking, path string) error {
	c := t.entry.Credential
	if !c.Expiry.IsZero() && !c.Expiry.After(i.now()) {
		return fmt.Errorf("its %s has ended %s and is of no use to anyone: delete it", c.Kind, c.Expiry.Local().Format("2006-01-02 15:04"))
	}
	random := make([]byte, 16)
	rand.Read(random) // never fails
	args := []string{"get-token", "--imported=" + hex.EncodeToString(random)}
	s, err := i.resolve(t, args, nil)
	if err != nil {
		return err
	}
	who := about{
		Kind: "imported " + string(c.Kind), Account: cli.OneLine(c.Who), Args: connection(s),
		Imported: &origin{User: t.user.Name, File: path, At: i.now().UTC()},
	}
	t.serves = true
	return t.seal(cache.NewID(s.Identity()), signin.Grant{Credential: signin.Credential{
		Token: c.Token, ClientCertificate: c.Certificate, ClientKey: c.Key, Issued: i.now(), Expiry: c.Expiry,
	}}, who)
}

// takeProvider seals a session and a client's secret, each where there is one.
func (i *importer) takeProvider(ctx context.Context, t *taking) error {
	p := t.entry.Provider
	var env []kubeconfig.EnvVar
	if t.user.Exec != nil {
		env = t.user.Exec.Env
	}
	s, err := i.resolve(t, p.Args, env)
	if err != nil {
		return err
	}
	if !p.ClientSecret.Empty() {
		record, err := sealedClient(s, p.ClientSecret)
		if err != nil {
			return err
		}
		if held, err := importedSecret(ctx, i.store, s); err == nil && !held.Empty() && held.Reveal() != p.ClientSecret.Reveal() {
			t.said = append(t.said, "another secret is sealed for that issuer and client: this one takes its place")
		}
		t.seals = append(t.seals, i.share(sealing{clientSecretID(s), record}))
	}
	id := cache.NewID(s.Identity())
	if p.Refresh.Empty() && p.IDToken.Empty() {
		return nil
	}
	if i.signedIn(ctx, id) {
		t.said = append(t.said, "you are signed in there already, and stay so: its session is kept in the backup alone")
		return nil
	}
	who := aboutEntry(s)
	who.Account, who.Subject = cli.OneLine(p.Who), p.Subject
	grant := signin.Grant{}
	if !p.IDToken.Empty() && !s.UseAccessToken {
		grant.Credential = signin.Credential{Token: p.IDToken, Issued: i.now(), Expiry: p.Expiry}
	}
	if !p.Refresh.Empty() {
		if grant.Session, err = json.Marshal(session{p.Refresh.Reveal(), p.Subject}); err != nil {
			return err
		}
	}
	err = t.seal(id, grant, who)
	t.seals[len(t.seals)-1] = i.share(t.seals[len(t.seals)-1])
	return err
}

// share returns what another user of the same import seals under the same ID:
// of two sessions of one provider and client the first is kept.
func (i *importer) share(one sealing) sealing {
	if held, ok := i.pending[one.id]; ok {
		return held
	}
	i.pending[one.id] = one
	return one
}

// signedIn reports whether an entry is there that serves or can be renewed. One
// that came with a kubeconfig must not take its place.
func (i *importer) signedIn(ctx context.Context, id cache.ID) bool {
	record, err := i.store.Load(ctx, id)
	grant, readErr := signin.Read(record)
	return err == nil && readErr == nil && (len(grant.Session) > 0 || grant.Credential.Expiry.After(i.now()))
}

func (t *taking) seal(id cache.ID, grant signin.Grant, who about) (err error) {
	if grant.About, err = json.Marshal(who); err != nil {
		return err
	}
	record, err := signin.Write(grant)
	t.seals = append(t.seals, sealing{id, record})
	return err
}

// resolve makes the exec block, and holds that it means what get-token takes.
func (i *importer) resolve(t *taking, args []string, env []kubeconfig.EnvVar) (*settings.Settings, error) {
	args = slices.Concat(args, i.storage())
	flags, err := settings.ParseArgs(args)
	if err != nil {
		return nil, err
	}
	command, _, err := i.called(false)
	if err != nil {
		return nil, err
	}
	t.block = execBlock(command, args)
	t.block.Env = env
	if t.user.Exec != nil {
		t.block.ProvideClusterInfo = t.user.Exec.ProvideClusterInfo
	}
	return settings.Resolve(settings.Input{Kubeconfig: flags, Variable: withEnv(func(string) string { return "" }, env), Agreed: i.agreed, Files: i.files})
}

// storage returns the flags that lead to the cache in which an import seals.
// Variables may be gone when a client runs the exec block, and there is no other
// copy: what is not the default stands in the block.
func (i *importer) storage() []string {
	var args []string
	if i.settings.Storage != string(cache.Auto) {
		args = append(args, "--token-cache-storage="+i.settings.Storage)
	}
	if i.settings.CacheDir != i.files.Cache {
		args = append(args, "--token-cache-dir="+i.settings.CacheDir)
	}
	if i.settings.KernelKeyring != "auto" {
		args = append(args, "--kernel-keyring="+i.settings.KernelKeyring)
	}
	return args
}

// followed is a path without links, absolute.
func followed(path string) (string, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// absent is followed for a file that is gone.
func absent(path string) (string, error) {
	folder, err := followed(filepath.Dir(path))
	return filepath.Join(folder, filepath.Base(path)), err
}
