// Package signin is the way of a credential: from the cache, else by a
// refresh, else by a login, and back into the cache, one process at a time for
// each entry.
//
// Its rules:
//   - A credential that lives long enough is served without a lock, a write or
//     a request.
//   - Whoever waited for the lock reads again: another process may have done
//     the work.
//   - A login follows only when there is no session or the provider said that
//     it has ended, never when the network failed.
//   - While a credential lives, no failure to renew it is a failure, unless a
//     renewal is what was asked for.
//   - What renews a session is stored before the credential is handed out,
//     since the provider may have rotated it.
//   - A failed save warns; it does not throw a good credential away.
package signin

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/kubecred/kubecred/cache"
)

// ErrSessionEnded is what an Authenticator's Refresh wraps when the provider
// said that nothing but a login helps (invalid_grant, RFC 6749, section 5.2).
var ErrSessionEnded = errors.New("the session has ended")

// ErrNotKept is a login whose result would be kept nowhere (MustStore).
var ErrNotKept = errors.New("nothing is kept with this storage, so signing in ahead of time is for nothing")

// Grant is what a login or a refresh brings.
type Grant struct {
	Credential Credential
	// Session is what Refresh needs the next time, and opaque here. Empty
	// where nothing renews the credential.
	Session []byte
	// About describes the entry to status and logout, and is opaque here. A
	// refresh that leaves it empty keeps what is known.
	About []byte
}

// Authenticator is what this package needs of a provider or an exchange.
type Authenticator interface {
	// Refresh renews a session without a person. When the session is over,
	// its error wraps ErrSessionEnded. With any other error the Grant may
	// hold a Session alone, which takes the place of the one that was spent.
	// It sends one request that matters.
	Refresh(ctx context.Context, session []byte) (Grant, error)
	// Login begins a session, by asking a person or with what a machine has.
	Login(ctx context.Context) (Grant, error)
}

// Flow is the way of one entry's credential.
type Flow struct {
	Store *cache.Store
	ID    cache.ID
	Auth  Authenticator

	// Force renews the credential though it lives.
	Force bool
	// Anew logs in though there is a session.
	Anew bool
	// MustStore refuses a login whose result could not be stored. Without it
	// the credential is used once and forgotten.
	MustStore bool

	Now  func() time.Time
	Log  *slog.Logger
	Warn func(text string, err error) // tells the person of what did not stop us
}

// Cached returns the credential that can be served as it is: no lock, no
// request, no write. ok is false where Get has work to do. Errors are the
// cache's, where what it holds may be good but cannot be opened now
// (*cache.LockedError and the like).
func (f *Flow) Cached(ctx context.Context) (c Credential, ok bool, err error) {
	held, err := f.load(ctx)
	if err != nil || f.Force || f.Anew || !held.Credential.lives(f.Now()) || f.wantsRenewal(held) {
		return Credential{}, false, err
	}
	f.Log.Info("served from the cache", "entry", f.ID)
	return held.Credential, true, nil
}

// wantsRenewal reports whether it is time to renew, and there is a way to.
func (f *Flow) wantsRenewal(held entry) bool {
	return len(held.Session) > 0 && held.Credential.wantsRenewal(f.Now())
}

// Get returns a credential that lives. Errors: those of the Authenticator, of
// the cache's lock, and of Cached.
func (f *Flow) Get(ctx context.Context) (Credential, error) {
	began := f.Now()
	if c, ok, err := f.Cached(ctx); ok || err != nil {
		return c, err
	}
	held, err := f.load(ctx)
	if err != nil {
		return Credential{}, err
	}
	forced := f.Force || f.Anew
	if !forced && held.Credential.lives(began) {
		if c := f.renewEarly(ctx, held); c.lives(f.Now()) {
			return c, nil // else its last seconds went by meanwhile
		}
	}
	return f.obtain(ctx, began, forced)
}

