package e2e

// A keyring that is not there, does not answer, or waits for a person who is not there: the program says
// so within its deadline, and the entry serves again once the keyring does.

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/keyring"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/secretservice"
	"github.com/kubecred/kubecred/internal/oidctest"
)

// bounded is the longest that a command may take which nobody attends: three seconds by design, on a
// machine with nothing else to do.
const bounded = 10 * time.Second

// member is a person with a provider of their own, whose every request counts, and a password for it at
// hand: get-token needs nobody.
type member struct {
	*person
	provider *oidctest.Provider
	keyring  *keyring.Keyring // nil where there is none
	storage  []string         // the flags about the cache
	asked    int              // what the provider was asked until the credential was there
	sealed   map[string]string
	token    string
}

func newMember(t *testing.T) *member {
	t.Helper()
	d, err := desk.New(t.TempDir())
	m := &member{person: &person{Desk: d, t: t, account: "alice", program: kubecred(t)}}
	m.must(err)
	t.Cleanup(func() { d.Close() })
	m.provider = oidctest.Start(t, oidctest.AlwaysRefresh())
	m.Env = append(m.Env, "KUBECRED_USERNAME=alice", "KUBECRED_PASSWORD="+m.provider.Issuer+" alice's password")
	return m
}

// newSealed is a member whose credential lies in the cache, under a key that the keyring alone holds.
func newSealed(t *testing.T) *member {
	t.Helper()
	parts.Need(t, parts.Keyring, parts.Terminal)
	m := newMember(t)
	m.keyring, m.storage = newKeyring(m.person)
	m.storage = append(m.storage, "--kernel-keyring=off")
	credentialOf(m.person, m.call(desk.Null, "get-token", "--grant-type=password"))
	m.serves()
	m.sealed = m.files(m.cacheDir())
	return m
}

func (m *member) args(command string, more ...string) []string {
	return append(append([]string{command, "--oidc-issuer-url=" + m.provider.Issuer, "--oidc-client-id=" + oidctest.ClientID},
		m.storage...), more...)
}

// call runs a command of kubecred to its end.
func (m *member) call(stdin desk.Stdin, command string, more ...string) desk.Result {
	m.t.Helper()
	return m.run(stdin, m.program, m.args(command, more...)...)
}

// serves asserts that the cache has the credential, and remembers it the first time.
func (m *member) serves() {
	m.t.Helper()
	before := len(m.provider.All())
	r := m.call(desk.Null, "get-token")
	token := credentialOf(m.person, r).Token
	if m.token == "" {
		m.token, m.asked = token, before
	}
	m.silent(r)
	if token != m.token || len(m.provider.All()) != m.asked {
		m.t.Errorf("it was not the cache that served: %d requests, want %d", len(m.provider.All()), m.asked)
	}
}

// byBrowser lets a login, if one should begin, open this desk's browser.
func (m *member) byBrowser() []string {
	return []string{"--grant-type=authcode", "--browser-command=" + m.Browser, "--listen-address=127.0.0.1:0"}
}

// lines are all that a person reads of a failure.
func lines(message, hint string) string { return "error: " + message + "\nhint: " + hint + "\n" }

// refuses asserts how a command ends that cannot use the keyring, and that it changed nothing.
func (m *member) refuses(command, stderr string, more ...string) {
	m.t.Helper()
	m.ended(m.call(desk.Null, command, append(more, m.byBrowser()...)...), 7, stderr)
	m.unchanged()
}

// refusesAtTerminal is the same with a person there, whom nothing is to be asked.
func (m *member) refusesAtTerminal(command, stderr string, more ...string) {
	m.t.Helper()
	r := m.call(desk.Terminal, command, append(more, m.byBrowser()...)...)
	r.Stderr = strings.ReplaceAll(r.Stderr, "\r\n", "\n") // the terminal's
	m.ended(r, 7, stderr)
	m.unchanged()
}

func (m *member) ended(r desk.Result, code int, stderr string) {
	m.t.Helper()
	if r.Code != code || r.Stdout != "" {
		m.t.Errorf("exited with %d, want %d; printed %q", r.Code, code, r.Stdout)
	}
	if r.Stderr != stderr {
		m.t.Errorf("it said\n%swant\n%s", r.Stderr, stderr)
	}
	if r.Took > bounded {
		m.t.Errorf("it took %s", r.Took)
	}
}

