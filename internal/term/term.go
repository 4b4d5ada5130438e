// Package term speaks with the person at the terminal.
//
// The rules of this package:
//   - stdout belongs to kubectl and stdin to nobody: a prompt goes to the
//     terminal itself, /dev/tty or CONIN$ and CONOUT$.
//   - Only the terminal's foreground process group may ask. A background read
//     would stop the process, and kubectl with it, on SIGTTIN.
//   - However a prompt ends, the terminal is as it was before.
//   - Ctrl-C at a prompt means what it means elsewhere: everything in the
//     foreground stops, kubectl too. It is read as a character, so that the
//     terminal is restored first, and then passed on.
//   - Text from outside is cleaned before it is shown.
//
// A prompt and a Waiting line share the terminal's last line; do not show both.
package term

import (
	"context"
	"errors"
	"os"

	"golang.org/x/term"

	"github.com/kubecred/kubecred/internal/secret"
)

// maxInput bounds what a prompt takes, in bytes. A terminal that edits lines
// itself cuts them at 4,096, and an address with a code in it can be longer.
const maxInput = 64 << 10

var (
	// ErrNoTerminal means that this process has no terminal to ask on.
	ErrNoTerminal = errors.New("there is no terminal to ask on")
	// ErrBackground means that the terminal is another job's at the moment.
	ErrBackground = errors.New("the program is in the background of its terminal")
	// ErrCanceled means that the person pressed Ctrl-C, or Ctrl-D on an empty
	// line, or closed the terminal.
	ErrCanceled = errors.New("canceled at the prompt")
	// ErrTooLong means that more than 64 KB were entered.
	ErrTooLong = errors.New("the input is too long")
)

// StdinIsTerminal reports whether stdin is a terminal, which a client's word
// for "interactive" does not tell.
func StdinIsTerminal() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// StderrIsTerminal reports whether somebody may be watching stderr.
func StderrIsTerminal() bool { return term.IsTerminal(int(os.Stderr.Fd())) }

// Width is stderr's width in columns, or 0 where it is no terminal.
func Width() int {
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Terminal is the person's terminal. It asks one thing at a time.
type Terminal struct {
	device    *device
	interrupt func() // passes Ctrl-C on
}

// Open opens the terminal that controls this process. Its errors are
// ErrNoTerminal and ErrBackground.
func Open() (*Terminal, error) {
	d, err := openDevice()
	if err != nil {
		return nil, errors.Join(ErrNoTerminal, err)
	}
	if !d.foreground() {
		d.close()
		return nil, ErrBackground
	}
	return &Terminal{device: d, interrupt: interruptGroup}, nil
}

// Show writes text, which may have several lines and is not cleaned, to the
// terminal. Errors: ErrBackground, and the terminal's.
func (t *Terminal) Show(text string) error {
	if !t.device.foreground() {
		return ErrBackground
	}
	return t.device.show(text)
}

// Close closes the terminal; it does not end a prompt.
func (t *Terminal) Close() error { return t.device.close() }

// Line asks for a line, of up to 64 KB, and returns it without its end. prompt
// is shown before it, such as "Username: ". Pasted line breaks are left out,
// and so are control characters. What was typed after the line is left for
// the next prompt, or for the shell.
//
// Its errors: ErrCanceled, ErrBackground, ErrTooLong, the context's, and the
// terminal's.
func (t *Terminal) Line(ctx context.Context, prompt string) (string, error) {
	text, err := t.ask(ctx, prompt, &editor{limit: maxInput}, true)
	return string(text), err
}

// Password asks like Line and shows nothing of the answer.
func (t *Terminal) Password(ctx context.Context, prompt string) (secret.Text, error) {
	text, err := t.ask(ctx, prompt, &editor{limit: maxInput, tabs: true}, false)
	return secret.New(string(text)), err
}

func (t *Terminal) ask(ctx context.Context, prompt string, e *editor, echo bool) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	text, ctrlC, err := t.converse(ctx, prompt, e, echo)
	if ctrlC {
		t.interrupt() // only now: the terminal is restored
	}
	return text, err
}

// converse holds the terminal in raw mode, and restores it.
func (t *Terminal) converse(ctx context.Context, prompt string, e *editor, echo bool) (text []byte, ctrlC bool, err error) {
	s, err := t.device.begin(ctx)
	if err != nil {
		return nil, false, err
	}
	defer s.end()
	line := newView(s, prompt, s.width())
	defer line.finish()
	if err := line.begin(s.pastes()); err != nil {
		return nil, false, err
	}
	for {
		typed, err := s.read()
		if err != nil {
			return nil, false, err
		}
		for _, b := range typed {
			switch e.feed(b) {
			case submitted:
				if echo { // it may have come at once with the Enter
					if err := line.show(e.text); err != nil {
						return nil, false, err
					}
				}
				text, err := e.answer()
				return text, false, err
			case canceled:
				return nil, e.interrupted, ErrCanceled
			case more:
			}
		}
		if !echo {
			continue
		}
		if err := line.show(e.text); err != nil {
			return nil, false, err
		}
	}
}
