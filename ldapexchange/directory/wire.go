package directory

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// maxAnswer bounds what a server may send for one request, in bytes. 10,000
// groups with long names are 2 MB.
const maxAnswer = 16 << 20

var errTooMuch = errors.New("the server's answer is too large")

// wire is a connection with a bound on what is read for each request, and
// which remembers how it broke: go-ldap turns the cause into text
// (https://github.com/go-ldap/ldap/issues/181 asks for deadlines).
type wire struct {
	net.Conn
	left  atomic.Int64
	wrote atomic.Bool // or tried to: how much of it went out nobody knows
	cause atomic.Pointer[error]
}

// begin allows one answer, until the deadline.
func (w *wire) begin(deadline time.Time) {
	w.left.Store(maxAnswer)
	w.SetDeadline(deadline)
}

// end lets the connection idle for as long as it likes.
func (w *wire) end() { w.SetDeadline(time.Time{}) }

// abort makes whatever waits on the connection fail at once.
func (w *wire) abort() { w.SetDeadline(time.Unix(1, 0)) }

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.left.Add(int64(-n)) < 0 {
		n, err = 0, errTooMuch
	}
	return n, w.note(err)
}

func (w *wire) Write(p []byte) (int, error) {
	w.wrote.Store(true)
	n, err := w.Conn.Write(p)
	return n, w.note(err)
}

// note keeps the first error.
func (w *wire) note(err error) error {
	if err != nil {
		w.cause.CompareAndSwap(nil, &err)
	}
	return err
}

// broken returns how the connection broke, or nil.
func (w *wire) broken() error {
	if cause := w.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}
