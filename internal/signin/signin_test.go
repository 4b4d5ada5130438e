package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/secret"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// provider is an Authenticator that counts. Its sessions are "s1", "s2", …; a
// refresh accepts the newest alone, as a provider that rotates does.
type provider struct {
	now              func() time.Time
	lifetime         time.Duration
	logins, renewals atomic.Int32
	loginErr         error
	refreshErr       error
	newest           atomic.Int32
	holdLogin        chan struct{} // a login waits until it is closed
	onLogin          func()
	onRefresh        func(context.Context)
	noSession        bool  // nothing renews what a login brings
	asked            bool  // a login asks a person
	silent           bool  // refreshes describe nothing
	badTokens        error // refreshes rotate the session and bring no token
}

func (p *provider) grant() Grant {
	n := p.newest.Add(1)
	now := p.now()
	g := Grant{
		Credential: Credential{
			Token:  secret.New(fmt.Sprintf("token-%d", n)),
			Issued: now,
			Expiry: now.Add(p.lifetime),
		},
		Session: fmt.Appendf(nil, "s%d", n),
		About:   []byte("about"),
	}
	if p.noSession {
		g.Session = nil
	}
	return g
}

func (p *provider) Login(ctx context.Context) (Grant, error) {
	p.logins.Add(1)
	if p.onLogin != nil {
		p.onLogin()
	}
	if p.holdLogin != nil {
		select {
		case <-p.holdLogin:
		case <-ctx.Done():
			return Grant{}, ctx.Err()
		}
	}
	if p.loginErr != nil {
		return Grant{}, p.loginErr
	}
	g := p.grant()
	g.Asked = p.asked
	return g, nil
}

func (p *provider) Refresh(ctx context.Context, session []byte) (Grant, error) {
	p.renewals.Add(1)
	if p.onRefresh != nil {
		p.onRefresh(ctx)
	}
	if p.refreshErr != nil {
		return Grant{}, p.refreshErr
	}
	if string(session) != fmt.Sprintf("s%d", p.newest.Load()) {
		return Grant{}, fmt.Errorf("%w: reused", ErrSessionEnded)
	}
	g := p.grant()
	if p.badTokens != nil {
		return Grant{Session: g.Session}, p.badTokens
	}
	if p.silent {
		g.About = nil
	}
	return g, nil
}

// bench is a Flow with a clock of its own.
type bench struct {
	*Flow
	p            *provider
	clock        time.Time
	dir, runtime string
	warnings     []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{clock: start, dir: filepath.Join(t.TempDir(), "cache"), runtime: filepath.Join(t.TempDir(), "run")}
	if err := os.Mkdir(b.runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return b.clock }
	b.p = &provider{now: now, lifetime: time.Hour}
	b.Flow = &Flow{
		Store: b.open(t),
		ID:    cache.NewID([]byte("entry")),
		Auth:  b.p,
		Now:   now,
		Log:   slog.New(slog.DiscardHandler),
		Warn:  func(text string, err error) { b.warnings = append(b.warnings, text) },
		Await: func() func() { return func() {} },
	}
	return b
}

// open opens the cache as another process would.
func (b *bench) open(t *testing.T) *cache.Store {
	t.Helper()
	store, err := cache.Open(cache.Options{Dir: b.dir, Storage: cache.File, Runtime: b.runtime})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// want gets a credential and compares it and what it cost so far.
func (b *bench) want(t *testing.T, token string, logins, renewals int32) {
	t.Helper()
	got, err := b.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Token.Reveal() != token || b.p.logins.Load() != logins || b.p.renewals.Load() != renewals {
		t.Errorf("got %s after %d logins and %d renewals; want %s, %d, %d",
			got.Token.Reveal(), b.p.logins.Load(), b.p.renewals.Load(), token, logins, renewals)
	}
}

func TestTheWayOfACredential(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0) // a login
	b.want(t, "token-1", 1, 0) // a hit
	b.clock = start.Add(54 * time.Minute)
	b.want(t, "token-1", 1, 0) // still a hit
	b.clock = start.Add(55 * time.Minute)
	b.want(t, "token-2", 1, 1) // renewed early
	b.clock = b.clock.Add(2 * time.Hour)
	b.want(t, "token-3", 1, 2) // renewed late
	b.p.newest.Add(1)
	b.clock = b.clock.Add(2 * time.Hour)
	b.want(t, "token-5", 2, 3) // the session was over
}

