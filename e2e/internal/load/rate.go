package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Rate is how often do was done, and in which time: by so many workers at once, each again and again for at
// least d, or until most is reached where that is not 0. The first error ends it.
func Rate(ctx context.Context, d time.Duration, most int64, workers int, do func(worker int) error) (n int64, took time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, workers)
	var begun, done atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for i := range workers {
		all.Go(func() {
			for ctx.Err() == nil && time.Since(began) < d && (most == 0 || begun.Add(1) <= most) {
				if err := do(i); err != nil {
					errs <- err
					cancel()
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	took = time.Since(began)
	select {
	case err = <-errs:
	default:
		err = ctx.Err()
	}
	if err == nil && done.Load() == 0 {
		err = errors.New("nothing was done")
	}
	return done.Load(), took, err
}

// Cost is the time that one do took under load, by the clock and by the processor of a server; pid 0 is nobody's.
func Cost(ctx context.Context, pid int, d time.Duration, workers int, do func(worker int) error) (each, processor time.Duration, err error) {
	before, err := ProcessorTime(pid)
	if err != nil {
		return 0, 0, err
	}
	n, took, err := Rate(ctx, d, 0, workers, do)
	if err != nil {
		return 0, 0, err
	}
	after, err := ProcessorTime(pid)
	return took / time.Duration(n), (after - before) / time.Duration(n), err
}

// Same asks the same on each line, and wants 200.
func Same(lines []*Line, request []byte) func(worker int) error {
	return func(worker int) error {
		status, body, err := lines[worker].Ask(request)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	}
}

// Memory is what a process has resident, in bytes: of its own, and mapped from files, which the kernel may
// take back at any time (proc_pid_status(5)).
type Memory struct{ Own, Files int64 }

// MemoryOf reads it, on Linux.
func MemoryOf(pid int) (m Memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "RssAnon":
			m.Own = kilobytes << 10
		case "RssFile":
			m.Files = kilobytes << 10
		}
	}
	if m.Own == 0 {
		err = fmt.Errorf("process %d has no memory", pid)
	}
	return m, err
}

// ProcessorTime is what a process has used, user and system, on Linux. The process 0 uses nothing.
func ProcessorTime(pid int) (time.Duration, error) {
	if pid == 0 {
		return 0, nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after) // from the third on; see proc_pid_stat(5)
	if len(fields) < 13 {
		return 0, errors.New("no times in /proc")
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	system, failed := strconv.ParseInt(fields[12], 10, 64)
	const tick = time.Second / 100 // USER_HZ, the same on every architecture that Go knows
	return time.Duration(user+system) * tick, errors.Join(err, failed)
}
