package login

// A sign-in in a browser on this machine, or in one whose loopback reaches
// this machine's. The listener and, where there is a terminal, a prompt wait
// side by side; the first answer that belongs to this sign-in counts. The page
// says "signed in" only after the token was verified.

import (
	"context"
	"errors"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/login/loopback"
)

// browserTimeout is kubelogin's.
const browserTimeout = 3 * time.Minute

// BrowserOptions says how to reach the person.
type BrowserOptions struct {
	Person Person // MUST be set

	// Addresses to listen on, tried in order; none means localhost:8000, then
	// localhost:18000, which kubelogin's users have registered.
	Addresses []string
	// RedirectURL is sent instead of http://localhost:PORT. When it names a
	// port that is among the addresses', only that one is listened on.
	RedirectURL string
	// CertFile and KeyFile make the listener speak TLS.
	CertFile, KeyFile string
	// OpenURLAfter is shown after a success instead of our page.
	OpenURLAfter string

	// SkipOpen shows the address and opens nothing.
	SkipOpen bool
	// Paste asks for a pasted code or address beside the listener. It needs a
	// terminal.
	Paste bool
	// Timeout bounds the wait for the person; 0 is three minutes.
	Timeout time.Duration
}

// Browser signs a person in with a browser. That none could be opened is not
// an error: the address is shown. Errors, besides those of Password:
// *UnsupportedError, *PortsBusyError, *NotLoopbackError and others about o,
// ErrDenied, ErrTimeout, context.Canceled.
func (c *Client) Browser(ctx context.Context, o BrowserOptions) (Tokens, error) {
	a, err := c.begin(ctx)
	if err != nil {
		return Tokens{}, err
	}
	listener, err := loopback.Listen(ctx, c.listen(a, o))
	if err != nil {
		return Tokens{}, err
	}
	defer listener.Close()
	a.redirect = listener.RedirectURL()
	address, err := c.authorizationURL(a)
	if err != nil {
		return Tokens{}, err
	}
	waiting, cancel := context.WithTimeout(ctx, waitFor(o))
	defer cancel()
	inviting, answered := context.WithCancel(waiting)
	defer answered()
	browser := receive(waiting, listener, answered)
	c.invite(inviting, o, address)
	got := c.await(waiting, cancel, browser, a, o)
	if got.err != nil {
		return Tokens{}, answerError(got.err)
	}
	tokens, err := c.redeemCode(ctx, a, got.code)
	got.tell(tokens, err)
	return tokens, err
}

func (c *Client) listen(a attempt, o BrowserOptions) loopback.Options {
	at := o.listen()
	at.Expected, at.Log = c.expected(a), c.cfg.Log
	at.FormPost = c.cfg.ExtraParams["response_mode"] == formPost
	return at
}

func (o BrowserOptions) listen() loopback.Options {
	addresses := o.Addresses
	if len(addresses) == 0 {
		addresses = []string{"localhost:8000", "localhost:18000"}
	}
	return loopback.Options{
		Addresses: addresses, RedirectURL: o.RedirectURL,
		CertFile: o.CertFile, KeyFile: o.KeyFile, OpenURLAfter: o.OpenURLAfter,
	}
}

// Busy reports which of the addresses that Browser would try are taken now, and
// how many it would try. Errors are Browser's about o.
func (o BrowserOptions) Busy(ctx context.Context) (busy []string, tried int, err error) {
	return loopback.Busy(ctx, o.listen())
}

func waitFor(o BrowserOptions) time.Duration {
	if o.Timeout <= 0 {
		return browserTimeout
	}
	return o.Timeout
}

// invite brings the person to address. It ends early, and has nothing to say,
// when the browser has answered while its launcher was still being watched.
func (c *Client) invite(ctx context.Context, o BrowserOptions, address string) {
	text := "Open this address in a browser to sign in:"
	if !o.SkipOpen {
		err := o.Person.Open(ctx, address)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			text = "A browser has been opened to sign in. If you do not see it, open this address:"
		} else {
			text = "No browser could be opened. " + text
			c.cfg.Log.Info("no browser could be opened", "error", err)
		}
	}
	text += "\n\n    " + address + "\n"
	if o.Paste {
		text += "\nIf the browser ends on a page that it cannot open, copy the whole address of that page and paste it here.\n" +
			patience(o.Timeout, browserTimeout)
	}
	o.Person.Show(text)
}

// arrival is how the wait for a code ended.
type arrival struct {
	code     secret.Text
	callback *loopback.Callback // the browser that waits for the page; nil for a pasted code
	pasted   bool
	err      error
}

// receive waits for the listener, and calls answered when that is over.
func receive(ctx context.Context, listener *loopback.Listener, answered func()) <-chan arrival {
	browser := make(chan arrival, 1)
	go func() {
		callback, err := listener.Wait(ctx)
		if err != nil {
			browser <- arrival{err: err}
		} else {
			browser <- arrival{code: callback.Code, callback: callback}
		}
		answered()
	}()
	return browser
}

// await waits for the browser and the prompt. It returns when both are gone,
// so that the terminal is as it was; cancel ends the other one.
func (c *Client) await(ctx context.Context, cancel func(), browser <-chan arrival, a attempt, o BrowserOptions) arrival {
	if !o.Paste {
		defer o.Person.Await("the sign-in in the browser", c.cfg.Now().Add(waitFor(o)))()
		return <-browser
	}
	prompt := make(chan arrival, 1)
	go func() {
		code, err := askCode(ctx, o.Person, c.expected(a))
		prompt <- arrival{code: code, pasted: true, err: err}
	}()
	select {
	case first := <-browser:
		cancel()
		<-prompt
		return first
	case first := <-prompt:
		if first.promptEnded() {
			return <-browser
		}
		cancel()
		<-browser
		return first
	}
}

// promptEnded reports whether there is merely nobody to ask any more. A
// person who gave up, or pasted the provider's "no", ends the sign-in.
func (a arrival) promptEnded() bool {
	var denied *loopback.DeniedError
	var issuer *loopback.IssuerError
	return a.pasted && a.err != nil && !errors.Is(a.err, context.Canceled) &&
		!errors.As(a.err, &denied) && !errors.As(a.err, &issuer)
}

// tell shows the page that the browser waits for.
func (a arrival) tell(tokens Tokens, err error) {
	switch {
	case a.callback == nil:
	case err != nil:
		a.callback.Fail(err.Error())
	default:
		a.callback.Succeed(tokens.Claims.Account())
	}
}
