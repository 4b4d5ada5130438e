//go:build unix

package main

import (
	"crypto/tls"
	"os"
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

func (h *house) serial() string {
	h.t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(h.issuer, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}
