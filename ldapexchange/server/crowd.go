package server

// The bound on connections. When it is reached, room is made by closing the
// connection that has been waited for longest: one that has not sent a whole
// request, or waits between two. To let new ones wait instead would let ten
// thousand that send nothing, or half of something, keep everybody out; so they
// only push out each other.

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

type crowd struct {
	limit   int
	metrics *metrics

	mu    sync.Mutex
	all   map[net.Conn]*seat
	quiet *list.List // of *seat, the longest quiet first
}

// seat is a connection's place.
type seat struct {
	crowd   *crowd
	conn    net.Conn
	working int           // requests that were read and are not answered
	place   *list.Element // among the quiet; nil while working
}

func newCrowd(limit int, m *metrics) *crowd {
	return &crowd{limit: limit, metrics: m, all: map[net.Conn]*seat{}, quiet: list.New()}
}

// seatKey is where a request's context has its *seat.
type seatKey struct{}

// seated is http.Server's ConnContext.
func (c *crowd) seated(ctx context.Context, conn net.Conn) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &seat{crowd: c, conn: conn}
	s.place = c.quiet.PushBack(s)
	c.all[conn] = s
	if len(c.all) > c.limit {
		c.evict()
	}
	c.metrics.connections.Set(float64(len(c.all)))
	return context.WithValue(ctx, seatKey{}, s)
}

// state is http.Server's ConnState.
func (c *crowd) state(conn net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.all[conn]; s != nil {
		c.leave(s)
	}
	c.metrics.connections.Set(float64(len(c.all)))
}

func (c *crowd) leave(s *seat) {
	if s.place != nil {
		c.quiet.Remove(s.place)
		s.place = nil
	}
	delete(c.all, s.conn)
}

// work keeps the connection from being closed until done is called: a whole
// request has been read from it.
func (s *seat) work() (done func()) {
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	if s.working++; s.place != nil {
		s.crowd.quiet.Remove(s.place)
		s.place = nil
	}
	return s.rest
}

func (s *seat) rest() {
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	if s.working--; s.working == 0 && s.crowd.all[s.conn] == s {
		s.place = s.crowd.quiet.PushBack(s)
	}
}

// evict closes the connection that has been quiet for longest: the new one
// itself where all others are busy. It counts no more from now on; net/http
// tells of its end later.
func (c *crowd) evict() {
	s := c.quiet.Front().Value.(*seat)
	c.leave(s)
	c.metrics.evicted.Inc()
	conn := s.conn
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn() // to take leave in TLS may block
	}
	conn.Close()
}
