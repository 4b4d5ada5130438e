package e2e

// Linux without a keyring: a jump host, WSL, a container.

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/secretservice"
	kernel "github.com/kubecred/kubecred/internal/keyring"
)

// osLogin runs a program as one who has just logged in to the machine, until they log out.
func (m *member) osLogin(kinds string, stdin desk.Stdin, args ...string) desk.Result {
	m.t.Helper()
	self, err := os.Executable()
	m.must(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := m.Run(ctx, desk.Command{Path: self, Args: args, Env: []string{osLoginKind + "=" + kinds}, Stdin: stdin})
	m.must(err)
	return r
}

func (m *member) inSession(kinds string, stdin desk.Stdin, command string, more ...string) desk.Result {
	m.t.Helper()
	return m.osLogin(kinds, stdin, append([]string{m.program}, m.args(command, more...)...)...)
}

// newJumper is a member at a machine without a keyring.
func newJumper(t *testing.T, storage ...string) *member {
	t.Helper()
	m := newMember(t)
	m.at("unix:path=" + filepath.Join(m.Home, "run", "gone"))
	m.storage = append([]string{"--token-cache-dir=" + m.cacheDir()}, storage...)
	return m
}

// noKeyring is what a program is told that looks for one here.
func (m *member) noKeyring() string {
	return "there is no keyring: dial unix " + filepath.Join(m.Home, "run", "gone") + ": connect: no such file or directory"
}

// forgetAfter takes the data key, if there is one then, out of the keyring of the one who logged in.
func (m *member) forgetAfter(kinds string) {
	m.t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(m.cacheDir(), "kernel", "current")); err != nil {
			return
		}
		if r := m.osLogin(kinds, desk.Null, forget, m.currentKey("kernel").String()); r.Code != 0 {
			m.t.Errorf("the key stays in the kernel: %s", r.Stderr)
		}
	})
}

// currentKey is the ID of the data key that new entries of a home are sealed under.
func (m *member) currentKey(home string) kernel.ID {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.cacheDir(), home, "current"))
	m.must(err)
	id, err := kernel.ParseID(strings.TrimSpace(string(text)))
	m.must(err)
	return id
}

// The data key in the kernel's keyring: one session signs in and ends, and in the next ones a call is a hit.
func TestKernelKeyServesTheNextSession(t *testing.T) {
	t.Parallel()
	for _, who := range []string{asRunner, asNobody} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			needKernel(t)
			m := newJumper(t, "--kernel-keyring=on")
			if who == asNobody {
				m.handOver()
			}
			m.forgetAfter(who)
			in := m.inSession(who, desk.Null, "login", "--grant-type=password")
			if in.Code != 0 || !strings.HasPrefix(in.Stdout, "Signed in as ") || in.Stderr != "" {
				t.Fatalf("exited with %d: %s%s", in.Code, in.Stdout, in.Stderr)
			}
			asked, files := len(m.provider.All()), m.files(m.cacheDir())
			for range 2 {
				hit := m.inSession(who, desk.Null, "get-token", m.byBrowser()...)
				m.token = credentialOf(m.person, hit).Token
				m.silent(hit)
			}
			m.asked, m.sealed = asked, files
			m.unchanged()
			if who == asNobody {
				other := m.inSession(asRunner, desk.Null, "get-token", "--grant-type=device-code")
				if other.Code == 0 || other.Stdout != "" {
					t.Errorf("another user, who can read the files, is served: exit code %d", other.Code)
				}
			} else {
				m.takesItsKeyAlong()
			}
		})
	}
}

// takesItsKeyAlong asserts that with the last entry the key goes, which only the kernel holds.
func (m *member) takesItsKeyAlong() {
	m.t.Helper()
	held := kernel.NewKernel(kernel.KernelOn, time.Minute)
	if _, err := held.Get(context.Background(), m.currentKey("kernel")); err != nil {
		m.t.Errorf("the key is not in the kernel's keyring: %v", err)
	}
	if out := m.inSession(asRunner, desk.Null, "logout", "--all"); out.Code != 0 {
		m.t.Errorf("logout exited with %d: %s", out.Code, out.Stderr)
	}
	if _, err := held.Get(context.Background(), m.currentKey("kernel")); !errors.Is(err, kernel.ErrNotFound) {
		m.t.Errorf("after logout --all the kernel still holds the key: %v", err)
	}
}

