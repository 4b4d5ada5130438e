package login

// A sign-in with a browser on another machine: the person carries the answer
// over by hand. kubelogin calls it authcode-keyboard.

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/login/loopback"
)

const (
	pasteTimeout  = 10 * time.Minute
	pasteRedirect = "http://localhost:8000"
	pastePrompt   = "Paste the address or the code: "
	// maxPastes bounds how often something useless may be pasted.
	maxPastes = 10
)

// PasteOptions says how to reach the person.
type PasteOptions struct {
	Person Person // MUST be set
	// RedirectURL is where the provider sends the browser; empty is
	// http://localhost:8000, where nobody need listen. Some providers show the
	// code themselves at a URL of their own, or at urn:ietf:wg:oauth:2.0:oob.
	RedirectURL string
	// Timeout bounds the wait for the person; 0 is ten minutes.
	Timeout time.Duration
}

// Paste signs a person in who can open an address elsewhere, and paste what
// comes of it: the bare code, or the address with it, whose state and issuer
// are checked. Errors are those of Browser but for the listener's, and
// whatever Person.Ask returns when there is nobody to ask.
func (c *Client) Paste(ctx context.Context, o PasteOptions) (Tokens, error) {
	a, err := c.begin(ctx)
	if err != nil {
		return Tokens{}, err
	}
	a.byHand = true
	if a.redirect = o.RedirectURL; a.redirect == "" {
		a.redirect = pasteRedirect
	}
	address, err := c.authorizationURL(a)
	if err != nil {
		return Tokens{}, err
	}
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = pasteTimeout
	}
	o.Person.Show("Open this address in a browser, on any machine, and sign in:\n\n    " + address + "\n\n" + whatToPaste(a.redirect) + patience(o.Timeout, pasteTimeout))
	waiting, cancel := context.WithTimeout(ctx, timeout)
	code, err := askCode(waiting, o.Person, c.expected(a))
	cancel()
	if err != nil {
		return Tokens{}, answerError(err)
	}
	return c.redeemCode(ctx, a, code)
}

// patience says how long a prompt waits, which no line can count beside it.
func patience(timeout, usual time.Duration) string {
	if timeout <= 0 {
		timeout = usual
	}
	return fmt.Sprintf("There are %s for it; Ctrl-C cancels.\n", timeout.Round(time.Second))
}

// whatToPaste prepares the person for how the sign-in ends.
func whatToPaste(redirect string) string {
	if u, err := url.Parse(redirect); err == nil && httpclient.IsLoopback(u.Hostname()) {
		return "The browser will end on a page that it cannot open. That is expected:\ncopy the whole address of that page, soon, and paste it here.\n"
	}
	return "Then paste here the code that is shown, or the whole address of the last page.\n"
}

// askCode asks until what is pasted is an answer, and says why it was not.
func askCode(ctx context.Context, person Person, want loopback.Expected) (secret.Text, error) {
	var unusable error
	for range maxPastes {
		text, err := person.Ask(ctx, pastePrompt)
		if err != nil {
			return secret.Text{}, err
		}
		code, err := loopback.ParsePasted(text, want)
		var stray *loopback.StrayError
		var paste *loopback.PasteError
		if !errors.As(err, &stray) && !errors.As(err, &paste) {
			return code, err
		}
		unusable = err
		person.Show("Not usable: " + err.Error() + ".\n")
	}
	return secret.Text{}, unusable
}
