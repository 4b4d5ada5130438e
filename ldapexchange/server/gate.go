package server

// One password check at a time for a user. Were two to run side by side, both
// would find the count of failures below the limit: a thousand at once would be
// a thousand guesses. Different users do not wait for each other.

import (
	"context"
	"sync"
)

// maxWaiting is how many may wait for one user's turn.
const maxWaiting = 64

type gate struct {
	mu   sync.Mutex
	held map[string]*turn
}

type turn struct {
	ch      chan struct{} // holds one element while somebody is in
	waiting int           // and who is in
}

func newGate() *gate { return &gate{held: map[string]*turn{}} }

// enter waits for the user's turn and returns what ends it, or false: too many
// wait, or ctx has ended.
func (g *gate) enter(ctx context.Context, user string) (leave func(), ok bool) {
	g.mu.Lock()
	t := g.held[user]
	if t == nil {
		t = &turn{ch: make(chan struct{}, 1)}
		g.held[user] = t
	}
	if t.waiting >= maxWaiting {
		g.mu.Unlock()
		return nil, false
	}
	t.waiting++
	g.mu.Unlock()
	select {
	case t.ch <- struct{}{}:
		return func() { <-t.ch; g.drop(user, t) }, true
	case <-ctx.Done():
		g.drop(user, t)
		return nil, false
	}
}

func (g *gate) drop(user string, t *turn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.waiting--; t.waiting == 0 {
		delete(g.held, user)
	}
}
