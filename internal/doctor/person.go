package doctor

// The person: how they would sign in from here, and what that needs.

import (
	"context"
	"fmt"
	"strings"

	"github.com/kubecred/kubecred/login"
)

// Person is whoever would be asked, and where.
type Person struct {
	// Choose returns how a login would be done and why; nil is a provider
	// that has not said what it offers. It is nil where nobody signs in.
	Choose func(m *login.Metadata) (login.Method, string)
	// Metadata waits for what the provider offers.
	Metadata func(context.Context) *login.Metadata
	// Browser finds the program that would open one.
	Browser   func() (string, error)
	SkipsOpen bool // the address is shown instead
	// Terminal reports why nobody can be asked here; nil where someone can.
	Terminal func() error
	// Busy reports which of the redirect's addresses are taken, of how many.
	Busy func(context.Context) (busy []string, tried int, err error)
	Hint func(error) string
}

// Checks are those of the group "signing in".
func (p *Person) Checks() []Check {
	at := func(name string, run func(context.Context) Finding) Check {
		return Check{"signing in", name, afterShare, func(ctx context.Context) Finding {
			if p.Choose == nil {
				return skipped("nobody signs in to this entry")
			}
			return run(ctx)
		}}
	}
	return []Check{
		at("way", p.way),
		at("browser", p.browser),
		at("redirect", p.redirect),
		{"signing in", "terminal", fileShare, func(context.Context) Finding { return p.terminal() }},
	}
}

func (p *Person) way(ctx context.Context) Finding {
	method, why := p.Choose(p.Metadata(ctx))
	if method == login.MethodNone {
		return failed("there is none: "+why, "choose a --grant-type, or run kubecred login in a terminal")
	}
	return ok("%s, since %s", wayOf(method), why)
}

func wayOf(m login.Method) string {
	switch m {
	case login.MethodBrowser:
		return "a browser opens"
	case login.MethodPaste:
		return "you open an address anywhere and paste where it ended"
	case login.MethodDevice:
		return "you type a code on another device"
	case login.MethodPassword:
		return "a password"
	case login.MethodClientCredentials:
		return "the client's own credentials"
	}
	return string(m)
}

// byBrowser reports whether a login from here would open one.
func (p *Person) byBrowser(ctx context.Context) bool {
	method, _ := p.Choose(p.Metadata(ctx))
	return method == login.MethodBrowser
}

func (p *Person) browser(ctx context.Context) Finding {
	switch {
	case !p.byBrowser(ctx):
		return skipped("none is opened from here")
	case p.SkipsOpen:
		return ok("none is opened: the address is shown (--skip-open-browser)")
	}
	program, err := p.Browser()
	if err != nil {
		return failed(err.Error(), "install one (on Linux xdg-utils), set BROWSER, or choose another --grant-type")
	}
	return ok("%s opens it", program)
}

func (p *Person) redirect(ctx context.Context) Finding {
	if !p.byBrowser(ctx) {
		return skipped("nobody listens for a browser from here")
	}
	busy, tried, err := p.Busy(ctx)
	held := strings.Join(busy, " and ")
	switch {
	case err != nil:
		return failed(err.Error(), p.Hint(err))
	case len(busy) == 0:
		return ok("a port is free for the browser's answer")
	case len(busy) < tried:
		return note("%s is taken, and another one is free", held)
	}
	return failed(fmt.Sprintf("%s is taken", held),
		"end what holds it (a sign-in that waits elsewhere does, too), or give --listen-address=127.0.0.1:PORT with a port that the provider knows")
}

func (p *Person) terminal() Finding {
	if err := p.Terminal(); err != nil {
		return note("nobody can be asked here: %v", err)
	}
	return ok("you can be asked here")
}
