package desk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/terminal"
)

// patience is what a command may take where its context has no deadline.
const patience = 60 * time.Second

// Running is a command that has not ended yet, or of which nobody asked.
type Running struct {
	// Terminal is its terminal, where it has one.
	Terminal *terminal.Terminal

	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	pipe           *os.File // the writing end of a standard input that stays open
	began          time.Time
	deadline       time.Time
}

// Start begins a command.
func (d *Desk) Start(ctx context.Context, c Command) (*Running, error) {
	r := &Running{cmd: exec.CommandContext(ctx, c.Path, c.Args...), began: time.Now()}
	r.deadline = r.began.Add(patience)
	if deadline, ok := ctx.Deadline(); ok {
		r.deadline = deadline
	}
	r.cmd.Env, r.cmd.Dir = slices.Concat(d.Env, c.Env), d.Home
	r.cmd.Stdout = &r.stdout
	// Whatever keeps an output open after the command itself has ended is a fault: Wait fails on it.
	r.cmd.WaitDelay = 5 * time.Second
	if err := r.start(c.Stdin); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Path, err)
	}
	return r, nil
}

func (r *Running) start(stdin Stdin) (err error) {
	switch stdin {
	case Terminal:
		r.Terminal, err = terminal.Start(r.cmd)
		return err
	case Pipe:
		in, pipe, err := os.Pipe()
		if err != nil {
			return err
		}
		defer in.Close()
		r.cmd.Stdin, r.pipe = in, pipe
		r.Terminal, err = terminal.Start(r.cmd)
		return err
	default:
		r.cmd.Stderr = &r.stderr
		r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		r.cmd.Cancel = func() error { return syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) }
		return r.cmd.Start()
	}
}

// Signal sends a signal to the command alone.
func (r *Running) Signal(s os.Signal) error { return r.cmd.Process.Signal(s) }

// Wait waits for the end. A command that fails is no error here: see the code.
func (r *Running) Wait() (Result, error) {
	if r.pipe != nil {
		defer r.pipe.Close()
	}
	result, err := Result{}, error(nil)
	if r.Terminal != nil {
		result.Code, err = r.Terminal.Wait(time.Until(r.deadline))
		result.Stderr = r.Terminal.Screen()
	} else {
		err = r.cmd.Wait()
		result.Code, result.Stderr = r.cmd.ProcessState.ExitCode(), r.stderr.String()
	}
	result.Took = time.Since(r.began)
	result.Stdout = r.stdout.String()
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.Exited() {
		err = nil
	}
	return result, err
}
