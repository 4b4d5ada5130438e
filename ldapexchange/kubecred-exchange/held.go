package main

// What a process holds on to while it lives, whatever becomes of the
// configuration: the state. On it stands what operators may do.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubecred/kubecred/ldapexchange/issuer"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/control"
	"github.com/kubecred/kubecred/ldapexchange/state"
)

// openStore opens the state's file, or says within a second that another
// process has it.
func openStore(c *config.Config, log *slog.Logger) (*state.Bolt, error) {
	return state.OpenBolt(state.Options{Path: c.State.File, Log: log})
}

// operator does what operators ask for.
type operator struct {
	path   string // of the state
	store  *state.Bolt
	memory *memory
	keys   *issuer.Keys
}

// openOperator is for a command where no service runs.
func openOperator(ctx context.Context, c *config.Config) (*operator, error) {
	store, err := openStore(c, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	memory, err := openMemory(ctx, store, c)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	keys, err := openKeys(c)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &operator{c.State.File, store, memory, keys}, nil
}

func (o *operator) close() error { return o.store.Close() }

// Rotate implements control.Operator.
func (o *operator) Rotate(_ context.Context, replace bool) (control.Rotation, error) {
	do := o.keys.Rotate
	if replace {
		do = o.keys.Replace
	}
	key, err := do()
	return control.Rotation{Key: key.ID, Signs: key.SignsFrom}, err
}

// Sessions implements control.Operator.
func (o *operator) Sessions(ctx context.Context) ([]control.Session, error) {
	var all []control.Session
	for s, err := range o.memory.sessions.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		all = append(all, control.Session{
			ID: s.ID, Subject: s.User, User: s.Name, Client: s.Client, Created: s.Created, Used: s.Used, Expires: s.Ends,
		})
	}
	return all, nil
}

// Revoke implements control.Operator.
func (o *operator) Revoke(ctx context.Context, t control.Target) (int, error) {
	switch t.Kind {
	case control.OneSession:
		err := o.memory.sessions.Revoke(ctx, t.Name)
		if errors.Is(err, state.ErrSession) {
			return 0, control.ErrTarget
		}
		return 1, err
	case control.OneUser:
		return o.revokeUser(ctx, t.Name)
	case control.OneToken:
		return 0, o.revokeToken(ctx, t.Name)
	case control.Everything:
		all, err := o.Sessions(ctx)
		if err != nil {
			return 0, err
		}
		return len(all), o.memory.sessions.RevokeAll(ctx)
	}
	return 0, errors.New("there is nothing of that kind to revoke")
}

// revokeUser takes a user name or an ID. A name is found among the sessions: a
// token has a session that outlives it.
func (o *operator) revokeUser(ctx context.Context, name string) (int, error) {
	all, err := o.Sessions(ctx)
	if err != nil {
		return 0, err
	}
	ended, ids := 0, map[string]bool{}
	for _, s := range all {
		if strings.EqualFold(s.User, name) || s.Subject == name {
			ended++
			ids[s.Subject] = true
		}
	}
	if ended == 0 {
		return 0, control.ErrTarget
	}
	for id := range ids {
		err = errors.Join(err, o.memory.sessions.RevokeUser(ctx, id))
	}
	return ended, err
}

// revokeToken keeps the revocation for as long as a token may live.
func (o *operator) revokeToken(ctx context.Context, jti string) error {
	return o.memory.revocations.Revoke(ctx, state.Token{ID: jti, Expiry: time.Now().Add(issuer.MaxTokenLife)})
}

// Backup implements control.Operator. The copy is made beside the state, where
// there is a disk, and streamed from there.
func (o *operator) Backup(ctx context.Context, w io.Writer) (err error) {
	folder, err := os.MkdirTemp(filepath.Dir(o.path), "backup-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	copied := filepath.Join(folder, "copy")
	if err := o.store.Backup(ctx, copied); err != nil {
		return err
	}
	f, err := os.Open(copied)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("the copy could not be sent: %w", err)
	}
	return nil
}
