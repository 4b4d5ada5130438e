package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/term"
)

// The commands are run here inside the test's process, at a place of their own:
// a provider, a home folder, variables and a clock. What needs a process (the
// terminal, streams, the way of a signal) is in the scripts of the program's
// own tests.

// The browser of these tests is this program again, given an address. The
// workers of a fuzz test inherit its variables and are none.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "get-token" || os.Args[1] == "read-back") { // as import runs it
		noteCall(os.Getenv(seenEnv))
		os.Exit(Main(Build{}))
	}
	if len(os.Args) > 1 && os.Args[1] == crashWord {
		os.Exit(crashMain(os.Args[2:]))
	}
	if oidctest.IsBrowser() && len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		os.Exit(oidctest.BrowserMain(os.Args[1:]))
	}
	os.Exit(alone(m))
}

// alone runs the tests as if nobody were there: no terminal, no display, and
// none of the person's own settings.
func alone(m *testing.M) int {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "KUBE") || strings.HasPrefix(name, "WSL") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			os.Unsetenv(name)
		}
	}
	for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} {
		os.Unsetenv(name)
	}
	os.Setenv("GORACE", "atexit_sleep_ms=10") // a second, else, for every process
	os.Setenv("SSH_CONNECTION", "1")          // a display of macOS or Windows is then someone else's
	folder, err := os.MkdirTemp("", "kubecred-cmd")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	if self, err = os.Executable(); err == nil {
		name := filepath.Join(folder, "kubecred")
		if os.Symlink(self, name) == nil {
			self = name
		}
	}
	os.Setenv(seenEnv, filepath.Join(folder, "seen"))
	program := oidctest.BrowserProgram{Log: filepath.Join(folder, "visits")}
	for _, variable := range program.Env() {
		name, value, _ := strings.Cut(variable, "=")
		os.Setenv(name, value)
	}
	nowhere, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Stdin, os.Stderr = nowhere, nowhere
	return m.Run()
}

// self is this program under its released name, by which exec blocks are known.
var self string

// visited returns what the browser was given and came to since the tests began.
func visited(t *testing.T) []oidctest.Visit {
	t.Helper()
	visits, err := oidctest.ReadVisits(os.Getenv(oidctest.EnvBrowserLog))
	if err != nil {
		t.Fatal(err)
	}
	return visits
}

// place is where a command runs.
type place struct {
	t        *testing.T
	provider *oidctest.Provider
	home     string
	env      map[string]string
	passed   time.Duration // since the place was made, beside the real time
	parent   string        // the process that runs the commands
	stdin    string
	step     func(string) // is told of an import's steps
}

// newPlace returns a place whose provider knows alice, whose password is at
// hand in a variable: get-token and login need nobody.
func newPlace(t *testing.T, options ...oidctest.Option) *place {
	t.Helper()
	p := &place{t: t, home: t.TempDir(), env: map[string]string{}, step: func(string) {}}
	p.provider = oidctest.Start(t, append([]oidctest.Option{oidctest.AlwaysRefresh(), oidctest.Clock(p.now)}, options...)...)
	p.env["KUBECRED_TOKEN_CACHE_STORAGE"] = "file"
	p.env["KUBECRED_USERNAME"] = "alice"
	p.env["KUBECRED_PASSWORD"] = p.provider.Issuer + " alice's password"
	return p
}

func (p *place) now() time.Time { return time.Now().Add(p.passed) }

func (p *place) path(elements ...string) string {
	return filepath.Join(append([]string{p.home}, elements...)...)
}

