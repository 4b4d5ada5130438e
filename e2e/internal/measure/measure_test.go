package measure

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMedianAndRatio(t *testing.T) {
	base := Times{1, 2, 100, 4} // the third round was disturbed, and with it both
	of := Times{2, 6, 210, 8}
	if got := base.Median(); got != 2 {
		t.Errorf("median = %d, want 2", got)
	}
	if got := of.Over(base); got != 2 {
		t.Errorf("ratio = %v, want 2", got)
	}
	if base.Min() != 1 || base.Max() != 100 {
		t.Errorf("from %d to %d", base.Min(), base.Max())
	}
}

func sh(script string) Command { return Command{Path: "/bin/sh", Args: []string{"-c", script}} }

func TestRunCountsTimeAndPrints(t *testing.T) {
	cost, out, err := sh("echo said; exec sleep 0.05").Run(t.Context())
	if err != nil || string(out) != "said\n" {
		t.Fatalf("printed %q, %v", out, err)
	}
	if cost.Wall < 50*time.Millisecond || cost.CPU <= 0 || cost.CPU > cost.Wall || cost.Faults < 10 {
		t.Errorf("%+v", cost)
	}
}

func TestFailedRunSaysWhy(t *testing.T) {
	_, _, err := sh("echo because >&2; exit 3").Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "because") {
		t.Errorf("err = %v", err)
	}
	if _, err := Rounds(t.Context(), 1, []Command{sh("exit 3")}); err == nil {
		t.Error("a round with a failure is a series")
	}
	if _, _, err := Together(t.Context(), 2, sh("exit 3")); err == nil {
		t.Error("a crowd that failed is measured")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, _, err := sh("exec sleep 60").Run(ctx); err == nil || time.Since(began) > 30*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

// Each runs once a round, and the round that warms up is in no series.
func TestRoundsInterleave(t *testing.T) {
	journal := filepath.Join(t.TempDir(), "journal")
	one, two := sh("echo one >> "+journal), sh("echo two >> "+journal)
	all, err := Rounds(t.Context(), 3, []Command{one, two})
	if err != nil || len(all) != 2 || len(all[0]) != 3 || len(all[1]) != 3 {
		t.Fatalf("%d series, %v", len(all), err)
	}
	text, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	ran := strings.Fields(string(text))
	if len(ran) != 8 {
		t.Fatalf("ran %q", ran)
	}
	for i := 0; i < len(ran); i += 2 {
		if ran[i] == ran[i+1] {
			t.Errorf("round %d ran %s twice", i/2, ran[i])
		}
	}
}

// None of them ends before all have started.
func TestTogetherIsAtOnce(t *testing.T) {
	dir := t.TempDir()
	waits := sh(`touch ` + dir + `/$$; until [ $(ls ` + dir + ` | wc -l) = 5 ]; do sleep 0.01; done; echo met`)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	took, printed, err := Together(ctx, 5, waits)
	if err != nil || took <= 0 || strings.Join(printed, "") != strings.Repeat("met\n", 5) {
		t.Errorf("%s, %q, %v", took, printed, err)
	}
}
