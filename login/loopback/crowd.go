package loopback

// The bound on open connections.

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// crowd bounds the open connections: when one too many comes, the oldest is
// closed. So idle connections, however many, neither use up the descriptors
// nor keep the real answer out. Connections that wait for the result are kept.
type crowd struct {
	limit int

	mu    sync.Mutex
	queue []*guest // oldest first
}

type guest struct {
	conn net.Conn
	kept bool
}

type guestKey struct{}

// enter is an http.Server's ConnContext.
func (c *crowd) enter(ctx context.Context, conn net.Conn) context.Context {
	g := &guest{conn: conn}
	c.mu.Lock()
	c.queue = append(c.queue, g)
	evicted := c.oneTooMany()
	c.mu.Unlock()
	if evicted != nil {
		_ = evicted.conn.Close()
	}
	return context.WithValue(ctx, guestKey{}, g)
}

func (c *crowd) oneTooMany() *guest {
	if len(c.queue) <= c.limit {
		return nil
	}
	for i, g := range c.queue {
		if !g.kept {
			c.queue = append(c.queue[:i], c.queue[i+1:]...)
			return g
		}
	}
	return nil
}

// keep makes sure that the request's connection is not closed for others.
func (c *crowd) keep(r *http.Request) {
	if g, ok := r.Context().Value(guestKey{}).(*guest); ok {
		c.mu.Lock()
		g.kept = true
		c.mu.Unlock()
	}
}

// leave is an http.Server's ConnState.
func (c *crowd) leave(conn net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, g := range c.queue {
		if g.conn == conn {
			c.queue = append(c.queue[:i], c.queue[i+1:]...)
			return
		}
	}
}
