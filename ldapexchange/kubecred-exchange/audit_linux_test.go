package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A full disk under the audit is noticed, of sign-ins and of operators.
func TestFullDiskUnderTheAudit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.edit("audit.log", "/dev/full")
	s := h.service()
	signIn(s, devClient, h.password.Reveal())
	if _, err := s.Sessions(t.Context()); err != nil {
		t.Fatal(err)
	}
	ready := httptest.NewRecorder()
	s.ServeHTTP(ready, httptest.NewRequest("GET", "/readyz", nil))
	if ready.Code != http.StatusServiceUnavailable || !strings.Contains(ready.Body.String(), "[-]audit failed\n") {
		t.Errorf("%d %s", ready.Code, ready.Body)
	}
	figures := httptest.NewRecorder()
	s.metrics().ServeHTTP(figures, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(figures.Body.String(), "kubecred_exchange_audit_lines_lost_total 2\n") {
		t.Error("the metric counts otherwise")
	}
}