// obtain gets a credential under the entry's lock, waiting for it. With
// forced, only a credential issued since began will do.
func (f *Flow) obtain(ctx context.Context, began time.Time, forced bool) (Credential, error) {
	unlock, err := f.Store.Lock(ctx, f.ID)
	if err != nil {
		return Credential{}, err
	}
	defer unlock()
	held, err := f.load(ctx)
	if err != nil {
		return Credential{}, err
	}
	if held.Credential.lives(f.Now()) && (!forced || held.Credential.Issued.After(began)) {
		return held.Credential, nil
	}
	if len(held.Session) == 0 || f.Anew {
		return f.login(ctx)
	}
	cred, err := f.refresh(ctx, held)
	if errors.Is(err, ErrSessionEnded) {
		f.Log.Info("the session has ended", "entry", f.ID)
		return f.login(ctx)
	}
	return cred, err
}

// earlyRenewal bounds a renewal that nobody needs yet.
const earlyRenewal = 2 * time.Second

// renewEarly tries to renew a credential that still lives, and returns the
// living one whatever goes wrong. It waits for nobody: who holds the lock is
// renewing it already.
func (f *Flow) renewEarly(ctx context.Context, held entry) Credential {
	ctx, cancel := context.WithTimeout(ctx, earlyRenewal)
	defer cancel()
	unlock, ok, err := f.Store.TryLock(f.ID)
	if err != nil || !ok {
		f.Log.Info("early renewal left to another", "entry", f.ID, "error", err)
		return held.Credential
	}
	defer unlock()
	again, err := f.load(ctx)
	if err != nil || !again.Credential.lives(f.Now()) {
		return held.Credential
	}
	if !f.wantsRenewal(again) {
		return again.Credential
	}
	cred, err := f.refresh(ctx, again)
	if err != nil {
		f.Log.Info("early renewal failed", "entry", f.ID, "error", err)
		return again.Credential
	}
	return cred
}

// refresh renews a session under the lock. A session that has ended is
// forgotten, so that no later process sends its dead token again.
func (f *Flow) refresh(ctx context.Context, held entry) (Credential, error) {
	f.Log.Info("renewing the session", "entry", f.ID)
	grant, err := f.Auth.Refresh(ctx, held.Session)
	switch {
	case errors.Is(err, ErrSessionEnded):
		held.Session = nil
		f.save(ctx, held)
	case err != nil && len(grant.Session) > 0:
		held.Session = grant.Session
		f.save(ctx, held)
	}
	if err != nil {
		return Credential{}, err
	}
	if len(grant.About) == 0 {
		grant.About = held.About
	}
	f.save(ctx, entry(grant))
	return grant.Credential, nil
}

// login asks first whether the result can be stored: a person who went
// through a browser for nothing does it again for each command.
func (f *Flow) login(ctx context.Context) (Credential, error) {
	home, err := f.Store.Prepare(ctx)
	if f.MustStore && err != nil {
		return Credential{}, err
	}
	if f.MustStore && home == cache.Nowhere {
		return Credential{}, ErrNotKept
	}
	grant, err := f.Auth.Login(ctx)
	if err != nil {
		return Credential{}, err
	}
	if err := f.save(ctx, entry(grant)); f.MustStore && err != nil {
		return Credential{}, err
	}
	return grant.Credential, nil
}

// load reads the entry. A miss is an empty entry. So is a cache that this
// machine does not have: it keeps nothing that could be lost. One that is
// locked or silent may hold a good credential, and is an error.
func (f *Flow) load(ctx context.Context) (entry, error) {
	record, err := f.Store.Load(ctx, f.ID)
	var missing *cache.UnavailableError
	switch {
	case errors.Is(err, cache.ErrMiss):
		return entry{}, nil
	case errors.As(err, &missing) && (missing.Reason == cache.Absent || missing.Reason == cache.Refused):
		return entry{}, nil
	case err != nil:
		return entry{}, err
	}
	return decode(record), nil
}

// save stores e although ctx may have ended: a rotated session that is not
// stored is a lost one. A failure is warned of.
func (f *Flow) save(ctx context.Context, e entry) error {
	record, err := e.encode()
	if err == nil {
		err = f.Store.Save(context.WithoutCancel(ctx), f.ID, record)
	}
	if err != nil && !f.MustStore {
		f.Warn("the credential could not be stored", err)
	}
	return err
}
