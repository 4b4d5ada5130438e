// Package signin is the way of a credential: from the cache, else by a
// refresh, else by a login, and back into the cache, one process at a time for
// each entry.
//
// Its rules:
//   - A credential that lives long enough is served without a lock, a write to
//     the cache or a request.
//   - Whoever waited for the lock reads again: another process may have done
//     the work, or have failed at it, and then the waiter fails too.
//   - A login follows only when there is no session or the provider said that
//     it has ended, never when the network failed.
//   - While a credential lives, no failure to renew it is a failure, unless a
//     renewal is what was asked for.
//   - What renews a session is stored before the credential is handed out,
//     since the provider may have rotated it.
//   - A failed save warns; it does not throw a good credential away.
//   - Clients run a plugin again and again. What has just failed is not tried
//     again at once (pause.go), and who asks again for what they were just
//     given may have been refused with it (caller.go).
package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/kubecred/kubecred/cache"
)

// Grant is what a login or a refresh brings.
type Grant struct {
	Credential Credential
	// Session is what Refresh needs the next time, and opaque here. Empty
	// where nothing renews the credential.
	Session []byte
	// About describes the entry to status and logout, and is opaque here. A
	// refresh that leaves it empty keeps what is known.
	About []byte
	// Asked: a person was asked for it, and would be again.
	Asked bool
}

// Authenticator is what this package needs of a provider or an exchange. Its
// errors wrap one of this package's where that one tells them apart.
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
	Store  *cache.Store
	ID     cache.ID
	Auth   Authenticator
	Caller Caller

	// Force renews the credential though it lives.
	Force bool
	// Anew logs in though there is a session.
	Anew bool
	// Deliberate is a login that a person asked for by name. It passes over
	// what failed before and begins a clean page, and it refuses a login whose
	// result could not be stored. Without it such a credential is used once
	// and forgotten.
	Deliberate bool

	Now  func() time.Time
	Log  *slog.Logger
	Warn func(text string, err error) // tells the person of what did not stop us
	// Await tells the person, if it takes long, that another process is in the
	// way, until what it returns is called.
	Await func() (done func())
}

// Work is what there is to do where the cache alone does not serve.
type Work struct {
	held  entry
	why   reason
	began time.Time
}

type reason string

const (
	missing reason = "there is no credential that lives"
	forced  reason = "a new one was asked for"
	early   reason = "it is about to expire"
	refused reason = "it may have been refused"
)

// Cached returns the credential that can be served as it is: no lock, no
// request, no write to the cache. Where that cannot be it returns the Work to
// Do. Errors are the cache's, where what it holds may be good but cannot be
// opened now (*cache.LockedError and the like).
func (f *Flow) Cached(ctx context.Context) (Credential, *Work, error) {
	held, err := f.load(ctx)
	if err != nil {
		return Credential{}, nil, err
	}
	if why := f.unfit(held); why != "" {
		f.Log.Info("not served from the cache", "entry", f.ID, "because", string(why))
		return Credential{}, &Work{held, why, f.Now()}, nil
	}
	f.Log.Info("served from the cache", "entry", f.ID)
	return held.Credential, nil, nil
}

// unfit says why an entry cannot be served as it is; "" where it can.
func (f *Flow) unfit(held entry) reason {
	switch {
	case f.Force || f.Anew, f.Deliberate && !f.memo().Ended.IsZero():
		return forced
	case !held.Credential.lives(f.Now()):
		return missing
	case len(held.Session) == 0: // nothing would renew it
		return ""
	case held.Credential.wantsRenewal(f.Now()):
		return f.unlessTried(early)
	case f.handed(held.Credential):
		return f.unlessTried(refused)
	}
	return ""
}

// unlessTried lets what was tried of late be.
func (f *Flow) unlessTried(why reason) reason {
	if f.memo().tried(why, f.Now()) {
		return ""
	}
	return why
}

