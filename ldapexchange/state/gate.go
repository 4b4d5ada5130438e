package state

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrBusy: the context ended while logins of the same user were still under way.
var ErrBusy = errors.New("state: too many logins of this user are under way")

// gate is where the logins of one user wait for each other.
type gate struct {
	place   string
	refs    int // under Attempts.mu; without any the gate goes
	mu      sync.Mutex
	inside  int           // logins under way
	lost    int           // failures that could not be written
	changed chan struct{} // closed when one leaves
}

// enter returns the user's gate, passed.
func (a *Attempts) enter(ctx context.Context, t *Attempt) (*gate, error) {
	g := a.hold(t.user)
	for {
		changed, err := a.tryEnter(ctx, g, t.digest)
		if changed == nil && err == nil {
			return g, nil
		}
		if err == nil {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		a.release(g)
		if over := ctx.Err(); over != nil && errors.Is(err, over) { // the store says so as well
			err = fmt.Errorf("%w: %w", ErrBusy, err)
		}
		return nil, err
	}
}

// tryEnter passes the gate, or says for what to wait. That the password is
// known to be wrong may have turned out while this one waited.
func (a *Attempts) tryEnter(ctx context.Context, g *gate, password digest) (<-chan struct{}, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a.wrong.has(password, a.now()) {
		return nil, ErrKnownWrong
	}
	failures, until, err := a.failures(ctx, g.place)
	if err != nil {
		return nil, err
	}
	if failures+g.lost >= a.limits.User {
		if until.IsZero() {
			until = a.now().Add(a.limits.Window)
		}
		return nil, &LimitedError{"user", until.Sub(a.now())}
	}
	if failures+g.lost+g.inside >= a.limits.User {
		return g.changed, nil
	}
	g.inside++
	return nil, nil
}

func (a *Attempts) leave(g *gate) {
	g.mu.Lock()
	g.inside--
	close(g.changed)
	g.changed = make(chan struct{})
	g.mu.Unlock()
	a.release(g)
}

// lose counts a failure here that the store did not take, for a window.
func (a *Attempts) lose(g *gate) {
	a.hold(g.place)
	g.mu.Lock()
	g.lost++
	g.mu.Unlock()
	time.AfterFunc(a.limits.Window, func() {
		g.mu.Lock()
		g.lost--
		g.mu.Unlock()
		a.release(g)
	})
}

func (a *Attempts) hold(place string) *gate {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.gates[place]
	if g == nil {
		g = &gate{place: place, changed: make(chan struct{})}
		a.gates[place] = g
	}
	g.refs++
	return g
}

func (a *Attempts) release(g *gate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g.refs--; g.refs == 0 {
		delete(a.gates, g.place)
	}
}
