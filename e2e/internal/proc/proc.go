// Package proc runs the servers that tests need and ends them again.
//
// Each is a process group of its own, ended by its number: nothing is looked up by name.
// What a server prints goes to a file, whose end is shown when something goes wrong.
package proc

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Spec says what to run.
type Spec struct {
	Path string   // the executable
	Args []string // its arguments
	Env  []string // its whole environment; nil means this process's own
	Dir  string   // where its log goes and it runs; it must exist
	// Stdin stays open for as long as the process is wanted.
	Stdin io.Reader
	// Stdout, where set, receives standard output instead of the log.
	Stdout io.Writer
}

// Process is a server that was started.
type Process struct {
	cmd  *exec.Cmd
	name string
	log  string
	done chan struct{} // closed once it has ended
	err  error         // how it ended; read after done
}

// grace is what a server gets to end by itself before it is killed.
const grace = 10 * time.Second

// Start runs the program. The caller stops it.
func Start(s Spec) (*Process, error) {
	name := filepath.Base(s.Path)
	log, err := os.Create(filepath.Join(s.Dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(s.Path, s.Args...)
	cmd.Env, cmd.Dir, cmd.Stdin = s.Env, s.Dir, s.Stdin
	cmd.Stdout, cmd.Stderr = log, log
	if s.Stdout != nil {
		cmd.Stdout = s.Stdout
	}
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, name: name, log: log.Name(), done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Stop asks the process to end, then makes it, and waits until it has.
func (p *Process) Stop() {
	if p == nil {
		return
	}
	terminate(p.cmd.Process.Pid)
	select {
	case <-p.done:
	case <-time.After(grace):
		kill(p.cmd.Process.Pid)
		<-p.done
	}
}

// Kill ends the process at once, as SIGKILL does, and waits until it has.
func (p *Process) Kill() {
	kill(p.cmd.Process.Pid)
	<-p.done
}

// Done is closed once the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Pid is the process's number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Ready asks the check again and again until it passes,
// and fails when the context ends or the process does.
func (p *Process) Ready(ctx context.Context, check func(context.Context) error) error {
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %v\n%s", p.name, p.err, p.Tail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", p.name, err, p.Tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Tail is the end of what the process printed.
func (p *Process) Tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
