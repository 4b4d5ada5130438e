package secretservice

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Silent is a socket where a session bus should be, that accepts and does not answer.
type Silent struct {
	Address string // for DBUS_SESSION_BUS_ADDRESS

	dir      string
	greets   bool
	listener net.Listener
	done     sync.WaitGroup
	mu       sync.Mutex
	open     []net.Conn
}

// StartSilent listens. One that greets completes the D-Bus handshake (D-Bus Specification,
// "Authentication Protocol") before it falls silent.
func StartSilent(greets bool) (*Silent, error) {
	dir, err := os.MkdirTemp("", "kubecred-bus-")
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "bus")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &Silent{Address: "unix:path=" + socket, dir: dir, greets: greets, listener: listener}
	s.done.Go(s.accept)
	return s, nil
}

// Stop hangs up on everybody.
func (s *Silent) Stop() {
	s.listener.Close()
	s.mu.Lock()
	for _, conn := range s.open {
		conn.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
	os.RemoveAll(s.dir)
}

// Callers is how many connected.
func (s *Silent) Callers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *Silent) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open = append(s.open, conn)
		s.mu.Unlock()
		if s.greets {
			s.done.Go(func() { greet(conn) })
		}
	}
}

// greet agrees to whatever is said until the caller begins to send messages.
func greet(conn net.Conn) {
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil || strings.HasPrefix(line, "BEGIN") {
			return
		}
		answer := "OK 0123456789abcdef0123456789abcdef\r\n"
		switch line = strings.TrimLeft(line, "\x00"); {
		case strings.TrimSpace(line) == "AUTH":
			answer = "REJECTED EXTERNAL\r\n"
		case strings.HasPrefix(line, "NEGOTIATE_UNIX_FD"):
			answer = "AGREE_UNIX_FD\r\n"
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}
