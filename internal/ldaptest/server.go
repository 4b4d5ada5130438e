// Package ldaptest is an LDAP server for ordinary tests: in process, on
// loopback, over TLS with an authority of its own. It knows simple binds,
// searches, StartTLS and "Who am I?", keeps a journal of every request as it
// decoded it, and misbehaves where a test says so.
//
// It is no directory: it has no schema (values compare without case), no access
// control and no writes, and whoever asks may read everything.
package ldaptest

import (
	"bufio"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Entry is one entry of the tree. Its password is no attribute.
type Entry struct {
	DN         string
	Password   string // empty: nobody can bind as it
	Attributes map[string][]string
}

// Server is a running one.
type Server struct {
	Address string // host:port, where TLS begins at once and where StartTLS is asked for alike
	CA      []byte // PEM, of the authority that signed its certificate

	// Answer, where set, may answer a request in the server's stead; nil leaves
	// it to the server. It is called by many goroutines.
	Answer func(*Request) *Answer
	// Logins are names to bind with that are no DN, and whose entry each is.
	Logins map[string]string
	// Root are attributes of the root of the tree.
	Root map[string][]string
	// WhoAmI, where set, makes the answer to "Who am I?" of the bound DN.
	WhoAmI func(dn string) string

	tls      *tls.Config
	listener net.Listener

	mu      sync.Mutex
	entries []Entry
	journal []Request
	open    map[net.Conn]bool
	conns   int
	running sync.WaitGroup
	ended   chan struct{}
}

// Start runs a server until the test ends.
func Start(t testing.TB, entries ...Entry) *Server {
	t.Helper()
	s := New(t, entries...)
	s.Serve(t)
	return s
}

// New returns a server that does not listen yet, for tests that set its fields.
func New(t testing.TB, entries ...Entry) *Server {
	t.Helper()
	ca, serving, err := certificates()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &Server{
		Address: listener.Addr().String(), CA: ca,
		tls:      &tls.Config{Certificates: []tls.Certificate{serving}},
		listener: listener, entries: entries, open: map[net.Conn]bool{}, ended: make(chan struct{}),
	}
}

// TLS is the server's configuration, to be changed before Serve.
func (s *Server) TLS() *tls.Config { return s.tls }

// Serve answers until the test ends.
func (s *Server) Serve(t testing.TB) {
	s.running.Go(s.accept)
	t.Cleanup(s.Close)
}

// Close ends the server and all its connections.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.ended:
	default:
		close(s.ended)
	}
	s.mu.Unlock()
	s.listener.Close()
	s.Drop()
	s.running.Wait()
}

// Drop closes the connections that are open now.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		c.Close()
	}
}

// Add adds entries to the tree, or puts them in the place of others with their DN.
func (s *Server) Add(entries ...Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		s.entries = slices.DeleteFunc(s.entries, func(old Entry) bool { return same(old.DN, e.DN) })
		s.entries = append(s.entries, e)
	}
}

// Remove takes an entry out of the tree.
func (s *Server) Remove(dn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = slices.DeleteFunc(s.entries, func(old Entry) bool { return same(old.DN, dn) })
}

// Requests returns the journal, or that of some operations.
func (s *Server) Requests(operations ...Operation) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(operations) == 0 {
		return slices.Clone(s.journal)
	}
	var some []Request
	for _, r := range s.journal {
		if slices.Contains(operations, r.Operation) {
			some = append(some, r)
		}
	}
	return some
}

// Connections is how many were made.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// Open is how many are open now.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns++
		number := s.conns
		s.open[c] = true
		select {
		case <-s.ended:
			c.Close()
		default:
		}
		s.mu.Unlock()
		s.running.Go(func() {
			s.serve(&session{server: s, number: number, conn: c, stream: bufio.NewReader(c)})
			c.Close()
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
		})
	}
}

// session is one connection.
type session struct {
	server *Server
	number int
	conn   net.Conn
	stream *bufio.Reader
	secure bool
	bound  string // the DN
}

// serve answers requests until the connection ends. TLS from the first byte is
// told by that byte: 22 begins a handshake, 48 a message of LDAP.
func (s *Server) serve(c *session) {
	if first, err := c.stream.Peek(1); err != nil {
		return
	} else if first[0] == 22 {
		c.encrypt()
	}
	for {
		message, err := ber.ReadPacket(c.stream)
		if err != nil {
			return
		}
		request, err := decode(message)
		if err != nil {
			return
		}
		request.Connection, request.TLS, request.BoundAs = c.number, c.secure, c.bound
		s.mu.Lock()
		s.journal = append(s.journal, *request)
		s.mu.Unlock()
		if !c.answer(request) {
			return
		}
	}
}

// encrypt goes on in TLS. What lies in the buffer already is part of it.
func (c *session) encrypt() {
	secured := tls.Server(buffered{c.conn, c.stream}, c.server.tls)
	c.conn, c.stream, c.secure = secured, bufio.NewReader(secured), true
}

type buffered struct {
	net.Conn
	from *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.from.Read(p) }
