package state

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// Limits of Attempts. What is 0 takes the value in parentheses.
type Limits struct {
	// User is how many failures a user may have (4). It has to be below the
	// directory's own lockout, divided by the number of names by which a user
	// may sign in (alice, alice@corp.example).
	User int
	// Address is how many come from one address, or one /64 of IPv6 (50). Only
	// failures count: how many good logins come from one NAT does not matter.
	Address int
	// Window is how long after the last failure the count begins anew (15
	// minutes). It has to be as long as the directory's.
	Window time.Duration
	// Remember is how long a refused password is refused again without asking
	// the directory (1 hour).
	Remember time.Duration
}

func (l Limits) complete() Limits {
	if l.User == 0 {
		l.User = 4
	}
	if l.Address == 0 {
		l.Address = 50
	}
	if l.Window == 0 {
		l.Window = 15 * time.Minute
	}
	if l.Remember == 0 {
		l.Remember = time.Hour
	}
	return l
}

// LimitedError: too many failures. The directory is not asked.
type LimitedError struct {
	By    string // "user" or "address"
	After time.Duration
}

// Error implements error.
func (e *LimitedError) Error() string {
	return fmt.Sprintf("state: too many failures of this %s; try again in %s", e.By, e.After.Round(time.Second))
}

// ErrKnownWrong: the directory refused this password for this user a while
// ago, and nothing says that it would not now. The answer to it is that to a
// wrong password.
var ErrKnownWrong = errors.New("state: this password was refused before")

// Attempts counts failures. The counts are in the Store, in tables of a fixed
// size: a name's place in one is a keyed hash of it. Two names may share a
// place and then are counted together; so a table is neither flooded nor are
// counts pushed out of it, and no name is in it.
//
// Passwords that were refused are remembered in memory alone, as an HMAC under
// a key of the process's: after a restart each costs the directory one more
// bind, and nothing that lies on a disk helps to guess one.
type Attempts struct {
	limits Limits
	*tally
}

// tally is what Attempts know, whatever their limits.
type tally struct {
	store Store
	now   func() time.Time
	key   []byte // of the places
	wrong digests
	mu    sync.Mutex
	gates map[string]*gate // of users who are trying now
}

const (
	attemptPrefix = "attempt/"
	placesKey     = "attempt/key"
)

// NewAttempts returns the counts of a store. now may be nil. Errors:
// ErrUnavailable.
func NewAttempts(ctx context.Context, store Store, limits Limits, now func() time.Time) (*Attempts, error) {
	if now == nil {
		now = time.Now
	}
	a := &Attempts{limits.complete(), &tally{store: store, now: now, wrong: newDigests(), gates: map[string]*gate{}}}
	if _, err := store.Put(ctx, placesKey, randomBytes(32), 0, time.Time{}); err != nil && !errors.Is(err, ErrConflict) {
		return nil, err
	}
	e, err := store.Get(ctx, placesKey) // another process may have been first
	a.key = e.Value
	return a, err
}

// WithLimits returns the same counts under other limits. What a has in memory
// alone the two share.
func (a *Attempts) WithLimits(limits Limits) *Attempts {
	return &Attempts{limits.complete(), a.tally}
}

// Attempt is one login under way. Done MUST be called at its end.
type Attempt struct {
	a             *Attempts
	user, address string // their places
	digest        digest
	gate          *gate
	once          sync.Once
}

// Begin asks whether the directory may be asked. While failures are left to a
// user, as many of their logins go on at once; others wait for these, so that
// guesses sent together do not all pass before the first of them is counted. They
// wait until the context ends, which the caller has to bound.
//
// Errors: *LimitedError, ErrKnownWrong, ErrBusy, ErrUnavailable, the context's.
func (a *Attempts) Begin(ctx context.Context, user string, address netip.Addr, password secret.Text) (*Attempt, error) {
	user = fold(user)
	t := &Attempt{
		a: a, user: a.place("user", user), address: a.place("address", network(address)),
		digest: a.wrong.of(user, password),
	}
	failures, until, err := a.failures(ctx, t.address)
	if err != nil {
		return nil, err
	}
	if failures >= a.limits.Address {
		return nil, &LimitedError{"address", until.Sub(a.now())}
	}
	if t.gate, err = a.enter(ctx, t); err != nil {
		return nil, err
	}
	return t, nil
}

// Refused counts a failure: the directory does not know the user or the
// password. It counts though whoever asked is gone. Errors: ErrUnavailable; the
// failure then counts in this process.
func (t *Attempt) Refused(ctx context.Context) error {
	t.a.wrong.add(t.digest, t.a.now().Add(t.a.limits.Remember))
	return t.Barred(ctx)
}

// Barred counts a failure that is the account's: it is locked, or disabled. The
// password may be the right one, and is not remembered: an administrator may
// let the account in again. Otherwise it is Refused.
func (t *Attempt) Barred(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	err := t.a.add(ctx, t.user)
	if err != nil {
		t.a.lose(t.gate)
	}
	return errors.Join(err, t.a.add(ctx, t.address))
}

// Passed forgets the user's failures, as directories do, but not the
// address's: who has an account could guess those of others in between.
// Errors: ErrUnavailable.
func (t *Attempt) Passed(ctx context.Context) error {
	if _, err := t.a.store.Get(ctx, t.user); errors.Is(err, ErrNotFound) {
		return nil
	}
	if err := t.a.store.Delete(ctx, t.user, 0); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// Done lets those go on who wait for this one. It may be called again.
func (t *Attempt) Done() { t.once.Do(func() { t.a.leave(t.gate) }) }

// failures returns a place's count, and when it ends.
func (a *Attempts) failures(ctx context.Context, place string) (int, time.Time, error) {
	e, err := a.store.Get(ctx, place)
	if errors.Is(err, ErrNotFound) {
		return 0, time.Time{}, nil
	}
	return count(e), e.Expiry, err
}

func count(e Entry) int {
	if len(e.Value) != 4 {
		return 0
	}
	return int(binary.BigEndian.Uint32(e.Value))
}

func (a *Attempts) add(ctx context.Context, place string) error {
	for {
		e, err := a.store.Get(ctx, place)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		value := binary.BigEndian.AppendUint32(nil, uint32(min(count(e)+1, 1<<30)))
		if _, err = a.store.Put(ctx, place, value, e.Version, a.now().Add(a.limits.Window)); !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

// place is where a name is counted: one of 65,536.
func (a *Attempts) place(table, name string) string {
	mac := hmac.New(sha256.New, a.key)
	mac.Write([]byte(table + "\x00" + name))
	return fmt.Sprintf("%s%s/%x", attemptPrefix, table, mac.Sum(nil)[:2])
}

func network(address netip.Addr) string {
	address = address.Unmap().WithZone("")
	if address.Is6() {
		if prefix, err := address.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}
