// Package measure runs whole programs and says what each run cost, as whoever starts them pays it:
// from before the process is made until its standard output is at its end and it has been waited for.
//
// The times of one program are worth little: the machine drifts, and no two are alike. Programs are
// therefore run in rounds, each once a round, and compared within the round (Times.Over).
// What is measured here is one machine's; only ratios may be compared between machines.
package measure

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Command is a program to run, with nothing on its standard input.
type Command struct {
	Path string
	Args []string
	Env  []string // the whole environment
	Dir  string
	Each func() string // one more variable, another for each run; may be nil
}

// Cost is what one run took.
type Cost struct {
	Wall time.Duration // by the monotonic clock
	CPU  time.Duration // of the process and the children it waited for, user and system
	// Faults are the pages that it touched for the first time and the kernel had to map.
	Faults int64
}

// Run runs the command to its end and returns what it printed. An exit status other than 0 is an
// error that has what was written to standard error. One that outlives the context is killed.
func (c Command) Run(ctx context.Context) (Cost, []byte, error) {
	// A file, not a pipe: nobody has to be woken up to read what is hardly ever there.
	stderr, err := os.CreateTemp("", "kubecred-stderr-")
	if err != nil {
		return Cost{}, nil, err
	}
	defer os.Remove(stderr.Name())
	defer stderr.Close()
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Env, cmd.Dir, cmd.Stderr = c.Env, c.Dir, stderr
	if c.Each != nil {
		cmd.Env = append(slices.Clip(c.Env), c.Each())
	}
	began := time.Now()
	out, err := output(cmd)
	wall := time.Since(began)
	if err != nil {
		said, _ := os.ReadFile(stderr.Name())
		return Cost{}, nil, fmt.Errorf("%s %s: %w\n%s", c.Path, strings.Join(c.Args, " "), err, said)
	}
	return cost(wall, cmd.ProcessState), out, nil
}

func cost(wall time.Duration, state *os.ProcessState) Cost {
	c := Cost{Wall: wall, CPU: state.UserTime() + state.SystemTime()}
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		c.Faults = int64(usage.Minflt)
	}
	return c
}

// output reads the pipe itself; exec's own Output hands that to one more goroutine.
func output(cmd *exec.Cmd) ([]byte, error) {
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	out, err := io.ReadAll(pipe)
	if ended := cmd.Wait(); ended != nil {
		err = ended
	}
	return out, err
}

// Rounds runs each command once a round, in another order each time: none comes always after the
// same one. One more round before them warms up and does not count. The result has a series for
// each command, by round.
func Rounds(ctx context.Context, n int, commands []Command) ([]Series, error) {
	all := make([]Series, len(commands))
	for round := range n + 1 {
		for _, i := range rand.Perm(len(commands)) {
			cost, _, err := commands[i].Run(ctx)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				all[i] = append(all[i], cost)
			}
		}
	}
	return all, nil
}

// Together starts the command n times at once. It returns the time from the first start until the
// last has ended, and what each printed.
func Together(ctx context.Context, n int, c Command) (time.Duration, []string, error) {
	printed, errs := make([]string, n), make(chan error, n)
	var all sync.WaitGroup
	began := time.Now()
	for i := range n {
		all.Go(func() {
			_, out, err := c.Run(ctx)
			printed[i] = string(out)
			errs <- err
		})
	}
	all.Wait()
	took := time.Since(began)
	for range n {
		if err := <-errs; err != nil {
			return 0, nil, err // one stands for all
		}
	}
	return took, printed, nil
}