// Another process finds what this one stored.
func TestNextProcessHits(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	b.Store = b.open(t)
	b.want(t, "token-1", 1, 0)
}

// A hit writes nothing to the cache folder.
func TestHitWritesNothing(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	before := snapshot(t, b.dir)
	b.want(t, "token-1", 1, 0)
	if after := snapshot(t, b.dir); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}

func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&out, path, info.Size(), info.Mode(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Some providers' refreshes say less of the person than their logins did.
func TestRefreshKeepsWhatIsKnown(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	b.p.silent = true
	b.clock = start.Add(2 * time.Hour)
	b.want(t, "token-2", 1, 1)
	record, err := b.Store.Load(t.Context(), b.ID)
	if err != nil {
		t.Fatal(err)
	}
	if grant, err := Read(record); err != nil || string(grant.About) != "about" {
		t.Errorf("about %q, %v", grant.About, err)
	}
}

func TestForce(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	b.clock = b.clock.Add(time.Second)
	b.Force = true
	b.want(t, "token-2", 1, 1)
}

func TestAnew(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	b.Anew = true
	b.clock = b.clock.Add(time.Second)
	b.want(t, "token-2", 2, 0)
}

// A 503 on refresh opens int128/kubelogin's browser.
func TestNetworkNeverLeadsToALogin(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	b.clock = start.Add(2 * time.Hour)
	down := errors.New("503")
	b.p.refreshErr = down
	if _, err := b.Get(t.Context()); !errors.Is(err, down) {
		t.Errorf("error %v", err)
	}
	if n := b.p.logins.Load(); n != 1 {
		t.Errorf("%d logins", n)
	}
	b.p.refreshErr = nil
	b.want(t, "token-2", 1, 2) // the session was kept
}

func TestLivingCredentialSurvivesAFailedRenewal(t *testing.T) {
	for name, failure := range map[string]error{
		"the network":   errors.New("503"),
		"the session":   fmt.Errorf("%w: invalid_grant", ErrSessionEnded),
		"the deadline":  context.DeadlineExceeded,
		"a hostile one": errors.New("no id token"),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.want(t, "token-1", 1, 0)
			b.p.refreshErr = failure
			b.clock = start.Add(58 * time.Minute)
			b.want(t, "token-1", 1, 1)
			if len(b.warnings) != 0 {
				t.Errorf("warnings %v", b.warnings)
			}
		})
	}
}

// A refresh whose tokens are no good may have spent the session's token: what
// came in its place is kept, else the next refresh would look like a theft.
func TestRotatedSessionOutlivesBadTokens(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	b.clock = start.Add(2 * time.Hour)
	b.p.badTokens = errors.New("no id token")
	if _, err := b.Get(t.Context()); !errors.Is(err, b.p.badTokens) {
		t.Fatalf("error %v", err)
	}
	b.p.badTokens = nil
	b.want(t, "token-3", 1, 2)
}

// A dead refresh token is not sent again: each use of one may look like a
// theft to the provider.
func TestDeadSessionIsForgotten(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	b.p.refreshErr = fmt.Errorf("%w: invalid_grant", ErrSessionEnded)
	b.clock = start.Add(58 * time.Minute)
	b.want(t, "token-1", 1, 1)
	b.want(t, "token-1", 1, 1) // served, and nothing sent
	b.clock = start.Add(2 * time.Hour)
	b.want(t, "token-2", 2, 1) // a login, without another refresh
}

