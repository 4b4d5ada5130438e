package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/load"
)

// session is what somebody holds who refreshes again and again.
type session struct {
	token string // the newest that came
	spent string // one that was used, and whose successor was used too
	last  string
	n     int // refreshes
}

// refresh spends the token. An answer that did not come leaves it as it was.
func (s *session) refresh(l *load.Line, x *load.Service) (load.Tokens, error) {
	got, err := l.Tokens(x.Refresh(s.token))
	if err == nil && got.Status == http.StatusOK {
		s.spent, s.last, s.token = s.last, s.token, got.Refresh
		s.n++
	}
	return got, err
}

// begin signs people in.
func begin(t *testing.T, x *load.Service, n int) []*session {
	t.Helper()
	all := make([]*session, n)
	together(t, n, 8, func(i int) error {
		got, err := x.MustTokens(x.Login(person(i), password))
		all[i] = &session{token: got.Refresh}
		return err
	})
	return all
}

// The service is killed while everybody refreshes, thrice. Whoever has an answer goes on with it, and whoever
// has none goes on with what they had: no session is lost. Then a token that was spent long ago is used again,
// and ends its session.
func TestKilledWhileRefreshing(t *testing.T) {
	const sessions = 24
	d := people(t, sessions)
	x := start(t, asking(d, d.Address))
	all := begin(t, x, sessions)
	for range 3 {
		killWhileRefreshing(t, x, all)
		must(t, x.Resume(t.Context()))
		together(t, sessions, 8, func(i int) error { return all[i].goOn(x, 2) })
	}
	rotated := 0
	for _, s := range all {
		rotated += s.n
	}
	if rotated < 3*sessions+6*sessions {
		t.Errorf("%d refreshes are too few to say anything", rotated)
	}
	t.Logf("%d refreshes", rotated)
	together(t, sessions, 8, func(i int) error { return all[i].reuse(x) })
}

// goOn refreshes a few times, which has to work.
func (s *session) goOn(x *load.Service, times int) error {
	l, err := x.Dial()
	if err != nil {
		return err
	}
	defer l.Close()
	for range times {
		got, err := s.refresh(l, x)
		if err != nil || got.Status != http.StatusOK {
			return fmt.Errorf("the session is lost: %d %s %v", got.Status, got.Error, err)
		}
	}
	return nil
}

// reuse plays a thief with an old token: refused, and the session ends.
func (s *session) reuse(x *load.Service) error {
	l, err := x.Dial()
	if err != nil {
		return err
	}
	defer l.Close()
	for _, token := range []string{s.spent, s.token} { // in this order
		got, err := l.Tokens(x.Refresh(token))
		if err != nil || got.Status != http.StatusBadRequest || got.Error != "invalid_grant" {
			return fmt.Errorf("after a token was used twice: %d %s %v", got.Status, got.Error, err)
		}
	}
	return nil
}

// killWhileRefreshing ends the service at some moment under load. What is refused meanwhile is told.
func killWhileRefreshing(t *testing.T, x *load.Service, all []*session) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var workers sync.WaitGroup
	for _, s := range all {
		workers.Go(func() {
			l, err := x.Dial()
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			for ctx.Err() == nil {
				got, err := s.refresh(l, x)
				if err != nil {
					return // the service is gone
				}
				if got.Status != http.StatusOK {
					t.Errorf("%d %s", got.Status, got.Error)
					return
				}
			}
		})
	}
	time.Sleep(300*time.Millisecond + rand.N(200*time.Millisecond)) // any moment will do
	x.Kill()
	cancel()
	workers.Wait()
}
