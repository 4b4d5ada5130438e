package load

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/load"
)

// ownDisk is a command that gives the state a small file system, which nobody else sees and which goes with the
// service.
func ownDisk(t *testing.T) []string {
	t.Helper()
	wrap := []string{"unshare", "--mount"}
	if os.Getuid() != 0 {
		wrap = append(wrap, "--map-root-user")
	}
	const mount = `mount -t tmpfs -o size=512k,mode=0700 kubecred "$1" && shift && exec "$@"`
	wrap = append(wrap, "sh", "-c", mount, "sh")
	if out, err := exec.Command(wrap[0], append(wrap[1:], t.TempDir(), "true")...).CombinedOutput(); err != nil {
		t.Skipf("no file system of our own can be mounted here: %v %s", err, out)
	}
	return wrap
}

// The disk under the state is full. What would have to be written is answered with "later", what only has to be
// read goes on, readiness names the state; and once there is room again, all goes on without a restart.
func TestFullDisk(t *testing.T) {
	d := people(t, 2)
	o := asking(d, d.Address)
	o.Directory = strings.ReplaceAll(o.Directory, "500ms", "10s") // a slow machine's directory would be told in the same words
	o.Wrap = ownDisk(t)
	x := start(t, o)
	held, err := x.MustTokens(x.Login(person(0), password))
	must(t, err)
	awaitReadiness(t, x, http.StatusOK, "[+]state ok")

	filler := filepath.Join(fmt.Sprintf("/proc/%d/root", x.Pid()), x.StateFolder(), "filler")
	fill(t, filler)
	untilFull(t, x)
	if status, body, err := x.Once(x.Refresh(held.Refresh)); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("a refresh: %d %s %v", status, body, err)
	}
	if status, body, err := x.Once(x.Review(held.ID)); err != nil || status != http.StatusOK || !strings.Contains(string(body), `"authenticated":true`) {
		t.Errorf("a review: %d %s %v", status, body, err)
	}
	awaitReadiness(t, x, http.StatusServiceUnavailable, "[-]state failed")
	if status, _, err := x.Once(x.Get("/livez")); err != nil || status != http.StatusOK {
		t.Errorf("liveness: %d %v", status, err)
	}

	must(t, os.Remove(filler))
	awaitReadiness(t, x, http.StatusOK, "[+]state ok")
	_, err = x.MustTokens(x.Refresh(held.Refresh))
	must(t, err)
	_, err = x.MustTokens(x.Login(person(1), password))
	must(t, err)
}

// fill takes all the room.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	must(t, err)
	defer file.Close()
	for page := make([]byte, os.Getpagesize()); err == nil; {
		_, err = file.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
}

// untilFull signs in until nothing more goes into the pages that the state had already.
func untilFull(t *testing.T, x *load.Service) {
	t.Helper()
	l, err := x.Dial()
	must(t, err)
	defer l.Close()
	for n := range 200 {
		got, err := l.Tokens(x.Login(person(1), password))
		must(t, err)
		if got.Status == http.StatusServiceUnavailable && got.Error == "temporarily_unavailable" {
			t.Logf("full after %d sign-ins", n)
			return
		}
		if got.Status != http.StatusOK {
			t.Fatalf("a full disk was told as %d %s", got.Status, got.Error)
		}
	}
	t.Fatal("the disk takes all")
}

// awaitReadiness asks until it says so, without anything else going on: the answer is remembered for two seconds.
func awaitReadiness(t *testing.T, x *load.Service, want int, line string) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		status, body, err := x.Once(x.Get("/readyz"))
		must(t, err)
		if status == want && strings.Contains(string(body), line+"\n") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("readiness says %d\n%s", status, body)
		}
	}
}
