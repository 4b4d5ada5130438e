package cmd

import (
	"errors"

	"github.com/kubecred/kubecred/internal/browser"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/login"
)

// Which way to sign in, and whether there is one at all.

// noWayError is a provider or a policy that leaves no way to sign in.
type noWayError struct{ why string }

func (e *noWayError) Error() string { return "there is no way to sign in: " + e.why }

// errNeedPerson is a login that cannot be done from here.
var errNeedPerson = errors.New("signing in needs you, and nobody can be asked here")

// reachable ends a hopeless login before anything is sent: no browser that
// could open, nobody at a terminal, and nothing that a machine could use.
func (o *oidc) reachable() error {
	switch o.s.Grant {
	case settings.GrantClientCredentials:
		return nil
	case settings.GrantPassword:
		return o.passwords.reachable()
	case settings.GrantDeviceCode:
		return when(o.readsCode())
	case settings.GrantAuthCodeKeyboard:
		return when(o.person.answers())
	case settings.GrantAuto:
		if o.s.Username != "" {
			return o.passwords.reachable()
		}
	}
	return when(o.person.reads() || o.canOpen())
}

// readsCode reports whether a device's code would be read: wherever something
// is shown when the person chose this way, else only where they wait for it.
func (o *oidc) readsCode() bool {
	return o.person.reads() || o.s.Grant == settings.GrantDeviceCode && o.person.watches()
}

func when(possible bool) error {
	if possible {
		return nil
	}
	return errNeedPerson
}

// canOpen reports whether a browser could open without anyone at a terminal.
func (o *oidc) canOpen() bool {
	at := o.surroundings()
	return !o.s.SkipOpenBrowser && (o.s.BrowserCommand != "" || at.BrowserSet || at.Display || at.WSL)
}

func (o *oidc) surroundings() login.Surroundings {
	here := browser.Look()
	return login.Surroundings{
		UserName:   o.s.Username != "",
		Terminal:   o.person.answers(),
		BrowserSet: here.Browser || o.s.BrowserCommand != "",
		Display:    here.Display,
		WSL:        here.WSL,
		SSH:        here.SSH,
	}
}

func (o *oidc) choose(m login.Metadata) (login.Method, string) {
	if o.s.Grant != settings.GrantAuto {
		return login.Method(o.s.Grant), "it is configured"
	}
	at := o.surroundings()
	at.NoCode = !m.OffersCode() || o.s.Denies(settings.GrantAuthCode)
	at.NoDevice = !m.OffersDevice() || o.s.Denies(settings.GrantDeviceCode)
	at.NoPaste = o.s.Denies(settings.GrantAuthCodeKeyboard)
	return login.Choose(at)
}

// mayMiss reports whether the browser that opens could fail to reach this
// machine's loopback, so that a prompt beside the listener helps. Where the
// browser is on this very desktop it would only be in the way.
func (o *oidc) mayMiss() bool {
	at := o.surroundings()
	return o.s.SkipOpenBrowser || at.SSH || at.WSL || !at.Display
}
