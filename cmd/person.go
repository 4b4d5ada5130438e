package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kubecred/kubecred/internal/browser"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/term"
	"github.com/kubecred/kubecred/login"
)

// person is whoever sits at the terminal, if anyone does. Questions are asked
// at the terminal itself, never on standard input; what is shown goes to
// stderr, and only where somebody reads it.
type person struct {
	app     *app
	allowed bool   // the client lets us ask
	browser string // the program that opens addresses; empty is the system's

	// waits is called when the keyring is being waited for; nil is nothing.
	waits func()
}

var _ login.Person = (*person)(nil)

// newPerson returns the person. allowed is the client's word: without it
// nobody is asked, terminal or not.
func (a *app) newPerson(allowed bool, browser string) *person {
	return &person{app: a, allowed: allowed, browser: browser}
}

// attends reports whether someone seems to be at a terminal. It costs one
// system call; answers makes sure.
func (p *person) attends() bool { return p.allowed && term.StdinIsTerminal() }

// answers reports whether someone can be asked now: not from the background,
// and not without a terminal of one's own.
func (p *person) answers() bool {
	if !p.attends() {
		return false
	}
	t, err := term.Open()
	if err != nil {
		p.app.log.Info("nobody can be asked", "reason", err)
		return false
	}
	t.Close()
	return true
}

// watches reports whether someone may see what is shown.
func (p *person) watches() bool { return term.StderrIsTerminal() || p.answers() }

// reads reports whether someone waits for instructions. A client that lets
// nobody be asked (a pipe into kubectl, a poller) may have a terminal on stderr
// all the same, where instructions that nobody chose would come as a surprise.
func (p *person) reads() bool { return p.allowed && p.watches() }

// Open implements login.Person.
func (p *person) Open(ctx context.Context, url string) error {
	return browser.Open(ctx, url, p.browser)
}

// Show implements login.Person.
func (p *person) Show(text string) {
	switch {
	case term.StderrIsTerminal():
		io.WriteString(p.app.stderr, text)
	case p.attends():
		p.showAtTerminal(text)
	}
}

// showAtTerminal is for a stderr that is redirected: what is asked at the
// terminal is explained there.
func (p *person) showAtTerminal(text string) {
	t, err := term.Open()
	if err != nil {
		return
	}
	defer t.Close()
	if err := t.Show(text); err != nil {
		p.app.log.Info("nothing can be shown", "error", err)
	}
}

// Ask implements login.Person.
func (p *person) Ask(ctx context.Context, prompt string) (string, error) {
	return ask(p, func(t *term.Terminal) (string, error) { return t.Line(ctx, prompt) })
}

// askPassword asks for a password without showing it.
func (p *person) askPassword(ctx context.Context, prompt string) (secret.Text, error) {
	return ask(p, func(t *term.Terminal) (secret.Text, error) { return t.Password(ctx, prompt) })
}

func ask[T any](p *person, prompt func(*term.Terminal) (T, error)) (answer T, err error) {
	if !p.attends() {
		return answer, errNeedPerson
	}
	t, err := term.Open()
	if err != nil {
		return answer, fmt.Errorf("%w: %w", errNeedPerson, err)
	}
	defer t.Close()
	answer, err = prompt(t)
	if errors.Is(err, term.ErrCanceled) {
		err = &gaveUpError{}
	}
	return answer, err
}

// gaveUpError is a person's Ctrl-C or Ctrl-D at a prompt.
type gaveUpError struct{}

func (*gaveUpError) Error() string { return "you gave up at the prompt" }

// Is makes it the context.Canceled that login.Person asks for.
func (*gaveUpError) Is(target error) bool { return target == context.Canceled }

// Await implements login.Person.
func (p *person) Await(what string, until time.Time) func() {
	return term.Waiting("Waiting for "+what, until)
}

// awaitOthers tells whoever waits for instructions that another process is in
// the way, once that has taken a second. The returned function ends it.
func (p *person) awaitOthers() func() {
	if !p.allowed {
		return func() {}
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-time.After(time.Second):
			defer p.Await("another sign-in to end", time.Time{})()
			<-quit
		case <-quit:
		}
	}()
	return func() { close(quit); <-ended }
}

// notice tells of a keyring that is being waited for. Who reads it may press
// Ctrl-C at once.
func (p *person) notice(text string) {
	if p.waits != nil {
		p.waits()
	}
	p.Show(text + "\n")
}

// Width implements login.Person.
func (p *person) Width() int { return term.Width() }

// warn tells of something that did not stop the program.
func (p *person) warn(text string, err error) {
	p.app.log.Warn(text, "error", err)
	p.Show(fmt.Sprintf("warning: %s: %s\n", text, cli.OneLine(err.Error())))
}
