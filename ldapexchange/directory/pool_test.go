package directory

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/ldaptest"
)

// The service's connection is used again, a user's never.
func TestWhichConnectionsAreReused(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	l := newLDAP(t, options(t, s))
	for range 3 {
		if _, err := login(t, l, "alice", alicePass); err != nil {
			t.Fatal(err)
		}
	}
	service, user := 0, map[int]bool{}
	for _, r := range s.Requests(ldaptest.Bind) {
		switch {
		case r.DN == serviceDN:
			service++
		case r.BoundAs != "" || user[r.Connection]:
			t.Errorf("a user's bind on a connection that was used before: %+v", r)
		default:
			user[r.Connection] = true
		}
	}
	for _, r := range s.Requests(ldaptest.Search) {
		if r.BoundAs != serviceDN {
			t.Errorf("a search as %q", r.BoundAs)
		}
	}
	if service != 1 || len(user) != 3 {
		t.Errorf("%d binds of the service and %d of users, want 1 and 3", service, len(user))
	}
}

// What was idle when the server went away is replaced without anybody noticing.
func TestIdleConnectionThatDied(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	l := newLDAP(t, options(t, s))
	for range 3 {
		if _, err := login(t, l, "alice", alicePass); err != nil {
			t.Fatal(err)
		}
		s.Drop()
	}
}

// A connection that idled for long is asked whether it still answers, and has
// two seconds; one that idled for very long is not asked.
func TestIdleConnectionsAreProbed(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	var silent atomic.Bool
	s := ldaptest.New(t, tree()...)
	s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
		if silent.Load() && r.Connection == 1 {
			return &ldaptest.Answer{Stall: true}
		}
		return nil
	}
	s.Serve(t)
	o := options(t, s)
	o.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	l := newLDAP(t, o)
	lookup := func(after time.Duration) (probes int) {
		t.Helper()
		ahead.Add(int64(after))
		before := len(s.Requests())
		if _, err := l.Lookup(t.Context(), aliceID); err != nil {
			t.Fatal(err)
		}
		for _, r := range s.Requests()[before:] {
			if r.Operation == ldaptest.Search && r.Base == "" {
				probes++
			}
		}
		return probes
	}
	if lookup(0) != 0 || lookup(time.Second) != 0 || lookup(trusted+time.Second) != 1 || s.Connections() != 1 {
		t.Errorf("%d connections, %d probes", s.Connections(), len(s.Requests()))
	}
	silent.Store(true)
	began := time.Now()
	if lookup(trusted+time.Second) != 1 || s.Connections() != 2 || time.Since(began) > bounded {
		t.Errorf("a silent one: %d connections after %s", s.Connections(), time.Since(began))
	}
	if lookup(maxIdle+time.Second) != 0 || s.Connections() != 3 {
		t.Errorf("after %s: %d connections", maxIdle, s.Connections())
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	var now, most atomic.Int64
	release := make(chan struct{})
	s := ldaptest.New(t, tree()...)
	s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
		if r.Operation == ldaptest.Bind && r.DN != serviceDN {
			most.Store(max(most.Load(), now.Add(1)))
			<-release
			now.Add(-1)
		}
		return nil
	}
	s.Serve(t)
	o := options(t, s)
	o.MaxConnections = 3
	l := newLDAP(t, o)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			if _, err := login(t, l, "alice", alicePass); err != nil {
				t.Error(err)
			}
		})
	}
	await(t, func() bool { return now.Load() == 3 })
	for range 12 {
		release <- struct{}{}
	}
	all.Wait()
	if most.Load() > 3 {
		t.Errorf("%d binds at once", most.Load())
	}
	l.Close()
	await(t, func() bool { return s.Open() == 0 })
}

// await polls what another goroutine brings about.
func await(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(bounded); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about")
		}
	}
}

// A file of authorities that changes counts from the next connection on; a bad
// one keeps the old.
func TestAuthoritiesReload(t *testing.T) {
	s, other := ldaptest.Start(t, tree()...), ldaptest.Start(t)
	o := options(t, s)
	o.CAFile = write(t, "ca.pem", string(other.CA))
	var told []error
	o.Reloaded = func(err error) { told = append(told, err) }
	l := newLDAP(t, o)
	change := func(content string, good bool) {
		t.Helper()
		if err := os.WriteFile(o.CAFile, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		s.Drop()
		_, err := login(t, l, "alice", alicePass)
		if good != (err == nil) {
			t.Errorf("%d bytes: %v", len(content), err)
		}
	}
	change(string(other.CA), false)
	change(string(s.CA), true)
	change("nonsense", true)
	if err := os.Remove(o.CAFile); err != nil {
		t.Fatal(err)
	}
	if _, err := login(t, l, "alice", alicePass); err != nil {
		t.Error(err)
	}
	change(string(other.CA)+"\n", false)
	change(string(s.CA)+"\n", true)
	var good, bad int
	for _, err := range told {
		if err == nil {
			good++
		} else {
			bad++
		}
	}
	if good < 3 || bad != 2 {
		t.Errorf("told of %d good and %d bad files: %v", good, bad, told)
	}
}

// Many at once share what there is.
func TestManyAtOnce(t *testing.T) {
	s := ldaptest.Start(t, tree()...)
	l := newLDAP(t, options(t, s))
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			name, password, want := "alice", alicePass, error(nil)
			if i%5 == 0 {
				password, want = wrongPass, ErrCredentials
			}
			if _, err := login(t, l, name, password); want == nil && err != nil || want != nil && err == nil {
				t.Errorf("%v, want %v", err, want)
			}
		})
	}
	all.Wait()
}
