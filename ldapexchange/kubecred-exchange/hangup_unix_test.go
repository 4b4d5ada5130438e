//go:build unix

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A certificate changes without a restart, and TLS 1.1 stays out after it
// (CVE-2024-23656).
func TestACertificateChanges(t *testing.T) {
	h := newHouse(t)
	h.serve()
	before := h.serial()
	next, err := newAuthority("kubecred-exchange dev", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	serving, err := next.server(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := serving.write(h.at("tls.crt"), h.at("tls.key")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil { // the service runs in this process
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); h.serial() == before; {
		if time.Now().After(deadline) {
			t.Fatalf("the old certificate stays\n%s", h.stderr)
		}
	}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(h.issuer, "https://"), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil {
		conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// A terminal that is closed leaves no exchange behind that nobody sees.
func TestDevEndsWithItsTerminal(t *testing.T) {
	devUntil(t, func(func()) {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Error(err)
		}
	})
}

// A service that has begun and does not answer yet hears of it once it does: here
// it waits for a reader of its audit.
func TestAHangupBeforeTheServiceAnswers(t *testing.T) {
	h := newHouse(t)
	h.edit("log: {level: warn}", "log: {level: info}")
	if err := syscall.Mkfifo(h.at("audit.log"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- (&app{stdout: h.stdout, stderr: h.stderr}).run(ctx, []string{"serve", "--config=" + h.at("exchange.yaml")})
	}()
	h.await("the state", func() bool { _, err := os.Stat(h.at("state/state.db")); return err == nil })
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	audit, err := os.Open(h.at("audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer audit.Close()
	h.await("a reload", func() bool { return strings.Contains(h.stderr.String(), "the configuration was read again") })
	cancel()
	if status := <-ended; status != 0 {
		t.Errorf("status %d\n%s", status, h.stderr)
	}
}

// await looks until something has happened.
func (h *house) await(what string, happened func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("%s is waited for in vain\n%s", what, h.stderr)
		}
	}
}

// A key that others can read is refused, as of the signing keys. What Kubernetes
// makes of a Secret is taken: links, readable by the pod's group.
func TestTheServersKeyIsPrivate(t *testing.T) {
	h := newHouse(t)
	s := h.service()
	key := h.at("tls.key")
	chmod := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range []os.FileMode{0o644, 0o604, 0o660} {
		chmod(key, mode)
		if err := s.reload(t.Context()); err == nil {
			t.Errorf("%o is taken", mode)
		}
		if got := signIn(s, devClient, h.password.Reveal()); got != http.StatusOK {
			t.Errorf("the old one is gone: %d", got)
		}
	}
	other := newHouse(t)
	chmod(other.at("tls.key"), 0o644)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // a service that starts ends in good order
	defer cancel()
	var out, errs output
	status, stderr := (&app{stdout: &out, stderr: &errs}).run(ctx, []string{"serve", "--config=" + other.at("exchange.yaml")}), errs.String()
	if status != exitConfig || !strings.Contains(stderr, other.at("tls.key")) || !strings.Contains(stderr, "chmod") {
		t.Errorf("at the start: status %d\n%s", status, stderr)
	}
	data := h.at("..2026_11_24")
	if err := errors.Join(os.Mkdir(data, 0o755), os.Symlink(data, h.at("..data")), os.Rename(key, filepath.Join(data, "tls.key")),
		os.Symlink(filepath.Join("..data", "tls.key"), key)); err != nil {
		t.Fatal(err)
	}
	chmod(key, 0o440)
	if err := s.reload(t.Context()); err != nil {
		t.Errorf("a mounted one: %v", err)
	}
}

func (h *house) serial() string {
	h.t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(h.issuer, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}
