// Package terminal is a person at a terminal: a pseudo-terminal with a program in it,
// whose output is read and waited for, and whose keyboard is typed on.
package terminal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// Terminal is a program running in a session of its own, with this as its controlling terminal.
type Terminal struct {
	cmd  *exec.Cmd
	pty  *os.File
	done chan struct{} // closed once the program has ended and all it printed is on the screen
	code int

	mu     sync.Mutex
	screen []byte
	seen   int           // how far Expect has read
	more   chan struct{} // closed and replaced whenever something is printed
}

// Start runs the command in a terminal of 100 columns and 40 lines.
// Those of its three streams that are set already stay as they are; the terminal is /dev/tty all the same.
func Start(cmd *exec.Cmd) (*Terminal, error) {
	pt, tty, err := pty.Open()
	if err != nil {
		return nil, err
	}
	defer tty.Close() // the child has its own
	if err := pty.Setsize(pt, &pty.Winsize{Rows: 40, Cols: 100}); err != nil {
		return nil, errors.Join(err, pt.Close())
	}
	attach(cmd, tty)
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, pt.Close())
	}
	t := &Terminal{cmd: cmd, pty: pt, done: make(chan struct{}), more: make(chan struct{})}
	go t.read()
	return t, nil
}

// attach makes tty the controlling terminal, by a descriptor that the child surely has.
func attach(cmd *exec.Cmd, tty *os.File) {
	if cmd.Stdin == nil {
		cmd.Stdin = tty
	}
	if cmd.Stdout == nil {
		cmd.Stdout = tty
	}
	if cmd.Stderr == nil {
		cmd.Stderr = tty
	}
	cmd.ExtraFiles = []*os.File{tty}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
}

// read puts what is printed on the screen until nobody has the terminal open any more.
func (t *Terminal) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := t.pty.Read(buffer)
		t.mu.Lock()
		t.screen = append(t.screen, buffer[:n]...)
		close(t.more)
		t.more = make(chan struct{})
		t.mu.Unlock()
		if err != nil { // EIO on Linux
			break
		}
	}
	_ = t.cmd.Wait() // its exit code says it all
	t.code = t.cmd.ProcessState.ExitCode()
	close(t.done)
}

// Screen is all that was printed so far.
func (t *Terminal) Screen() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.screen)
}

// Expect waits until what was printed since the last match matches, and returns the groups.
func (t *Terminal) Expect(pattern string, within time.Duration) ([]string, error) {
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	deadline := time.After(within)
	for {
		groups, more := t.match(wanted)
		if groups != nil {
			return groups, nil
		}
		select {
		case <-more:
		case <-t.done:
			if groups, _ := t.match(wanted); groups != nil {
				return groups, nil
			}
			return nil, fmt.Errorf("the program ended with code %d without %q:\n%s", t.code, pattern, t.Screen())
		case <-deadline:
			return nil, fmt.Errorf("no %q within %s:\n%s", pattern, within, t.Screen())
		}
	}
}

// match looks at what is new; it also returns what to wait on for more.
func (t *Terminal) match(wanted *regexp.Regexp) ([]string, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := wanted.FindSubmatchIndex(t.screen[t.seen:])
	if at == nil {
		return nil, t.more
	}
	var groups []string
	for i := 0; i < len(at); i += 2 {
		groups = append(groups, string(t.screen[t.seen+at[i]:t.seen+at[i+1]]))
	}
	t.seen += at[1]
	return groups, t.more
}

// Type sends keys. Enter is "\r", Ctrl-C is "\x03".
func (t *Terminal) Type(keys string) error {
	_, err := io.WriteString(t.pty, keys)
	return err
}

// Wait waits for the program's end and returns its exit code; it kills one that takes longer.
func (t *Terminal) Wait(within time.Duration) (int, error) {
	defer t.pty.Close()
	select {
	case <-t.done:
		return t.code, nil
	case <-time.After(within):
		_ = syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL)
		return -1, fmt.Errorf("still running after %s:\n%s", within, t.Screen())
	}
}