// handOver gives the desk to nobody, with a program that they may run.
func (m *member) handOver() {
	m.t.Helper()
	if os.Getuid() != 0 {
		m.t.Skip("needs root to become another user")
	}
	program, err := os.ReadFile(m.program)
	m.must(err)
	m.program = filepath.Join(m.Home, "bin", "kubecred")
	m.must(os.WriteFile(m.program, program, 0o755))
	m.must(os.Chmod(filepath.Dir(m.Home), 0o755)) // t.TempDir's
	m.must(filepath.WalkDir(m.Home, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	}))
}

// Where no key can be kept, login stops before anything that begins one: no browser, no code to type, no
// question, no request. get-token goes on in memory, and warns where a person would want to know.
func TestKernelRefusesAsWell(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kinds, mode, says string
		env               []string
	}{
		"a container":       {asRunner, "auto", "this is a container", []string{"container=podman"}},
		"turned off":        {asRunner, "off", "it is turned off", nil},
		"a seccomp profile": {withoutKeys, "on", "add_key: operation not permitted", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needKernel(t)
			parts.Need(t, parts.Terminal)
			m := newJumper(t, "--kernel-keyring="+c.mode)
			m.Env = append(m.Env, c.env...)
			m.forgetAfter(asRunner)
			says := m.noKeyring() + "; the kernel's keyring is not to be used: " + c.says
			for _, grant := range [][]string{m.byBrowser(), {"--grant-type=device-code"}, {"--grant-type=password"}} {
				m.ended(m.inSession(c.kinds, desk.Null, "login", grant...), 7, lines(says, refusedHint))
				seen := m.inSession(c.kinds, desk.Terminal, "login", grant...)
				seen.Stderr = strings.ReplaceAll(seen.Stderr, "\r\n", "\n")
				m.ended(seen, 7, lines(says, refusedHint))
			}
			m.token = "no token is known yet"
			m.sealed = m.files(m.cacheDir())
			m.unchanged()

			alone := m.inSession(c.kinds, desk.Null, "get-token", "--grant-type=password")
			m.token = credentialOf(m.person, alone).Token
			m.silent(alone)
			seen := m.inSession(c.kinds, desk.Terminal, "get-token", "--grant-type=password")
			credentialOf(m.person, seen)
			if want := "warning: the credential could not be stored: " + says + "\r\n"; seen.Stderr != want {
				t.Errorf("it said\n%swant\n%s", seen.Stderr, want)
			}
			m.asked = len(m.provider.All())
			m.unchanged()
		})
	}
}

// A copy in the kernel spares the bus, also one that would not answer; off takes it away, and so does
// logout --all.
func TestKernelCopy(t *testing.T) {
	t.Parallel()
	needKernel(t)
	m := newSealed(t)
	held := func() bool {
		_, err := kernel.NewKernel(kernel.KernelOn, 0).Get(t.Context(), m.currentKey("keyring"))
		return err == nil
	}
	if held() {
		t.Error("the kernel has a copy although it is off")
	}
	m.with("--kernel-keyring=on").serves()
	if !held() {
		t.Fatal("the kernel has no copy")
	}
	bus, err := secretservice.StartSilent(false)
	m.must(err)
	defer bus.Stop()
	m.at(bus.Address)
	m.with("--kernel-keyring=on").serves()
	if bus.Callers() != 0 {
		t.Errorf("a hit asked the bus %d times", bus.Callers())
	}
	m.with("--kernel-keyring=off").refuses("get-token", lines(timedOut, timedOutHint))
	if held() {
		t.Error("off left the copy where it was")
	}
	m.at(m.keyring.Address())
	m.with("--kernel-keyring=on").serves()
	if out := m.call(desk.Null, "logout", "--all", "--kernel-keyring=on"); out.Code != 0 || held() {
		t.Errorf("logout --all exited with %d; the copy is there: %v\n%s", out.Code, held(), out.Stderr)
	}
}

// with is the same member with more flags about the cache.
func (m *member) with(flags ...string) *member {
	other := *m
	other.storage = slices.Concat(m.storage, flags)
	return &other
}