func TestFailedLoginStoresNothing(t *testing.T) {
	b := newBench(t)
	b.p.loginErr = errors.New("denied")
	if _, err := b.Get(t.Context()); !errors.Is(err, b.p.loginErr) {
		t.Errorf("error %v", err)
	}
	b.p.loginErr = nil
	b.clock = b.clock.Add(time.Minute)
	b.want(t, "token-1", 2, 0)
}

// One login for any number of callers (three failed logins open three browsers
// in turn with int128/kubelogin).
func TestSingleFlight(t *testing.T) {
	b := newBench(t)
	b.p.holdLogin = make(chan struct{})
	var all sync.WaitGroup
	tokens := make(chan string, 20)
	for range cap(tokens) {
		all.Add(1)
		go func() {
			defer all.Done()
			f := *b.Flow
			f.Store = b.open(t)
			got, err := f.Get(t.Context())
			if err != nil {
				t.Error(err)
			}
			tokens <- got.Token.Reveal()
		}()
	}
	close(b.p.holdLogin)
	all.Wait()
	close(tokens)
	for token := range tokens {
		if token != "token-1" {
			t.Errorf("got %s", token)
		}
	}
	if n := b.p.logins.Load(); n != 1 {
		t.Errorf("%d logins", n)
	}
}

// Whoever renews early waits for nobody, since the credential lives.
func TestEarlyRenewalWaitsForNobody(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	unlock, err := b.Store.Lock(t.Context(), b.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	b.clock = start.Add(58 * time.Minute)
	b.want(t, "token-1", 1, 0)
}

func TestWaiterEndsWithItsContext(t *testing.T) {
	b := newBench(t)
	unlock, err := b.Store.Lock(t.Context(), b.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Get(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// A cache that cannot be written does not discard the login (int128/kubelogin
// does).
func TestFailedSaveWarns(t *testing.T) {
	b := newBench(t)
	b.p.onLogin = func() {
		folder := filepath.Join(b.dir, string(cache.InFile))
		if err := errors.Join(os.RemoveAll(folder), os.WriteFile(folder, nil, 0o600)); err != nil {
			t.Error(err)
		}
	}
	b.want(t, "token-1", 1, 0)
	if len(b.warnings) != 1 {
		t.Errorf("warnings %v", b.warnings)
	}
}

// login stops before a browser when its result could not be kept; get-token
// goes on in memory.
func TestDeliberate(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a machine that may have no keyring")
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	b := newBench(t)
	store, err := cache.Open(cache.Options{Dir: b.dir, Storage: cache.Keyring})
	if err != nil {
		t.Fatal(err)
	}
	b.Store, b.Deliberate = store, true
	_, err = b.Get(t.Context())
	var absent *cache.UnavailableError
	if !errors.As(err, &absent) || b.p.logins.Load() != 0 {
		t.Errorf("error %v after %d logins", err, b.p.logins.Load())
	}
	b.Deliberate = false
	b.want(t, "token-1", 1, 0)
	if len(b.warnings) != 1 {
		t.Errorf("warnings %v", b.warnings)
	}
}

// Whoever asks for a new one and meets another's, issued since, takes that.
func TestForcedTakesWhatWasIssuedSince(t *testing.T) {
	b := newBench(t)
	b.want(t, "token-1", 1, 0)
	b.Force = true
	b.clock = start.Add(time.Minute)
	_, work, err := b.Cached(t.Context())
	if err != nil || work == nil {
		t.Fatalf("work %+v, error %v", work, err)
	}
	b.clock = b.clock.Add(time.Second)
	b.want(t, "token-2", 1, 1)
	got, err := b.Do(t.Context(), work)
	if err != nil || got.Token.Reveal() != "token-2" || b.p.renewals.Load() != 1 {
		t.Errorf("got %s after %d renewals, error %v", got.Token.Reveal(), b.p.renewals.Load(), err)
	}
}
