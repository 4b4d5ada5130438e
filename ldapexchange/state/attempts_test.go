package state

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

func mustAttempts(t testing.TB, s Store, l Limits, now *clock) *Attempts {
	t.Helper()
	a, err := NewAttempts(context.Background(), s, l, now.now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var nat = netip.MustParseAddr("192.0.2.7")

// fail is a login that the directory refuses.
func fail(a *Attempts, user string, password secret.Text) error {
	return failFrom(a, nat, user, password)
}

func failFrom(a *Attempts, from netip.Addr, user string, password secret.Text) error {
	t, err := a.Begin(context.Background(), user, from, password)
	if err != nil {
		return err
	}
	defer t.Done()
	return t.Refused(context.Background())
}

func pass(a *Attempts, user string) error {
	t, err := a.Begin(context.Background(), user, nat, secret.New("right"))
	if err != nil {
		return err
	}
	defer t.Done()
	return t.Passed(context.Background())
}

func wrong(n int) secret.Text { return secret.New(fmt.Sprintf("wrong-%d", n)) }

func wantLimited(t *testing.T, err error, by string) {
	t.Helper()
	var limited *LimitedError
	if !errors.As(err, &limited) || limited.By != by || limited.After <= 0 {
		t.Errorf("%v, want a limit by %s", err, by)
	}
}

func TestFailuresOfAUser(t *testing.T) {
	t.Parallel()
	now := newClock()
	path := statePath(t.TempDir())
	s := openAt(t, path, now.now)
	a := mustAttempts(t, s, Limits{}, now)
	for n, user := range []string{"alice", " ALICE", "Alice ", "ａlice\u200b"} { // one user
		if err := fail(a, user, wrong(n)); err != nil {
			t.Fatalf("%q: %v", user, err)
		}
	}
	wantLimited(t, fail(a, "álice", wrong(5)), "user")
	wantLimited(t, pass(a, "alice"), "user")
	if err := pass(a, "bob"); err != nil {
		t.Errorf("another user: %v", err)
	}
	// A restart forgets nothing of it.
	mustClose(t, s)
	s = openAt(t, path, now.now)
	a = mustAttempts(t, s, Limits{}, now)
	wantLimited(t, pass(a, "alice"), "user")
	now.add(15 * time.Minute)
	for range 10 { // what passes makes the count begin anew
		for n := range 3 {
			if err := fail(a, "alice", wrong(100+n)); err != nil && !errors.Is(err, ErrKnownWrong) {
				t.Fatal(err)
			}
		}
		if err := pass(a, "alice"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFailuresOfAnAddress(t *testing.T) {
	t.Parallel()
	now := newClock()
	a := mustAttempts(t, openTemp(t, now), Limits{Address: 20}, now)
	sprayer := func(n int) netip.Addr { // one network
		return netip.MustParseAddr(fmt.Sprintf("2001:db8:1:2::%x", n+1))
	}
	for n := range 20 {
		if err := failFrom(a, sprayer(n), fmt.Sprintf("user-%d", n), wrong(0)); err != nil {
			t.Fatal(n, err)
		}
	}
	wantLimited(t, failFrom(a, sprayer(99), "another", wrong(0)), "address")
	if err := failFrom(a, netip.MustParseAddr("2001:db8:1:3::1"), "another", wrong(0)); err != nil {
		t.Errorf("another network: %v", err)
	}
	// A good login of his own does not wash him clean.
	b := mustAttempts(t, openTemp(t, now), Limits{Address: 3}, now)
	for n := range 3 {
		if err := errors.Join(fail(b, fmt.Sprint("victim", n), wrong(0))); err != nil {
			t.Fatal(err)
		}
		if err := pass(b, "own"); n < 2 && err != nil {
			t.Fatal(err)
		}
	}
	wantLimited(t, pass(b, "own"), "address")
	wantLimited(t, failFrom(b, netip.MustParseAddr("::ffff:192.0.2.7"), "x", wrong(0)), "address")
}

func TestGoodLoginsOfOneNATPass(t *testing.T) {
	t.Parallel()
	now := newClock()
	a := mustAttempts(t, openTemp(t, now), Limits{}, now)
	var done sync.WaitGroup
	for worker := range 30 {
		done.Go(func() {
			for n := range 100 {
				if err := pass(a, fmt.Sprintf("user-%d-%d", worker, n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
}

// A password file that is out of date costs one failed bind.
func TestStalePasswordFileCostsOneBind(t *testing.T) {
	t.Parallel()
	now := newClock()
	a := mustAttempts(t, openTemp(t, now), Limits{}, now)
	binds := 0
	for range 59 { // a robot, each minute
		err := fail(a, "robot", secret.New("stale"))
		if err == nil {
			binds++
		} else if !errors.Is(err, ErrKnownWrong) {
			t.Fatal(err)
		}
		now.add(time.Minute)
	}
	if binds != 1 {
		t.Errorf("%d binds", binds)
	}
	if err := fail(a, "other", secret.New("stale")); err != nil {
		t.Errorf("another user with the same: %v", err)
	}
	if err := pass(a, "robot"); err != nil {
		t.Errorf("the new one: %v", err)
	}
	now.add(time.Hour)
	if err := fail(a, "robot", secret.New("stale")); err != nil {
		t.Errorf("forgotten after an hour: %v", err)
	}
}

// The account is barred, and its password the right one all the while.
func TestBarredPasswordIsNotRemembered(t *testing.T) {
	t.Parallel()
	now := newClock()
	a := mustAttempts(t, openAt(t, statePath(t.TempDir()), now.now), Limits{User: 3}, now)
	for range 3 {
		try, err := a.Begin(context.Background(), "alice", nat, secret.New("right"))
		if err != nil {
			t.Fatal(err)
		}
		if err := try.Barred(context.Background()); err != nil {
			t.Fatal(err)
		}
		try.Done()
	}
	wantLimited(t, pass(a, "alice"), "user")
	now.add(16 * time.Minute)
	if err := pass(a, "alice"); err != nil {
		t.Error(err)
	}
}

func TestRememberedPasswordsAreBounded(t *testing.T) {
	t.Parallel()
	now := newClock().now()
	d := newDigests()
	sum := func(n int) digest { return d.of("alice", wrong(n)) }
	for n := range 3 * maxDigests {
		d.add(sum(n), now.Add(time.Hour))
		d.add(sum(n), now.Add(time.Hour))
	}
	if len(d.until) != maxDigests || len(d.order) != maxDigests {
		t.Errorf("%d, %d", len(d.until), len(d.order))
	}
	if !d.has(sum(3*maxDigests-1), now) || !d.has(sum(2*maxDigests), now) || d.has(sum(2*maxDigests-1), now) {
		t.Error("not the oldest went")
	}
}

// Guesses sent together do not pass together.
func TestGuessesAtOnceAreCounted(t *testing.T) {
	t.Parallel()
	now := newClock()
	a := mustAttempts(t, openTemp(t, now), Limits{Address: 1000}, now)
	var asked, limited atomic.Int32
	var done sync.WaitGroup
	for n := range 50 {
		done.Go(func() {
			try, err := a.Begin(context.Background(), "alice", nat, wrong(n))
			if err != nil {
				wantLimited(t, err, "user")
				limited.Add(1)
				return
			}
			defer try.Done()
			asked.Add(1)
			if err := try.Refused(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if asked.Load() != 4 || limited.Load() != 46 {
		t.Errorf("the directory was asked %d times, %d were turned away", asked.Load(), limited.Load())
	}
	if len(a.gates) != 0 {
		t.Errorf("%d gates stay", len(a.gates))
	}
}

// The same stale password at once, from fifty: one is sent on.
func TestSamePasswordAtOnceCostsFewBinds(t *testing.T) {
	t.Parallel()
	now := newClock()
	a := mustAttempts(t, openTemp(t, now), Limits{}, now)
	var binds atomic.Int32
	var done sync.WaitGroup
	for range 50 {
		done.Go(func() {
			if err := fail(a, "robot", secret.New("stale")); err == nil {
				binds.Add(1)
			} else if limited := (*LimitedError)(nil); !errors.Is(err, ErrKnownWrong) && !errors.As(err, &limited) {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if n := binds.Load(); n < 1 || n > 4 {
		t.Errorf("%d binds", n)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	now := newClock()
	a := mustAttempts(t, openTemp(t, now), Limits{User: 1}, now)
	first, err := a.Begin(context.Background(), "alice", nat, wrong(1))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := a.Begin(ctx, "alice", nat, wrong(2)); !errors.Is(err, ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	first.Done() // the directory did not answer: nothing is counted
	first.Done()
	if err := pass(a, "alice"); err != nil {
		t.Error(err)
	}
	if len(a.gates) != 0 {
		t.Errorf("%d gates stay", len(a.gates))
	}
}

// brokenStore takes nothing once it is broken.
type brokenStore struct {
	Store
	broken atomic.Bool
}

func (b *brokenStore) Put(ctx context.Context, key string, value []byte, version uint64, expiry time.Time) (uint64, error) {
	if b.broken.Load() {
		return 0, unavailable(errors.New("full"))
	}
	return b.Store.Put(ctx, key, value, version, expiry)
}

// Nor is hanging up.
func TestFailuresCountThoughTheCallerIsGone(t *testing.T) {
	t.Parallel()
	now := newClock()
	a := mustAttempts(t, openTemp(t, now), Limits{Address: 4}, now)
	for n := range 4 {
		ctx, hangUp := context.WithCancel(context.Background())
		try, err := a.Begin(ctx, fmt.Sprint("user", n%2), nat, wrong(n))
		hangUp()
		if err != nil {
			t.Fatal(err)
		}
		if err := try.Refused(ctx); err != nil {
			t.Error(err)
		}
		try.Done()
	}
	wantLimited(t, fail(a, "user0", wrong(9)), "address")
}

// A full disk is no way around the limit.
func TestFailuresCountWhereTheyCannotBeWritten(t *testing.T) {
	t.Parallel()
	now := newClock()
	s := &brokenStore{Store: openTemp(t, now)}
	a := mustAttempts(t, s, Limits{}, now)
	s.broken.Store(true)
	for n := range 4 {
		if err := fail(a, "alice", wrong(n)); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
	}
	wantLimited(t, fail(a, "alice", wrong(9)), "user")
}

// Other limits give no guess back, and the directory is asked no second time.
func TestOtherLimitsForgetNothing(t *testing.T) {
	t.Parallel()
	now := newClock()
	s := &brokenStore{Store: openTemp(t, now)}
	a := mustAttempts(t, s, Limits{}, now)
	s.broken.Store(true)
	for n := range 2 { // in memory alone
		if err := fail(a, "alice", wrong(n)); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
	}
	s.broken.Store(false)
	b := a.WithLimits(Limits{User: 3})
	if err := fail(b, "alice", wrong(0)); !errors.Is(err, ErrKnownWrong) {
		t.Errorf("a password that was refused before: %v", err)
	}
	if err := fail(b, "alice", wrong(3)); err != nil {
		t.Error(err)
	}
	wantLimited(t, pass(b, "alice"), "user")
	if err := pass(a, "alice"); err != nil {
		t.Errorf("under the old limits: %v", err)
	}
}

// The tables have a size that nobody's names change.
func TestTablesAreBounded(t *testing.T) {
	t.Parallel()
	now := newClock()
	a := mustAttempts(t, openTemp(t, now), Limits{}, now)
	places := map[string]bool{}
	for n := range 200_000 {
		places[a.place("user", fmt.Sprint(n))] = true
	}
	if len(places) > 1<<16 || len(places) < 1<<15 {
		t.Errorf("%d places", len(places))
	}
}

func TestFoldIsBounded(t *testing.T) {
	t.Parallel()
	if got := len(fold(strings.Repeat("a", 1<<20))); got != maxFolded {
		t.Errorf("%d bytes", got)
	}
}

func FuzzFold(f *testing.F) {
	for _, name := range []string{"alice", "ÄÖÜ ß", "ｆｕｌｌ", "a\u0301", "\xff", "İ", "ſ"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		folded := fold(name)
		if again := fold(folded); again != folded {
			t.Errorf("%q, then %q", folded, again)
		}
		if fold(strings.ToUpper(folded)) != folded {
			t.Errorf("%q and its upper case are two", folded)
		}
	})
}

// lateStore answers a login's second question when its time is over.
type lateStore struct {
	Store
	asked int
}

func (l *lateStore) Get(ctx context.Context, key string) (Entry, error) {
	if l.asked++; l.asked == 2 {
		<-ctx.Done()
	}
	return l.Store.Get(ctx, key)
}

// A wait that ends while the store is asked is no fault of the store's.
func TestBusyIsNotUnavailable(t *testing.T) {
	t.Parallel()
	now := newClock()
	store := &lateStore{Store: openTemp(t, now)}
	a, err := NewAttempts(context.Background(), store, Limits{}, now.now)
	if err != nil {
		t.Fatal(err)
	}
	store.asked = 0
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := a.Begin(ctx, "alice", netip.MustParseAddr("192.0.2.1"), secret.New("x")); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
}
