package main

// Sessions, revocations and limits, as the server knows them.

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/ldapexchange/issuer"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
	"github.com/kubecred/kubecred/ldapexchange/server"
	"github.com/kubecred/kubecred/ldapexchange/state"
)

// memory is what stands on a store.
type memory struct {
	sessions    *state.Sessions
	revocations *state.Revocations
}

func openMemory(ctx context.Context, store state.Store, c *config.Config) (*memory, error) {
	// What ends a session outlives its tokens, which may be older than tokens.lifetime.
	revocations, err := state.NewRevocations(ctx, store, max(c.Tokens.Session, issuer.MaxTokenLife), nil)
	if err != nil {
		return nil, err
	}
	return &memory{state.NewSessions(store, revocations, c.Tokens.Session, nil), revocations}, nil
}

// sessions is state.Sessions with the server's own words.
type sessions struct{ *state.Sessions }

func (s sessions) Create(ctx context.Context, wanted server.Session) (server.Session, secret.Text, error) {
	made, token, err := s.Sessions.Create(ctx, state.Session{
		User: wanted.User, Name: wanted.Name, Client: wanted.Client, Audience: wanted.Audience, Scope: strings.Join(wanted.Scope, " "),
	})
	return sessionOf(made), token, fromState(err)
}

func (s sessions) Find(ctx context.Context, refresh secret.Text) (server.Session, error) {
	found, err := s.Sessions.Find(ctx, refresh)
	return sessionOf(found), fromState(err)
}

func (s sessions) Rotate(ctx context.Context, refresh secret.Text, client string) (secret.Text, error) {
	_, next, err := s.Sessions.Rotate(ctx, refresh, client, nil)
	return next, fromState(err)
}

func (s sessions) Get(ctx context.Context, id string) (server.Session, error) {
	found, err := s.Sessions.Get(ctx, id)
	return sessionOf(found), fromState(err)
}

// End ends the session and its tokens.
func (s sessions) End(ctx context.Context, id string) error {
	err := s.Revoke(ctx, id)
	if errors.Is(err, state.ErrSession) {
		return nil
	}
	return fromState(err)
}

func sessionOf(s state.Session) server.Session {
	return server.Session{
		ID: s.ID, User: s.User, Name: s.Name, Client: s.Client, Audience: s.Audience,
		Scope: strings.Fields(s.Scope), Created: s.Created, Expiry: s.Ends,
	}
}

// fromState gives an error the server's meaning.
func fromState(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, state.ErrSession):
		return server.ErrNoSession
	case errors.Is(err, state.ErrReuse):
		return server.ErrReused
	}
	return fmt.Errorf("%w: %w", server.ErrUnavailable, err)
}

// revocations is state.Revocations with the server's own words.
type revocations struct{ *state.Revocations }

func (r revocations) RevokeToken(ctx context.Context, jti string, expiry time.Time) error {
	return fromState(r.Revoke(ctx, state.Token{ID: jti, Expiry: expiry}))
}

func (r revocations) Revoked(ctx context.Context, c server.Claims) (bool, error) {
	err := r.Check(ctx, state.Token{ID: c.ID, Session: c.Session, User: c.Subject, IssuedAt: c.IssuedAt, Expiry: c.Expiry})
	if errors.Is(err, state.ErrRevoked) {
		return true, nil
	}
	return false, fromState(err)
}

func limitsOf(l config.Limits) state.Limits {
	return state.Limits{User: l.FailuresPerUser, Address: l.FailuresPerAddress, Window: l.Window}
}

// limits is state.Attempts with the server's own words.
type limits struct{ *state.Attempts }

func (l limits) Begin(ctx context.Context, user string, address netip.Addr, password secret.Text) (server.Attempt, error) {
	attempt, err := l.Attempts.Begin(ctx, user, address, password)
	var limited *state.LimitedError
	switch {
	case err == nil:
		return attempt, nil
	case errors.As(err, &limited):
		return nil, &server.LimitedError{After: limited.After}
	case errors.Is(err, state.ErrKnownWrong):
		return nil, server.ErrCredentials
	case errors.Is(err, state.ErrBusy):
		return nil, fmt.Errorf("%w: %w", server.ErrBusy, err)
	}
	return nil, fromState(err)
}