// unchanged asserts that nothing was asked of anybody, and that the files are what they were.
func (m *member) unchanged() {
	m.t.Helper()
	if got := len(m.provider.All()); got != m.asked {
		m.t.Errorf("the provider was asked %d times more", got-m.asked)
	}
	if address, err := m.Opened(time.Millisecond); err == nil {
		m.t.Errorf("the browser was opened for %s", address)
	}
	isLock := func(path, _ string) bool { return strings.HasSuffix(path, ".lock") } // it is empty, and may be new
	after := m.files(m.cacheDir())
	maps.DeleteFunc(after, isLock)
	maps.DeleteFunc(m.sealed, isLock)
	if !maps.Equal(m.sealed, after) {
		m.t.Errorf("the cache is not what it was: %d files before, %d after", len(m.sealed), len(after))
	}
	for path, content := range m.files(m.Home) {
		if strings.Contains(content, m.token) {
			m.t.Errorf("%s holds the token in plain text", path)
		}
	}
}

// at puts the session bus somewhere else; "" is nowhere.
func (m *member) at(address string) {
	m.Env = append(m.Env, "DBUS_SESSION_BUS_ADDRESS="+address)
}

// processes are those that live and were started at this desk, by their numbers.
func (m *member) processes() map[string]string {
	m.t.Helper()
	alive := map[string]string{}
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	m.must(err)
	for _, path := range environments {
		environment, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(environment), "HOME="+m.Home+"\x00") {
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			alive[filepath.Dir(path)] = strings.ReplaceAll(string(command), "\x00", " ")
		}
	}
	return alive
}

const (
	timedOut     = "the keyring did not answer in time: nothing within 3s"
	timedOutHint = "look whether your keyring waits for you in a window, then try again; nothing is lost"
	lockedHint   = "unlock your keyring (sign in to your desktop, or open its password manager), then try again; nothing is lost"
	failedHint   = "start your keyring again (sign in to your desktop anew), then try again; nothing is lost"
	fileHint     = "choose --token-cache-storage=file: a key in a file, which protects no more than the file's mode"
	absentHint   = "start your keyring, or " + fileHint
	refusedHint  = fileHint + "; or, where nobody else has your user ID, --kernel-keyring=on"
)

// Never a hang: a silent bus, a service that stopped, a prompt that never completes where nobody could
// answer it, an activation that stalls.
func TestNeverAHang(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct {
		begin func(*member) (end func())
		says  string
	}{
		"a bus that accepts and says nothing": {silentBus(false), lines(timedOut, timedOutHint)},
		"a bus that greets and says no more":  {silentBus(true), lines(timedOut, timedOutHint)},
		"a service that stopped":              {stoppedService, lines(timedOut, timedOutHint)},
		"a prompt that never completes":       {endlessPrompt, lines("the keyring is locked", lockedHint)},
		"an activation that stalls":           {stalledActivation, lines(timedOut, timedOutHint)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newSealed(t)
			end := fault.begin(m)
			for _, command := range []string{"get-token", "login"} {
				m.refuses(command, fault.says)
			}
			if fault.says == lines(timedOut, timedOutHint) { // a prompt is a person's to answer
				m.refusesAtTerminal("login", fault.says)
			}
			end()
			m.serves()
		})
	}
}

func silentBus(greets bool) func(*member) func() {
	return func(m *member) func() {
		bus, err := secretservice.StartSilent(greets)
		m.must(err)
		m.t.Cleanup(bus.Stop)
		m.at(bus.Address)
		return func() {
			if bus.Callers() == 0 {
				m.t.Error("nobody asked the bus")
			}
			m.at(m.keyring.Address())
		}
	}
}

func endlessPrompt(m *member) func() {
	m.keyring.Quit()
	service, err := secretservice.StartLocked(context.Background(), m.keyring.Address())
	m.must(err)
	m.t.Cleanup(service.Stop)
	return func() {
		if len(service.Prompted) != 0 {
			m.t.Error("a prompt was shown to nobody")
		}
		service.Stop()
		m.must(m.keyring.Unlock(context.Background()))
	}
}

func stoppedService(m *member) func() {
	m.must(syscall.Kill(m.keyring.Pid(), syscall.SIGSTOP))
	return func() { m.must(syscall.Kill(m.keyring.Pid(), syscall.SIGCONT)) }
}

// stalledActivation is a service whose program starts and gets nowhere.
func stalledActivation(m *member) func() {
	begun := filepath.Join(m.Home, "tmp", "activated")
	bus, err := secretservice.StartBus(fmt.Sprintf("echo $$ >'%s'; exec sleep 600", begun))
	m.must(err)
	m.t.Cleanup(bus.Stop)
	m.at(bus.Address)
	return func() {
		if _, err := os.Stat(begun); err != nil {
			m.t.Errorf("the service was not started at all: %v", err)
		}
		m.at(m.keyring.Address())
	}
}
