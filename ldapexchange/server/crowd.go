package server

// The bound on connections. When it is reached, room is made by closing the
// connection that has been quiet for longest: one that has not sent a request,
// or waits between two. To let new ones wait instead would let ten thousand
// that send nothing keep everybody out; so they only push out each other.

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

type crowd struct {
	limit   int
	metrics *metrics

	mu    sync.Mutex
	all   map[net.Conn]*list.Element // nil while a request is under way
	quiet *list.List                 // of net.Conn, the longest quiet first
}

func newCrowd(limit int, m *metrics) *crowd {
	return &crowd{limit: limit, metrics: m, all: map[net.Conn]*list.Element{}, quiet: list.New()}
}

// state is http.Server's ConnState. It is called before a new connection is
// served.
func (c *crowd) state(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.all[conn]
	if element != nil {
		c.quiet.Remove(element)
	}
	switch state {
	case http.StateNew, http.StateIdle:
		c.all[conn] = c.quiet.PushBack(conn)
	case http.StateActive:
		c.all[conn] = nil
	default:
		delete(c.all, conn)
	}
	if state == http.StateNew && len(c.all) > c.limit {
		c.evict()
	}
	c.metrics.connections.Set(float64(len(c.all)))
}

// evict closes the connection that has been quiet for longest: the new one
// itself where all others are busy. It counts no more from now on; net/http
// tells of its end later.
func (c *crowd) evict() {
	oldest := c.quiet.Front()
	conn := c.quiet.Remove(oldest).(net.Conn)
	delete(c.all, conn)
	c.metrics.evicted.Inc()
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn() // to take leave in TLS may block
	}
	conn.Close()
}
