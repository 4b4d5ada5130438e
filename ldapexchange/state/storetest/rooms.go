package storetest

// What stands on a store, where it depends on the store most: many at once.

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/ldapexchange/state"
)

const (
	user   = "5f0f-0001"
	client = "kubernetes"
)

func rooms(t *testing.T, p Place) (*state.Sessions, *state.Revocations) {
	t.Helper()
	const life = time.Hour
	revoked, err := state.NewRevocations(context.Background(), p, life, p.Now)
	if err != nil {
		t.Fatal(err)
	}
	return state.NewSessions(p, revoked, life, p.Now), revoked
}

func begin(t *testing.T, s *state.Sessions) (state.Session, secret.Text) {
	t.Helper()
	made, token, err := s.Create(context.Background(), state.Session{User: user, Client: client})
	if err != nil {
		t.Fatal(err)
	}
	return made, token
}

func rotate(s *state.Sessions, token secret.Text) (secret.Text, error) {
	_, next, err := s.Rotate(context.Background(), token, client, nil)
	return next, err
}

// atOnce does something n times at once.
func atOnce(n int, do func(i int) error) error {
	errs := make([]error, n)
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() { errs[i] = do(i) })
	}
	done.Wait()
	return errors.Join(errs...)
}

func rotatesOnce(t *testing.T, p Place) {
	sessions, _ := rooms(t, p)
	_, first := begin(t, sessions)
	tokens := make([]secret.Text, 50)
	if err := atOnce(len(tokens), func(i int) (err error) {
		tokens[i], err = rotate(sessions, first)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		if !token.Equal(tokens[0]) {
			t.Fatal("two successors are good")
		}
	}
	for _, name := range []string{"the successor", "the successor again"} { // a repeated answer
		if _, err := rotate(sessions, tokens[0]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := rotate(sessions, first)
	wantErr(t, "the first", err, state.ErrReuse)
}

func sessionsEnd(t *testing.T, p Place) {
	ctx := context.Background()
	sessions, revoked := rooms(t, p)
	made, token := begin(t, sessions)
	issued := state.Token{ID: "jti", Session: made.ID, User: made.User, IssuedAt: p.Now(), Expiry: p.Now().Add(time.Minute)}
	if err := revoked.Check(ctx, issued); err != nil {
		t.Errorf("a good token: %v", err)
	}
	var ended sync.WaitGroup
	for range 10 {
		ended.Go(func() {
			if err := sessions.Revoke(ctx, made.ID); err != nil && !errors.Is(err, state.ErrSession) {
				t.Error(err)
			}
		})
	}
	ended.Wait()
	wantErr(t, "a token of it", revoked.Check(ctx, issued), state.ErrRevoked)
	_, err := rotate(sessions, token)
	wantErr(t, "a renewal", err, state.ErrSession)
	p.Pass(time.Second)
	_, token = begin(t, sessions)
	p.Pass(time.Second)
	if err := sessions.RevokeUser(ctx, made.User); err != nil {
		t.Fatal(err)
	}
	_, err = rotate(sessions, token)
	wantErr(t, "a renewal after its user", err, state.ErrSession)
}

// countsTogether: what two processes count is one count.
func countsTogether(t *testing.T, p Place) {
	ctx, address := context.Background(), netip.MustParseAddr("192.0.2.7")
	var all []*state.Attempts
	for range 2 {
		a, err := state.NewAttempts(ctx, p, state.Limits{User: 4}, p.Now)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	for i := range 4 {
		attempt, err := all[i%2].Begin(ctx, "alice", address, secret.New(fmt.Sprint("guess-", i)))
		if err != nil {
			t.Fatal(i, err)
		}
		if err := attempt.Refused(ctx); err != nil {
			t.Error(err)
		}
		attempt.Done()
	}
	for _, a := range all {
		_, err := a.Begin(ctx, "alice", address, secret.New("guess-5"))
		if limited := (*state.LimitedError)(nil); !errors.As(err, &limited) {
			t.Errorf("one more: %v", err)
		}
	}
}

func boundsSessions(t *testing.T, p Place) {
	const more = 10
	sessions, _ := rooms(t, p)
	_, oldest := begin(t, sessions)
	p.Pass(time.Second)
	for range state.PerUser - 1 {
		begin(t, sessions)
	}
	p.Pass(time.Second)
	fresh := make([]secret.Text, more)
	if err := atOnce(more, func(i int) (err error) {
		_, fresh[i], err = sessions.Create(context.Background(), state.Session{User: user, Client: client})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, err := range sessions.List(context.Background(), user) {
		if err != nil {
			t.Fatal(err)
		}
		left++
	}
	if left != state.PerUser {
		t.Errorf("%d sessions", left)
	}
	_, err := rotate(sessions, oldest)
	wantErr(t, "the oldest", err, state.ErrSession)
	for _, token := range fresh {
		if _, err := rotate(sessions, token); err != nil {
			t.Errorf("a new one: %v", err)
		}
	}
}
