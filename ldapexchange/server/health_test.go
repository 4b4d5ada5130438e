package server

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestReadiness(t *testing.T) {
	var broken atomic.Bool
	var runs atomic.Int32
	w := newWorld(t, func(o *Options) {
		o.Insecure = []string{"directory: LDAP\nwithout TLS"}
		o.Checks = []Check{
			{"directory", func(context.Context) error {
				runs.Add(1)
				if broken.Load() {
					return errors.New("ldap://10.0.0.1: refused")
				}
				return nil
			}},
			{"state", func(ctx context.Context) error {
				if _, bounded := ctx.Deadline(); !bounded {
					return errors.New("no deadline")
				}
				return nil
			}},
		}
	})
	answer := w.request("GET", "/readyz", "", "")
	if answer.StatusCode != 200 || answer.body != "[+]directory ok\n[+]state ok\n[+]audit ok\n[!]insecure: directory: LDAP without TLS\n" {
		t.Errorf("%d %q", answer.StatusCode, answer.body)
	}
	broken.Store(true)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { w.request("GET", "/readyz", "", "") })
	}
	all.Wait()
	if got := runs.Load(); got != 1 {
		t.Errorf("the directory was asked %d times", got)
	}
	w.pass(checkKept)
	answer = w.request("GET", "/readyz", "", "")
	if answer.StatusCode != 503 || !strings.Contains(answer.body, "[-]directory failed\n") || strings.Contains(answer.body, "10.0.0.1") {
		t.Errorf("%d %q", answer.StatusCode, answer.body)
	}
	if answer := w.request("GET", "/livez", "", ""); answer.StatusCode != 200 {
		t.Errorf("a directory that is away makes the process unhealthy: %d", answer.StatusCode)
	}
}

func TestCheckThatPanics(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Checks = []Check{{"directory", func(context.Context) error { panic("x") }}} })
	if answer := w.request("GET", "/readyz", "", ""); answer.StatusCode != 503 || answer.body != "[-]directory failed\n[+]audit ok\n" {
		t.Errorf("%d %q", answer.StatusCode, answer.body)
	}
}
