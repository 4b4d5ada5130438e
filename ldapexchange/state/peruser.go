package state

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"sync"
)

// PerUser is how many sessions one user may have: of one more that ends which was
// not renewed for the longest time. A person with a laptop or two never gets
// there; a machine that signs in again and again, in place of renewing, leaves
// of each a mark that is small and ends with the session's life. While some sign
// in at once there may be as many more as are on their way.
const PerUser = 100

// makeRoom ends sessions of a user that are not in use, now that there is a new one. It ends
// them though the caller is gone: who hangs up each time would have no bound.
//
// The new one stays whatever its age: a clock that was put back locks nobody out.
// What was revoked and lies there still counts as well. It is older than what
// was not, so that it goes first.
func (s *Sessions) makeRoom(ctx context.Context, made Session) error {
	ctx = context.WithoutCancel(ctx)
	others, err := s.others(ctx, made)
	if err != nil || len(others) < PerUser {
		return err
	}
	old := make([]Session, len(others))
	for i, e := range others {
		r, err := parseSession(e)
		if err != nil { // nobody can go on with it
			r.ID = e.Key[len(sessionPrefix):]
		}
		old[i] = r.Session
	}
	slices.SortStableFunc(old, func(a, b Session) int { return a.Used.Compare(b.Used) })
	return s.revokeEach(ctx, old[:len(old)-PerUser+1])
}

// others are a user's sessions but this one, not read yet: they are few as a
// rule, and then counting them is all.
func (s *Sessions) others(ctx context.Context, made Session) (others []Entry, err error) {
	for e, err := range s.store.List(ctx, userPrefix(made.User)) {
		if err != nil {
			return nil, err
		}
		if e.Key != sessionPrefix+made.ID {
			others = append(others, e)
		}
	}
	return others, nil
}

// revokeEach ends sessions at once, since a store writes together what comes
// together. One that another has ended meanwhile is ended.
func (s *Sessions) revokeEach(ctx context.Context, all []Session) error {
	errs := make([]error, len(all))
	var done sync.WaitGroup
	for i, one := range all {
		done.Go(func() {
			if err := s.Revoke(ctx, one.ID); !errors.Is(err, ErrSession) {
				errs[i] = err
			}
		})
	}
	done.Wait()
	return errors.Join(errs...)
}

// userPrefix is where the keys of a user's sessions begin.
func userPrefix(user string) string {
	return sessionPrefix + base64.RawURLEncoding.EncodeToString(userHash(user)) + "."
}
