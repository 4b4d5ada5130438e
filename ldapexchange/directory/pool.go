package directory

// Which connection a request goes over. The service's own are kept for the
// next request; a user's is closed after the user's bind and never used again.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

const (
	// maxIdle is how long an unused connection is kept. Active Directory closes
	// one after 15 minutes.
	maxIdle = 5 * time.Minute
	// trusted is how long an unused connection is taken for a good one unasked;
	// then it gets probeTimeout to answer.
	trusted      = 10 * time.Second
	probeTimeout = 2 * time.Second
	// downFor is how long a server that failed is asked last.
	downFor = 30 * time.Second
	// maxKept bounds the unused connections to one server.
	maxKept = 8
)

// asService runs use on a connection that is bound as the service, at the
// first server that answers.
func (l *LDAP) asService(ctx context.Context, use func(context.Context, *conn) error) error {
	return l.anywhere(ctx, func(h *host) error {
		for c := l.kept(ctx, h); c != nil; c = l.kept(ctx, h) {
			err := use(ctx, c)
			if !failed(err) || ctx.Err() != nil {
				l.keep(h, c)
				return unavailable(h, "search", err)
			}
			c.close() // it died while it was idle, perhaps: a new one tells
		}
		c, err := l.openService(ctx, h)
		if err != nil {
			return err
		}
		err = use(ctx, c)
		l.keep(h, c)
		return unavailable(h, "search", err)
	})
}

// asUser binds as somebody over a connection of its own, runs then on it, and
// closes it. A server's refusal of the bind is returned as it is. Once the bind
// was sent no other server is asked, whatever became of it: this one may have
// counted a failure, and the next would count the same one again.
func (l *LDAP) asUser(ctx context.Context, dn string, password secret.Text, then func(context.Context, *conn) error) error {
	return l.anywhere(ctx, func(h *host) error {
		c, err := l.open(ctx, h)
		if err != nil {
			return err
		}
		defer c.close()
		step, err := "bind", bindError(c.bind(ctx, l.o.BindTimeout, dn, password))
		if err == nil {
			step, err = "search", then(ctx, c)
		}
		if failed(err) && c.wire.wrote.Load() {
			err = &sentError{err}
		}
		return unavailable(h, step, err)
	})
}

// sentError is the failure of a server that had been sent a user's bind.
type sentError struct{ cause error }

func (e *sentError) Error() string {
	return e.cause.Error() + "; the password was sent, so that no other server is asked"
}

func (e *sentError) Unwrap() error { return e.cause }

// anywhere tries the servers in turn, for as long as each cannot be asked and
// was sent no user's password. It holds one of the MaxConnections meanwhile.
func (l *LDAP) anywhere(ctx context.Context, try func(*host) error) error {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
		return &UnavailableError{"", "wait", ctx.Err()}
	}
	var last error
	for _, h := range l.order() {
		last = try(h)
		var failure *UnavailableError
		if !errors.As(last, &failure) || ctx.Err() != nil {
			return last
		}
		l.o.Log.Warn("the directory's server failed", "host", h.address, "step", failure.Step, "error", failure.Error())
		if !failed(failure.Err) {
			return last
		}
		h.rest(l.o.now().Add(downFor))
		var sent *sentError
		if errors.As(last, &sent) {
			return last
		}
	}
	return last
}

// order is the servers as configured, those that failed lately last.
func (l *LDAP) order() []*host {
	var up, down []*host
	for _, h := range l.hosts {
		if h.resting(l.o.now()) {
			down = append(down, h)
		} else {
			up = append(up, h)
		}
	}
	return append(up, down...)
}

func (h *host) rest(until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = until
}

func (h *host) resting(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now.Before(h.down)
}

// failed reports whether err is a server's that another may do better than:
// broken, silent, busy or going down. What a server refused, it refused.
func failed(err error) bool {
	var broken *brokenError
	return errors.As(err, &broken) || hasCode(err, codeBusy, codeUnavailable)
}

// unavailable wraps what is neither a verdict on a person nor wrapped already.
func unavailable(h *host, step string, err error) error {
	if err == nil || verdict(err) || errors.Is(err, ErrUnavailable) {
		return err
	}
	return &UnavailableError{h.address, step, err}
}

func verdict(err error) bool {
	var account *AccountError
	if errors.As(err, &account) {
		return true
	}
	for _, known := range []error{ErrCredentials, ErrGone, ErrAmbiguous, ErrLimit, errNone} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// kept takes an unused connection that still answers, or nil.
func (l *LDAP) kept(ctx context.Context, h *host) *conn {
	for c := h.take(); c != nil; c = h.take() {
		idle := l.o.now().Sub(c.since)
		if c.alive() && idle < maxIdle && (idle < trusted || probe(ctx, c) == nil) {
			return c
		}
		c.close()
	}
	return nil
}

func (h *host) take() *conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.idle) == 0 {
		return nil
	}
	c := h.idle[len(h.idle)-1]
	h.idle = h.idle[:len(h.idle)-1]
	return c
}

// keep puts a connection back, or closes it where it is of no use.
func (l *LDAP) keep(h *host, c *conn) {
	c.since = l.o.now()
	h.mu.Lock()
	kept := c.alive() && len(h.idle) < maxKept && !l.closed.Load()
	if kept {
		h.idle = append(h.idle, c)
	}
	h.mu.Unlock()
	if !kept {
		c.close()
	}
}

// probe asks for the root of the server's tree, which every server has (RFC
// 4512, section 5.1).
func probe(ctx context.Context, c *conn) error {
	_, err := c.search(ctx, probeTimeout, query{scope: scopeBase, filter: "(objectClass=*)", attributes: []string{"1.1"}, most: 1})
	return err
}

// openService opens a connection and binds it as the service.
func (l *LDAP) openService(ctx context.Context, h *host) (*conn, error) {
	c, err := l.open(ctx, h)
	if err != nil || l.o.BindDN == "" {
		return c, err
	}
	if err := l.bindService(ctx, c); err != nil {
		c.close()
		return nil, unavailable(h, "bind of the service's account", err)
	}
	return c, nil
}

// errRefused is the service's own account, refused. It is final: the next
// server would count it as well.
var errRefused = errors.New("it was refused")

// refusal remembers a password of the service's account that was refused.
type refusal struct {
	mu       sync.Mutex
	password secret.Text
	until    time.Time
}

// refusedFor is how long a refused password of the service is not sent again:
// readiness asks all the time, and Active Directory counts failures for half an
// hour. An account that is locked or the like is asked for sooner: it says
// nothing of the password.
const (
	refusedFor = 30 * time.Minute
	barredFor  = time.Minute
)

func (l *LDAP) bindService(ctx context.Context, c *conn) error {
	password, err := l.o.BindPassword()
	if err != nil {
		return fmt.Errorf("its password cannot be read: %w", err)
	}
	if l.refusal.holds(password, l.o.now()) {
		return errRefused
	}
	err = bindError(c.bind(ctx, l.o.BindTimeout, l.o.BindDN, password))
	if verdict(err) { // no user's: it must not look like one
		wait := barredFor
		if errors.Is(err, ErrCredentials) {
			wait = refusedFor
		}
		err = fmt.Errorf("%w: %s", errRefused, err.Error())
		l.refusal.note(password, l.o.now().Add(wait))
	}
	return err
}

func (r *refusal) holds(password secret.Text, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Before(r.until) && r.password.Equal(password)
}

func (r *refusal) note(password secret.Text, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.password, r.until = password, until
}
