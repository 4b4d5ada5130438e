package server

// Liveness is that the process answers; readiness is that it can do its work.
// A directory that is away makes no process unhealthy: to restart it helps
// nobody.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/kubecred/kubecred/internal/term"
)

const (
	checkTimeout = 5 * time.Second
	// checkKept is how long readiness is remembered: anyone may ask, and each
	// answer costs the directory a connection.
	checkKept = 2 * time.Second
)

func (s *Server) livez(c *call) *refusal {
	c.send(http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	return nil
}

// readyz lists what was checked, without why it failed, and the insecure
// settings in force.
func (s *Server) readyz(c *call) *refusal {
	var out strings.Builder
	failed := s.ready.failures(c)
	for _, check := range s.o.Checks {
		if _, bad := failed[check.Name]; bad {
			fmt.Fprintf(&out, "[-]%s failed\n", check.Name)
		} else {
			fmt.Fprintf(&out, "[+]%s ok\n", check.Name)
		}
	}
	for _, setting := range s.insecure() {
		fmt.Fprintf(&out, "[!]insecure: %s\n", term.Clean(setting, maxTold))
	}
	status := http.StatusOK
	if s.draining.Load() {
		out.WriteString("[-]draining\n")
	}
	if len(failed) > 0 || s.draining.Load() {
		status = http.StatusServiceUnavailable
	}
	c.send(status, "text/plain; charset=utf-8", []byte(out.String()))
	return nil
}

// insecure adds what this package sees itself.
func (s *Server) insecure() []string {
	all := append([]string(nil), s.o.Insecure...)
	for _, c := range s.o.Clusters {
		if c.InsecureAnyCaller {
			all = append(all, "anyone may ask for reviews of cluster "+c.Name)
		}
	}
	if s.o.Names.InsecureAllowSystem {
		all = append(all, "names that begin with system: are let through")
	}
	return all
}

type readiness struct {
	checks []Check
	now    func() time.Time

	mu     sync.Mutex // held while the checks run: one run for all who ask
	until  time.Time
	failed map[string]error
}

func newReadiness(o Options) *readiness { return &readiness{checks: o.Checks, now: o.now} }

// failures runs the checks side by side, unless that was just done.
func (r *readiness) failures(c *call) map[string]error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now().Before(r.until) {
		return r.failed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), checkTimeout)
	defer cancel()
	errs := make([]error, len(r.checks))
	var all sync.WaitGroup
	for i, check := range r.checks {
		all.Go(func() { errs[i] = check.safely(ctx) })
	}
	all.Wait()
	failed := map[string]error{}
	for i, err := range errs {
		if err != nil {
			failed[r.checks[i].Name] = err
			c.log(slog.LevelWarn, "not ready: "+r.checks[i].Name, err)
		}
	}
	r.failed, r.until = failed, r.now().Add(checkKept)
	return failed
}

// safely runs a check whose panic would end the process.
func (c Check) safely(ctx context.Context) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the check panicked")
		}
	}()
	return c.Run(ctx)
}
