package login

import (
	"context"
	"crypto"
	"errors"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/oidctest"
)

// TestMain makes sure that no proxy of the machine's stands in between.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

// within bounds what should take milliseconds.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func config(t *testing.T, p *oidctest.Provider, edits ...func(*Config)) Config {
	t.Helper()
	client, err := httpclient.New(httpclient.Options{CAPEM: p.CAPEM()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	cfg := Config{
		Issuer:   p.Issuer,
		ClientID: oidctest.ClientID,
		Scopes:   []string{"email", "profile", "offline_access"},
		HTTP:     client,
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	return cfg
}

func discovered(t *testing.T, p *oidctest.Provider, edits ...func(*Config)) *Client {
	t.Helper()
	c, err := Discover(within(t), config(t, p, edits...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// person is a Person. What it was shown can be read at any time.
type person struct {
	open    func(address string) error // nil: it works, and nobody looks
	answers chan string                // what is typed; closed: nothing more to read
	gaveUp  chan struct{}              // closed: Ctrl-C at the prompt
	width   int
	restore func() // what taking the prompt away waits for

	mu    sync.Mutex
	shown []string
	asked int
	gone  int // prompts that were taken away
	waits int // less those that were stopped
	urls  chan string
}

func newPerson() *person {
	return &person{answers: make(chan string, 20), gaveUp: make(chan struct{}), urls: make(chan string, 20)}
}

func (p *person) Open(_ context.Context, address string) error {
	if p.open != nil {
		return p.open(address)
	}
	return nil
}

func (p *person) Show(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = append(p.shown, text)
	for _, word := range strings.Fields(text) {
		if u, err := url.Parse(word); err == nil && u.Host != "" && u.Query().Has("client_id") {
			p.urls <- word
		}
	}
}

var errNothingMore = errors.New("nothing more to read")

func (p *person) Ask(ctx context.Context, _ string) (string, error) {
	p.count(&p.asked, 1)
	select {
	case answer, ok := <-p.answers:
		if !ok {
			return "", errNothingMore
		}
		return answer, nil
	case <-p.gaveUp:
		return "", context.Canceled
	case <-ctx.Done():
		if p.restore != nil {
			p.restore()
		}
		p.count(&p.gone, 1)
		return "", ctx.Err()
	}
}

func (p *person) Await(string, time.Time) func() {
	p.count(&p.waits, 1)
	return func() { p.count(&p.waits, -1) }
}

func (p *person) Width() int { return p.width }

func (p *person) count(n *int, by int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*n += by
}

func (p *person) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.shown, "\n")
}

// clock is a time that moves when told.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// pauses makes a client's waits take no time: the clock jumps.
type pauses struct {
	clock *clock
	mu    sync.Mutex
	took  []time.Duration
	then  func(n int) // called in the n-th pause
}

func (p *pauses) wait(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	p.took = append(p.took, d)
	n := len(p.took)
	p.mu.Unlock()
	if p.then != nil {
		p.then(n)
	}
	p.clock.advance(d)
	return ctx.Err()
}

func (p *pauses) list() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.took)
}

// wantError checks an error's type and returns it.
func wantError[T error](t *testing.T, err error) T {
	t.Helper()
	var want T
	if !errors.As(err, &want) {
		t.Fatalf("error = %v (%T), want %T", err, err, want)
	}
	return want
}

func newCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(within(t))
}

// canaryKey is a signer that prints itself wherever it is printed.
type canaryKey struct{ text string }

func (canaryKey) Public() crypto.PublicKey { return nil }

func (canaryKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("cannot sign")
}

// carry plays someone who opens the address on another machine and carries the
// answer over: what Paste is for.
func carry(ctx context.Context, who *person, browser oidctest.Browser) {
	select {
	case address := <-who.urls:
		location, err := browser.Callback(ctx, address)
		if err != nil {
			close(who.answers)
			return
		}
		who.answers <- location
	case <-ctx.Done():
	}
}

// signIn goes through an authorization code login by paste.
func signIn(t *testing.T, p *oidctest.Provider, c *Client) (Tokens, error) {
	t.Helper()
	ctx, who := within(t), newPerson()
	go carry(ctx, who, oidctest.Browser{CAPEM: p.CAPEM()})
	return c.Paste(ctx, PasteOptions{Person: who})
}

// signedIn is signIn where it must succeed.
func signedIn(t *testing.T, p *oidctest.Provider, c *Client) Tokens {
	t.Helper()
	tokens, err := signIn(t, p, c)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}
