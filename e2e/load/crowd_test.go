package load

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/load"
)

const silent = 10_000

// needFiles skips where so many connections cannot be held.
func needFiles(t *testing.T, n uint64) {
	t.Helper()
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if limit.Cur < n { // Go has raised it to the most already
		t.Skipf("RLIMIT_NOFILE is %d, and %d are needed", limit.Cur, n)
	}
}

// Ten thousand connections that send nothing cost bounded memory and files, keep nobody out, and end: all of
// them, where the service has room for them, and where it has not.
func TestConnectionsThatSendNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what a server uses")
	}
	needFiles(t, silent+500)
	for name, listen := range map[string]string{"within the limit": "", "beyond the limit": "connections: 500"} {
		t.Run(name, func(t *testing.T) {
			directory, files, err := load.UsersFile()
			must(t, err)
			s := start(t, load.Options{Directory: directory, Files: files, Listen: listen})
			before, err := load.MemoryOf(s.Pid())
			must(t, err)
			quiet := dialSilently(t, s)
			after, err := load.MemoryOf(s.Pid())
			must(t, err)
			most := silent + 100
			if listen != "" {
				most = 500 + 100
			}
			if open := openFiles(t, s.Pid()); open > most {
				t.Errorf("%d files are open", open)
			} else {
				t.Logf("%d files are open, and its memory grew by %d MiB", open, (after.Own-before.Own)>>20)
			}
			if grown := after.Own - before.Own; grown > 300<<20 {
				t.Errorf("its memory grew by %d MiB", grown>>20)
			}
			for _, conn := range quiet { // the handshake's deadline, or another that came later
				conn.SetReadDeadline(time.Now().Add(30 * time.Second))
				if _, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
					t.Fatalf("a silent connection lives on: %v", err)
				}
			}
			for deadline := time.Now().Add(10 * time.Second); openFiles(t, s.Pid()) > 100; time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d files are still open", openFiles(t, s.Pid()))
				}
			}
		})
	}
}

// dialSilently opens the connections, while somebody signs in again and again.
func dialSilently(t *testing.T, s *load.Service) []net.Conn {
	t.Helper()
	var served atomic.Int32
	address := strings.TrimPrefix(s.URL, "https://")
	conns := make([]net.Conn, silent)
	t.Cleanup(func() {
		for _, conn := range conns {
			if conn != nil {
				conn.Close()
			}
		}
	})
	together(t, silent, 100, func(i int) (err error) {
		if conns[i], err = net.Dial("tcp", address); err != nil || i%500 != 0 {
			return err
		}
		served.Add(1)
		return signInDespite(s)
	})
	if status, _, err := s.Once(s.Get("/readyz")); err != nil || status != http.StatusOK {
		t.Errorf("readiness: %d %v", status, err)
	}
	t.Logf("%d sign-ins meanwhile", served.Load())
	return conns
}

// signInDespite signs in, and again where its own connection was the one to go, as a client may that has sent
// nothing yet: beyond the limit a crowd that comes faster than it is shut out pushes it out too.
func signInDespite(s *load.Service) (err error) {
	for began := time.Now(); time.Since(began) < 5*time.Second; {
		if _, err = s.MustTokens(s.Login(load.Somebody, load.Password)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("no sign-in in five seconds: %w", err)
}

func openFiles(t *testing.T, pid int) int {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	must(t, err)
	return len(open)
}

// Three thousand people behind one address sign in within five minutes, as in the morning: here at once.
func TestThreeThousandGoodLogins(t *testing.T) {
	const logins = 3000
	d := people(t, 300)
	s := start(t, asking(d, d.Address))
	lines, err := s.Lines(32)
	must(t, err)
	defer load.Close(lines)
	n, took, err := load.Rate(t.Context(), 5*time.Minute, logins, len(lines), func(worker int) error {
		got, err := lines[worker].Tokens(s.Login(person((worker*7+int(time.Now().UnixNano()))%300), password))
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", got.Status, got.Error)
		}
		return err
	})
	if err != nil || n != logins {
		t.Errorf("%d signed in: %v", n, err)
	}
	t.Logf("%d in %s", n, took)
}
