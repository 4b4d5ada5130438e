package load

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/load"
)

// trouble is what happens on the way to the directory.
type trouble int32

const (
	none     trouble = iota
	down             // connections end at once, those that stood too
	slow             // what comes back comes late
	halfOpen         // nothing comes back, and nothing ends
	troubles         // how many there are
)

func (t trouble) String() string {
	return [...]string{"none", "down", "slow", "half-open"}[t]
}

// way passes on what is said to a directory and what it answers, encrypted as it is.
type way struct {
	net.Listener
	to    string
	state atomic.Int32
	mu    sync.Mutex
	open  map[net.Conn]bool
}

func newWay(t *testing.T, to string) *way {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &way{Listener: l, to: to, open: map[net.Conn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { w.pass(from) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		w.cut()
		running.Wait()
	})
	return w
}

func (w *way) set(s trouble) {
	w.state.Store(int32(s))
	if s == down {
		w.cut()
	}
}

func (w *way) is(s trouble) bool { return trouble(w.state.Load()) == s }

// cut ends what is open.
func (w *way) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.open {
		conn.Close()
	}
}

func (w *way) keep(conn net.Conn, open bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if open {
		w.open[conn] = true
	} else {
		delete(w.open, conn)
	}
}

func (w *way) pass(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", w.to)
	if err != nil || w.is(down) {
		return
	}
	defer to.Close()
	for _, conn := range []net.Conn{from, to} {
		w.keep(conn, true)
		defer w.keep(conn, false)
	}
	ended := make(chan struct{}, 2)
	go func() { io.Copy(to, from); to.Close(); ended <- struct{}{} }()
	go func() { io.Copy(troubled{from, w}, to); from.Close(); ended <- struct{}{} }()
	<-ended
	<-ended
}

// troubled is where answers go.
type troubled struct {
	net.Conn
	way *way
}

func (t troubled) Write(p []byte) (int, error) {
	switch {
	case t.way.is(halfOpen):
		return len(p), nil
	case t.way.is(slow):
		time.Sleep(700 * time.Millisecond) // above what one request may take
	}
	return t.Conn.Write(p)
}

// The directory has each trouble while people refresh and sign in, and then it is back. Meanwhile they are told
// "later" and never "no"; no session is lost, and nobody is kept out afterwards.
func TestDirectoryInTroubleUnderLoad(t *testing.T) {
	const sessions = 12
	d := people(t, 2*sessions)
	w := newWay(t, d.Address)
	x := start(t, asking(d, w.Addr().String()))
	all := begin(t, x, sessions)
	for in := down; in < troubles; in++ {
		t.Run(in.String(), func(t *testing.T) {
			later := underTrouble(t, x, all, w, in)
			w.set(none)
			t.Logf("%d were told to come later", later)
			if later < sessions {
				t.Errorf("only %d met the trouble", later)
			}
			together(t, sessions, 4, func(i int) error { return all[i].goOn(x, 2) })
			together(t, sessions, 4, func(i int) error {
				_, err := x.MustTokens(x.Login(person(sessions+i), password))
				return err
			})
		})
	}
}

// underTrouble has everybody refresh, and as many sign in, while trouble comes and until each has met it, or
// half a minute has passed. It returns how often "later" was answered.
func underTrouble(t *testing.T, x *load.Service, all []*session, w *way, in trouble) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var later atomic.Int64
	var workers sync.WaitGroup
	until := func(ask func(*load.Line) (load.Tokens, error)) {
		workers.Go(func() {
			if err := askUntilLater(ctx, x, ask); err != nil {
				t.Error(err)
				return
			}
			later.Add(1)
		})
	}
	for i, s := range all {
		until(func(l *load.Line) (load.Tokens, error) { return s.refresh(l, x) })
		until(func(l *load.Line) (load.Tokens, error) { return l.Tokens(x.Login(person(len(all)+i), password)) })
	}
	time.Sleep(200 * time.Millisecond) // some go well
	w.set(in)
	workers.Wait()
	return int(later.Load())
}

// askUntilLater asks until the answer is 503. Another than that and 200 is an error.
func askUntilLater(ctx context.Context, x *load.Service, ask func(*load.Line) (load.Tokens, error)) error {
	l, err := x.Dial()
	if err != nil {
		return err
	}
	defer l.Close()
	for {
		got, err := ask(l)
		switch {
		case err != nil:
			return err
		case got.Status == http.StatusServiceUnavailable:
			return nil
		case got.Status != http.StatusOK:
			return fmt.Errorf("an outage was told as %d %s", got.Status, got.Error)
		case ctx.Err() != nil:
			return fmt.Errorf("all went well for half a minute: %w", ctx.Err())
		}
	}
}
