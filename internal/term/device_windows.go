package term

// The console of a Windows process. A read of the console cannot be given up,
// so one goroutine reads for as long as the program lives; a prompt that ends
// with its context leaves it waiting, and the next prompt takes what it reads.

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
	"golang.org/x/term"
)

type device struct {
	in, out *os.File
	typed   chan []byte // nil until the first prompt; closed when the console is gone
}

func openDevice() (*device, error) {
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("CONIN$: %w", err)
	}
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("CONOUT$: %w", err)
	}
	return &device{in: in, out: out}, nil
}

// close does not wait for a read that is under way.
func (d *device) close() error {
	if d.typed == nil {
		return errors.Join(d.in.Close(), d.out.Close())
	}
	return d.out.Close()
}

// foreground is always true: a console has no jobs.
func (d *device) foreground() bool { return true }

func inForeground(int) bool { return true }

// interruptGroup does what the console does for Ctrl-C.
func interruptGroup() { _ = windows.GenerateConsoleCtrlEvent(windows.CTRL_C_EVENT, 0) }

// session is the time of one prompt, in raw mode.
type session struct {
	*device
	ctx           context.Context //nolint:containedctx // a session lives as long as its prompt
	inMode        uint32
	outMode       uint32
	understandsVT bool
}

func (d *device) begin(ctx context.Context) (*session, error) {
	s := &session{device: d, ctx: ctx}
	in, out := windows.Handle(d.in.Fd()), windows.Handle(d.out.Fd())
	if err := windows.GetConsoleMode(in, &s.inMode); err != nil {
		return nil, fmt.Errorf("cannot read the console's settings: %w", err)
	}
	if err := windows.GetConsoleMode(out, &s.outMode); err != nil {
		return nil, fmt.Errorf("cannot read the console's settings: %w", err)
	}
	raw := s.inMode &^ (windows.ENABLE_ECHO_INPUT | windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT)
	// Old consoles refuse the escape sequences; keys then come as characters.
	if windows.SetConsoleMode(in, raw|windows.ENABLE_VIRTUAL_TERMINAL_INPUT) != nil {
		if err := windows.SetConsoleMode(in, raw); err != nil {
			return nil, fmt.Errorf("cannot prepare the console: %w", err)
		}
	}
	s.understandsVT = windows.SetConsoleMode(out, s.outMode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
	if d.typed == nil {
		d.typed = make(chan []byte)
		go d.readAll()
	}
	return s, nil
}

func (d *device) readAll() {
	defer close(d.typed)
	for {
		buffer := make([]byte, 4096)
		n, err := d.in.Read(buffer)
		if n > 0 {
			d.typed <- buffer[:n]
		}
		if err != nil {
			return
		}
	}
}

func (s *session) end() {
	_ = windows.SetConsoleMode(windows.Handle(s.in.Fd()), s.inMode)
	_ = windows.SetConsoleMode(windows.Handle(s.out.Fd()), s.outMode)
}

func (s *session) width() int {
	width, _, err := term.GetSize(int(s.out.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// pastes reports whether the console can be asked to mark what is pasted.
func (s *session) pastes() bool { return s.understandsVT }

func (s *session) read() ([]byte, error) {
	select {
	case typed, ok := <-s.typed:
		if !ok {
			return nil, ErrCanceled
		}
		return typed, nil
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
}

func (s *session) Write(p []byte) (int, error) { return s.out.Write(p) }
