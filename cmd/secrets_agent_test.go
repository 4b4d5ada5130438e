//go:build unix

package cmd

import (
	"testing"
	"time"
)

// A command that leaves an agent behind, which holds its output open, is not
// waited for: kubectl would hang with it.
func TestCommandThatLeavesAChild(t *testing.T) {
	began := time.Now()
	got, err := output(t.Context(), []string{"/bin/sh", "-c", "sleep 20 & echo secret"})
	if err != nil || string(got) != "secret\n" {
		t.Errorf("%q, %v", got, err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}