func (p *place) write(text string, elements ...string) string {
	p.t.Helper()
	path := p.path(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// afresh forgets what has failed here, as a day later.
func (p *place) afresh() {
	p.t.Helper()
	if err := os.RemoveAll(p.path(".cache", "notes")); err != nil {
		p.t.Fatal(err)
	}
}

// app is the program at this place.
func (p *place) app(stdout, stderr io.Writer, args ...string) *app {
	return &app{
		args:    withoutPluginName(args),
		stdin:   strings.NewReader(p.stdin),
		stdout:  stdout,
		stderr:  stderr,
		getenv:  func(name string) string { return p.env[name] },
		now:     p.now,
		parent:  func() string { return p.parent },
		program: func() (string, error) { return self, nil },
		step:    p.step,

		hashRounds: 1000, // the race detector makes a hundred times as many seconds long
		files: &settings.Files{
			Home:    p.home,
			User:    p.path(".config", "kubecred", "config.yaml"),
			Machine: p.path("etc", "config.yaml"),
			Policy:  p.path("etc", "policy.yaml"),
			Cache:   p.path(".cache"),
		},
		log: slog.New(slog.DiscardHandler),
	}
}

func (p *place) read(elements ...string) string {
	p.t.Helper()
	data, err := os.ReadFile(p.path(elements...))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

// kubeconfig writes the person's kubeconfig: one context, and its user's exec
// block with the flags that name the provider, and more.
func (p *place) kubeconfig(user string, args ...string) {
	p.t.Helper()
	args = append([]string{"get-token", "--oidc-issuer-url=" + p.provider.Issuer, "--oidc-client-id=" + oidctest.ClientID}, args...)
	quoted, err := json.Marshal(args)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(`{"current-context": "prod",
"contexts": [{"name": "prod", "context": {"cluster": "c", "user": "`+user+`"}}],
"clusters": [{"name": "c", "cluster": {"server": "https://c.example"}}],
"users": [{"name": "`+user+`", "user": {"exec": {"command": "kubecred", "args": `+string(quoted)+`}}}]}`, ".kube", "config")
}

// outcome is how a command ended.
type outcome struct {
	t              *testing.T
	command        string
	code           int
	stdout, stderr string
}

// run runs a command line.
func (p *place) run(args ...string) outcome {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	code := p.app(&stdout, &stderr, args...).run()
	return outcome{p.t, "kubecred " + strings.Join(args, " "), code, stdout.String(), stderr.String()}
}

// at adds the flags that name the provider.
func (p *place) at(command string, args ...string) outcome {
	p.t.Helper()
	return p.run(append([]string{command, "--oidc-issuer-url=" + p.provider.Issuer, "--oidc-client-id=" + oidctest.ClientID}, args...)...)
}

// ok holds that a command succeeded, and said nothing on stderr.
func (o outcome) ok() outcome {
	o.t.Helper()
	if o.code != 0 || o.stderr != "" {
		o.t.Fatalf("%s: exit code %d\n%s", o.command, o.code, o.stderr)
	}
	return o
}

// prints holds that stdout holds a text.
func (o outcome) prints(text string) outcome {
	o.t.Helper()
	if !strings.Contains(o.stdout, text) {
		o.t.Errorf("%s: no %q in\n%s", o.command, text, o.stdout)
	}
	return o
}

// fails holds all that is promised of a failure: the exit code, nothing on
// stdout, an error line that holds a text and a hint line.
func (o outcome) fails(code int, text string) outcome {
	o.t.Helper()
	switch {
	case o.code != code:
		o.t.Errorf("%s: exit code %d, want %d\n%s", o.command, o.code, code, o.stderr)
	case o.stdout != "":
		o.t.Errorf("%s: a failure wrote %q to stdout", o.command, o.stdout)
	case !twoLines(o.stderr):
		o.t.Errorf("%s: not two clean lines: %q", o.command, o.stderr)
	case !strings.Contains(o.error(), text):
		o.t.Errorf("%s: no %q in %q", o.command, text, o.stderr)
	}
	return o
}

// hints holds that the hint line holds a text.
func (o outcome) hints(text string) outcome {
	o.t.Helper()
	if !strings.Contains(o.hint(), text) {
		o.t.Errorf("%s: no %q in %q", o.command, text, o.hint())
	}
	return o
}

func (o outcome) error() string {
	line, _, _ := strings.Cut(o.stderr, "\n")
	return line
}

func (o outcome) hint() string {
	_, line, _ := strings.Cut(o.stderr, "\nhint: ")
	return strings.TrimSuffix(line, "\n")
}

// twoLines reports whether text is an error line and a hint line, with nothing
// in them that a terminal would act on. A hint may hold a command, and keeps
// its blanks.
func twoLines(text string) bool {
	lines := strings.Split(text, "\n")
	if len(lines) != 3 || lines[2] != "" {
		return false
	}
	problem, isError := strings.CutPrefix(lines[0], "error: ")
	hint, isHint := strings.CutPrefix(lines[1], "hint: ")
	return isError && isHint && problem != "" && hint != "" && term.Clean(problem, 1<<20) == problem &&
		!strings.ContainsFunc(hint, func(r rune) bool { return !unicode.IsPrint(r) })
}

// token is the one that an ExecCredential carries.
func (o outcome) token() string {
	o.t.Helper()
	found := regexp.MustCompile(`"token":"([^"]+)"`).FindStringSubmatch(o.stdout)
	if found == nil {
		o.t.Fatalf("%s: no token in %q, %s", o.command, o.stdout, o.stderr)
	}
	return found[1]
}

// counts holds how many token requests of a grant have arrived.
func (p *place) counts(grant string, want int) {
	p.t.Helper()
	if got := p.provider.CountGrant(grant); got != want {
		p.t.Errorf("%d requests of %s, want %d", got, grant, want)
	}
}

// browserFlags make this test program the browser.
func browserFlags(t *testing.T) []string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--grant-type=authcode", "--browser-command=" + program, "--listen-address=127.0.0.1:0"}
}

// onUnix skips a test of what only Unix has.
func onUnix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Unix only")
	}
}

// within is a context that outlasts what a test waits for, but not the test.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