// Do returns a credential that lives. It may wait, for another process too.
// Errors: those of the Authenticator and of the cache's lock, *PausedError,
// ErrNotKept, and those of Cached.
func (f *Flow) Do(ctx context.Context, w *Work) (Credential, error) {
	c, err := f.do(ctx, w)
	if err == nil {
		f.handed(c)
	}
	return c, err
}

func (f *Flow) do(ctx context.Context, w *Work) (Credential, error) {
	if w.why == early || w.why == refused {
		if c := f.renewAside(ctx, w); c.lives(f.Now()) {
			return c, nil // else its last seconds went by meanwhile
		}
	}
	return f.obtain(ctx, w)
}

// Get is Cached and, where it takes that, Do.
func (f *Flow) Get(ctx context.Context) (Credential, error) {
	c, work, err := f.Cached(ctx)
	if work == nil {
		return c, err
	}
	return f.Do(ctx, work)
}

// obtain gets a credential under the entry's lock, waiting for it. Where a new
// one was asked for, only one that was issued since will do.
func (f *Flow) obtain(ctx context.Context, w *Work) (Credential, error) {
	done := f.Await()
	unlock, err := f.Store.Lock(ctx, f.ID)
	done()
	if err != nil {
		return Credential{}, err
	}
	defer unlock()
	held, err := f.load(ctx)
	if err != nil {
		return Credential{}, err
	}
	if held.Credential.lives(f.Now()) && (w.why != forced || held.Credential.Issued.After(w.began)) {
		return held.Credential, nil
	}
	if f.Deliberate {
		f.clearNotes() // a clean page
	}
	if err := f.mayAsk(w.began); err != nil {
		return Credential{}, err
	}
	if len(held.Session) == 0 || f.Anew {
		return f.login(ctx, held, w.began)
	}
	cred, err := f.refresh(ctx, held)
	if errors.Is(err, ErrSessionEnded) {
		f.Log.Info("the session has ended", "entry", f.ID)
		return f.login(ctx, held, w.began)
	}
	f.noteOffline(err)
	return cred, err
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
		f.note(func(m *memo) { m.Ended = moment{f.Now()} }) // whoever signs in by name gets a new one
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
	f.clearNotes()
	return grant.Credential, nil
}

// login asks first whether the result can be stored: a person who went
// through a browser for nothing does it again for each command.
func (f *Flow) login(ctx context.Context, held entry, began time.Time) (Credential, error) {
	if err := f.mayLogIn(held, began); err != nil {
		return Credential{}, err
	}
	home, err := f.Store.Prepare(ctx)
	if f.Deliberate && err != nil {
		return Credential{}, err
	}
	if f.Deliberate && home == cache.Nowhere {
		return Credential{}, ErrNotKept
	}
	grant, err := f.Auth.Login(ctx)
	if err != nil {
		f.noteFailure(ctx, err)
		return Credential{}, err
	}
	switch err := f.save(ctx, entry(grant)); {
	case err != nil && f.Deliberate:
		return Credential{}, err
	case err != nil && grant.Asked: // else every call would ask them
		f.noteFailure(ctx, fmt.Errorf("the credential could not be stored: %w", err))
	default:
		f.clearNotes()
	}
	return grant.Credential, nil
}

// load reads the entry. A miss is an empty entry. So is a cache that this
// machine does not have: it keeps nothing that could be lost. One that is
// locked or silent may hold a good credential, and is an error.
func (f *Flow) load(ctx context.Context) (entry, error) {
	record, err := f.Store.Load(ctx, f.ID)
	var absent *cache.UnavailableError
	switch {
	case errors.Is(err, cache.ErrMiss):
		return entry{}, nil
	case errors.As(err, &absent) && (absent.Reason == cache.Absent || absent.Reason == cache.Refused):
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
	if err != nil && !f.Deliberate {
		f.Warn("the credential could not be stored", err)
	}
	return err
}
