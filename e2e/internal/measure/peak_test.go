package measure

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Whatever the memory of this process is, a small program is seen as small.
func TestPeakIsNotTheParents(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"peak", "oneline"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, name), "./"+name)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	ballast := make([]byte, 64<<20)
	for i := range ballast {
		ballast[i] = byte(i) // resident from now on
	}
	small := Command{Path: filepath.Join(dir, "oneline"), Env: os.Environ()}
	got, err := Peak(t.Context(), filepath.Join(dir, "peak"), small)
	if err != nil {
		t.Fatal(err)
	}
	if got < 1<<20 || got > 16<<20 {
		t.Errorf("one line takes %d bytes, want a few mebibytes", got)
	}
	if ballast[len(ballast)-1] != 255 {
		t.Error("the ballast was not kept")
	}
	if _, err := Peak(t.Context(), filepath.Join(dir, "peak"), sh("exit 3")); err == nil {
		t.Error("a program that failed has a peak")
	}
}
