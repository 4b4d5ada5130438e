package term

// The line that stands on stderr while a person waits.

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// Waiting tells the person, on one line of stderr, what the program waits for,
// how long it will, and how to stop it, such as
//
//	Waiting for the browser (2:41 left, Ctrl-C cancels)
//
// The line is brought up to date every second and erased by done, so that a
// success leaves nothing behind. Where stderr is no terminal, or the terminal
// is another job's, nothing is written. A zero until is no deadline. done may
// be called more than once.
func Waiting(what string, until time.Time) (done func()) {
	if !StderrIsTerminal() {
		return func() {}
	}
	ticker := time.NewTicker(time.Second)
	fd := int(os.Stderr.Fd())
	p := &progress{
		out: os.Stderr, what: what, until: until, now: time.Now,
		visible: func() bool { return inForeground(fd) },
		width: func() int {
			width, _, err := term.GetSize(fd)
			if err != nil || width <= 0 {
				return defaultWidth
			}
			return width
		},
	}
	stop := p.run(ticker.C)
	return func() { ticker.Stop(); stop() }
}

type progress struct {
	out     io.Writer
	what    string
	until   time.Time
	now     func() time.Time
	visible func() bool
	width   func() int

	drawn int // columns of the line that stands there
}

// run draws at once and at each tick. The function it returns erases the line
// and returns when nothing more will be written.
func (p *progress) run(ticks <-chan time.Time) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer p.erase()
		for {
			p.draw()
			select {
			case <-ticks:
			case <-quit:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(quit); <-ended })
}

func (p *progress) draw() {
	if !p.visible() {
		return
	}
	line := Clean(p.line(), p.width()-1) // a full line would wrap
	width := columns(line)
	fmt.Fprint(p.out, "\r"+line+strings.Repeat(" ", max(p.drawn-width, 0)))
	p.drawn = max(width, p.drawn)
}

func (p *progress) erase() {
	if p.drawn > 0 && p.visible() {
		fmt.Fprint(p.out, "\r"+strings.Repeat(" ", p.drawn)+"\r")
	}
}

func (p *progress) line() string {
	if p.until.IsZero() {
		return p.what + " (Ctrl-C cancels)"
	}
	left := max(p.until.Sub(p.now()), 0).Round(time.Second)
	return fmt.Sprintf("%s (%d:%02d left, Ctrl-C cancels)", p.what, int(left.Minutes()), int(left.Seconds())%60)
}
