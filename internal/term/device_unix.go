//go:build !windows

package term

// The terminal of a Unix process. Reading waits in select, beside a pipe that
// the context closes; poll would be the natural choice, but macOS does not
// support it for terminals.

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

type device struct{ fd int }

func openDevice() (*device, error) {
	// Not os.OpenFile: its poller cannot watch /dev/tty on macOS. O_NONBLOCK
	// belongs to this opening alone, not to the shell's.
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/tty: %w", err)
	}
	if fd >= unix.FD_SETSIZE {
		unix.Close(fd)
		return nil, errors.New("/dev/tty: too many open files")
	}
	return &device{fd}, nil
}

func (d *device) close() error { return unix.Close(d.fd) }

func (d *device) foreground() bool { return inForeground(d.fd) }

// inForeground reports whether this process may use the terminal at fd.
func inForeground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// interruptGroup does what the terminal does for Ctrl-C.
func interruptGroup() { _ = unix.Kill(0, unix.SIGINT) }

// session is the time of one prompt, in raw mode.
type session struct {
	*device
	ctx        context.Context // a session lives as long as its prompt
	saved      unix.Termios
	wake, stop *os.File // wake can be read when ctx has ended
	unwatch    func() bool
	buffer     [4096]byte
}

func (d *device) show(text string) error {
	for rest := []byte(text); len(rest) > 0; {
		n, err := unix.Write(d.fd, rest)
		switch {
		case n > 0:
			rest = rest[n:]
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN): // a terminal that is slow to take it
			ready := []unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLOUT}}
			if _, err := unix.Poll(ready, slowTerminal); err != nil && !errors.Is(err, unix.EINTR) {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

// slowTerminal bounds one wait for a terminal that takes no output, in ms.
const slowTerminal = 1000

// begin switches to raw mode. Signals stay with the process: the keys for
// them are read as characters. Output keeps its processing, so that other
// lines that are written meanwhile look right.
func (d *device) begin(ctx context.Context) (*session, error) {
	if !d.foreground() {
		return nil, ErrBackground
	}
	saved, err := unix.IoctlGetTermios(d.fd, getTermios)
	if err != nil {
		return nil, fmt.Errorf("cannot read the terminal's settings: %w", err)
	}
	wake, stop, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s := &session{device: d, ctx: ctx, saved: *saved, wake: wake, stop: stop}
	raw := s.saved
	raw.Iflag &^= unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(d.fd, setTermios, &raw); err != nil {
		wake.Close()
		stop.Close()
		return nil, fmt.Errorf("cannot prepare the terminal: %w", err)
	}
	s.unwatch = context.AfterFunc(ctx, func() { stop.Close() })
	return s, nil
}

// end restores the terminal, unless it has become another job's: the shell
// gives each job its own settings, and to change them from the background
// would stop the process (SIGTTOU).
func (s *session) end() {
	if s.foreground() {
		_ = unix.IoctlSetTermios(s.fd, setTermios, &s.saved)
	}
	s.unwatch()
	s.stop.Close()
	s.wake.Close()
}

func (s *session) width() int {
	width, _, err := term.GetSize(s.fd)
	if err != nil {
		return 0
	}
	return width
}

// pastes reports whether the terminal can be asked to mark what is pasted;
// one that cannot ignores it, but a dumb one would show it.
func (s *session) pastes() bool {
	kind := os.Getenv("TERM")
	return kind != "" && kind != "dumb"
}

// read returns what was typed since, at least a byte. It takes single bytes,
// so as not to take what follows the answer and is meant for somebody else. It
// ends with the context, and with ErrCanceled when the terminal is gone.
func (s *session) read() ([]byte, error) {
	typed := s.buffer[:0]
	for len(typed) < cap(typed) && (len(typed) == 0 || !endsRead(typed[len(typed)-1])) {
		n, err := unix.Read(s.fd, s.buffer[len(typed):len(typed)+1])
		switch {
		case n > 0:
			typed = s.buffer[:len(typed)+n]
		case errors.Is(err, unix.EINTR):
		case len(typed) > 0:
			return typed, nil
		case errors.Is(err, unix.EAGAIN):
			if err := s.await(false); err != nil {
				return nil, err
			}
		case err == nil || errors.Is(err, unix.EIO):
			return nil, ErrCanceled
		default:
			return nil, fmt.Errorf("cannot read from the terminal: %w", err)
		}
	}
	return typed, nil
}

// Write writes all of p, or ends with the context: Ctrl-S may have stopped the
// terminal's output.
func (s *session) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		n, err := unix.Write(s.fd, p[written:])
		written += max(n, 0)
		switch {
		case err == nil || errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			if err := s.await(true); err != nil {
				return written, err
			}
		default:
			return written, fmt.Errorf("cannot write to the terminal: %w", err)
		}
	}
	return written, nil
}

// await returns nil when the terminal can be read, or written.
func (s *session) await(write bool) error {
	wake := int(s.wake.Fd())
	if wake >= unix.FD_SETSIZE {
		return errors.New("too many open files")
	}
	for {
		var reads, writes unix.FdSet
		reads.Set(wake)
		if write {
			writes.Set(s.fd)
		} else {
			reads.Set(s.fd)
		}
		_, err := unix.Select(max(wake, s.fd)+1, &reads, &writes, nil, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("cannot wait for the terminal: %w", err)
		case reads.IsSet(wake):
			return s.ctx.Err()
		default:
			return nil
		}
	}
}
