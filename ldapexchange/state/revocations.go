package state

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

const (
	revokedPrefix = "revoked/"
	// slack is how much longer than a token its revocation is kept: verifiers
	// grant a token some seconds beyond its end.
	slack = 2 * time.Minute
	// MaxSession is the longest that a session can be configured to live. What
	// ends a user's sessions is kept for as long, since some may have begun
	// while sessions lived longer than now.
	MaxSession = 30 * 24 * time.Hour
)

// ErrRevoked: the token or its session was revoked, or is older than what the
// store knows.
var ErrRevoked = errors.New("state: revoked")

// Token is what a revocation may speak of: a token's own claims.
type Token struct {
	ID       string // jti
	Session  string // sid; empty where there is none
	User     string // sub
	IssuedAt time.Time
	Expiry   time.Time
}

// Revocations say which tokens are good no more. Each is kept until everything
// it speaks of has ended by itself.
//
// Tokens know their beginning to the second only: revoking a user's "until now"
// also refuses one that is issued later in the same second, whose owner asks
// again.
type Revocations struct {
	store Store
	keep  time.Duration
	now   func() time.Time
	epoch time.Time
}

// NewRevocations returns the revocations of a store. life is that of a
// session, or of a token where that is longer. now may be nil. Errors:
// ErrUnavailable.
func NewRevocations(ctx context.Context, store Store, life time.Duration, now func() time.Time) (*Revocations, error) {
	if now == nil {
		now = time.Now
	}
	epoch, err := store.Epoch(ctx)
	return &Revocations{store, life + slack, now, epoch.Truncate(time.Second)}, err
}

// Epoch is the moment before which the store knows nothing: what was issued
// before is refused.
func (r *Revocations) Epoch() time.Time { return r.epoch }

// Check returns nil for a token that is good, or ErrRevoked; ErrUnavailable
// where that cannot be told, which MUST NOT pass for good.
func (r *Revocations) Check(ctx context.Context, t Token) error {
	if t.IssuedAt.Before(r.epoch) {
		return ErrRevoked
	}
	id, session, user := idKey(t.ID), sessionKey(t.Session), userKey(t.User)
	marks, err := r.store.GetAll(ctx, id, session, user, allKey())
	if err != nil {
		return err
	}
	for _, mark := range marks {
		if mark.Key == id || mark.Key == session || refuses(mark, t.IssuedAt) {
			return ErrRevoked
		}
	}
	return nil
}

// check is Check for a session: it is as old as its beginning.
func (r *Revocations) check(ctx context.Context, s Session) error {
	return r.Check(ctx, Token{Session: s.ID, User: s.User, IssuedAt: s.Created})
}

// refuses reports whether a moment's mark, or one that cannot be read, speaks of
// what was issued then.
func refuses(mark Entry, issued time.Time) bool {
	return len(mark.Value) != 8 || !issued.After(time.Unix(0, int64(binary.BigEndian.Uint64(mark.Value))))
}

// Revoke ends one token. Errors: ErrUnavailable.
func (r *Revocations) Revoke(ctx context.Context, t Token) error {
	return r.mark(ctx, idKey(t.ID), nil, t.Expiry.Add(slack))
}

// session ends one; remains are for whoever asks whose it was.
func (r *Revocations) session(ctx context.Context, id string, remains []byte) error {
	return r.mark(ctx, sessionKey(id), remains, r.now().Add(r.keep))
}

func (r *Revocations) user(ctx context.Context, user string) error {
	return r.moment(ctx, userKey(user))
}

func (r *Revocations) all(ctx context.Context) error { return r.moment(ctx, allKey()) }

// moment refuses what was issued until now.
func (r *Revocations) moment(ctx context.Context, key string) error {
	now := r.now()
	return r.mark(ctx, key, binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano())), now.Add(max(r.keep, MaxSession+slack)))
}

// mark writes an entry whatever was there.
func (r *Revocations) mark(ctx context.Context, key string, value []byte, expiry time.Time) error {
	for {
		old, err := r.store.Get(ctx, key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if _, err = r.store.Put(ctx, key, value, old.Version, expiry); !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

func idKey(id string) string      { return revokedPrefix + "token/" + bounded(id) }
func sessionKey(id string) string { return revokedPrefix + "session/" + bounded(id) }
func userKey(user string) string {
	return revokedPrefix + "user/" + base64.RawURLEncoding.EncodeToString(userHash(user))
}
func allKey() string { return revokedPrefix + "all" }

// bounded keeps what comes from outside within a key's bounds.
func bounded(id string) string {
	if len(id) > 128 {
		return "#" + base64.RawURLEncoding.EncodeToString(userHash(id))
	}
	return id
}
