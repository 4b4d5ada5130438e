//go:build linux || darwin

package term

// The tests of this file run the test's own binary as a program on a
// pseudoterminal of its own, and play the person at it.

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// patience bounds what should happen at once, on a machine that may be busy.
const patience = 20 * time.Second

// report is what a program says of itself on its third descriptor.
type report struct {
	Answers []string
	Error   string // the name of the last error
	Signal  bool   // a signal ended its context
}

func TestMain(m *testing.M) {
	role, ok := roles[os.Getenv("TERM_TEST_ROLE")]
	if !ok {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	var r report
	r.Error = errorName(role(ctx, &r))
	if r.Error == "ErrCanceled" {
		// The interrupt that was passed on is on its way.
		select {
		case <-ctx.Done():
		case <-time.After(300 * time.Millisecond): // Ctrl-D sends none
		}
	}
	r.Signal = ctx.Err() != nil
	json.NewEncoder(os.NewFile(3, "report")).Encode(r)
}

// roles are what a program can be asked to do.
var roles = map[string]func(context.Context, *report) error{
	"line": func(ctx context.Context, r *report) error {
		return ask(r, func(t *Terminal) (string, error) { return t.Line(ctx, "Code: ") })
	},
	"password": func(ctx context.Context, r *report) error {
		return ask(r, func(t *Terminal) (string, error) {
			text, err := t.Password(ctx, "Password: ")
			return text.Reveal(), err
		})
	},
	"both": func(ctx context.Context, r *report) error {
		user := func(t *Terminal) (string, error) { return t.Line(ctx, "Username: ") }
		password := func(t *Terminal) (string, error) {
			text, err := t.Password(ctx, "Password: ")
			return text.Reveal(), err
		}
		return ask(r, user, password)
	},
	"background": func(context.Context, *report) error { return runBackground("line") },
	"waiting": func(ctx context.Context, _ *report) error {
		done := Waiting("Waiting for the browser", time.Now().Add(161*time.Second))
		<-ctx.Done()
		done()
		done()
		return nil
	},
	"waiting in the background": func(context.Context, *report) error { return runBackground("waiting briefly") },
	"waiting briefly": func(context.Context, *report) error {
		Waiting("Waiting for the browser", time.Time{})()
		return nil
	},
}

// ask opens the terminal for each question, as a program does that does not
// know of a second one yet.
func ask(r *report, questions ...func(*Terminal) (string, error)) error {
	for _, question := range questions {
		t, err := Open()
		if err != nil {
			return err
		}
		defer t.Close()
		answer, err := question(t)
		if err != nil {
			return err
		}
		r.Answers = append(r.Answers, answer)
	}
	return nil
}

// runBackground plays a role in a process group that does not have the
// terminal, as "kubectl get pods &" does, and passes its error on.
func runBackground(role string) error {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TERM_TEST_ROLE="+role)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.ExtraFiles = []*os.File{write}
	if err := cmd.Start(); err != nil {
		return err
	}
	write.Close()
	var r report
	if err := json.NewDecoder(read).Decode(&r); err != nil {
		return err
	}
	if r.Error == "ErrBackground" {
		return ErrBackground
	}
	return cmd.Wait()
}

func errorName(err error) string {
	for name, known := range map[string]error{
		"ErrNoTerminal": ErrNoTerminal, "ErrBackground": ErrBackground, "ErrCanceled": ErrCanceled,
		"ErrTooLong": ErrTooLong, "Canceled": context.Canceled,
	} {
		if errors.Is(err, known) {
			return name
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// program is one that runs on a pseudoterminal.
type program struct {
	t       *testing.T
	cmd     *exec.Cmd
	person  *os.File // what the person types into, and sees from
	tty     *os.File
	before  unix.Termios
	reports *os.File

	mu     sync.Mutex
	output strings.Builder
	left   bool          // nobody watches any more
	grown  chan struct{} // has one element after output grew
}

// run starts a role with the terminal as its controlling one. Its stdin is the
// null device and its stdout a pipe, as under kubectl in a script.
func run(t *testing.T, role string) *program {
	t.Helper()
	person, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, person: person, tty: tty, reports: read, grown: make(chan struct{}, 1)}
	p.before = p.termios()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), "TERM_TEST_ROLE="+role, "TERM=xterm", "GORACE=atexit_sleep_ms=0")
	p.cmd.Stderr = tty
	p.cmd.ExtraFiles = []*os.File{write, tty} // descriptors 3 and 4
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 4}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	go p.watch()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		person.Close()
		tty.Close()
		read.Close()
	})
	return p
}

// termios reads the terminal's settings. The input queue is no setting.
func (p *program) termios() unix.Termios {
	p.t.Helper()
	settings, err := unix.IoctlGetTermios(int(p.tty.Fd()), getTermios)
	if err != nil {
		p.t.Fatal(err)
	}
	return *settings
}

func (p *program) watch() {
	buffer := make([]byte, 4096)
	for {
		n, err := p.person.Read(buffer)
		p.mu.Lock()
		p.output.Write(buffer[:n])
		left := p.left
		p.mu.Unlock()
		select {
		case p.grown <- struct{}{}:
		default:
		}
		if err != nil || left {
			p.person.Close()
			return
		}
	}
}

// leave closes the person's side, as a terminal window that is closed does.
func (p *program) leave() {
	p.t.Helper()
	p.mu.Lock()
	p.left = true
	p.mu.Unlock()
	// The read in watch blocks, and a file is closed only after its last read.
	if _, err := io.WriteString(p.tty, "."); err != nil {
		p.t.Fatal(err)
	}
	p.tty.Close()
}

func (p *program) seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// await returns when the terminal shows text.
func (p *program) await(text string) {
	p.t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(p.seen(), text) {
		select {
		case <-p.grown:
		case <-deadline:
			p.t.Fatalf("the terminal shows %q, not %q", p.seen(), text)
		}
	}
}

func (p *program) types(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.person, text); err != nil {
		p.t.Fatal(err)
	}
}

// ends returns the program's report and checks that the terminal is as it was.
func (p *program) ends() report {
	p.t.Helper()
	p.reports.SetReadDeadline(time.Now().Add(patience))
	var r report
	if err := json.NewDecoder(p.reports).Decode(&r); err != nil {
		p.t.Fatalf("no report: %v; the terminal shows %q", err, p.seen())
	}
	if after := p.termios(); after != p.before {
		p.t.Errorf("the terminal's settings were %+v and are %+v", p.before, after)
	}
	return r
}

func (r report) check(t *testing.T, wantError string, answers ...string) {
	t.Helper()
	if r.Error != wantError || strings.Join(r.Answers, "|") != strings.Join(answers, "|") {
		t.Errorf("error %q, %d answers; want %q, %d", r.Error, len(r.Answers), wantError, len(answers))
		for i := range r.Answers {
			t.Logf("answer %d: %d bytes %.60q", i, len(r.Answers[i]), r.Answers[i])
		}
	}
}

// A terminal that edits lines itself cuts them at 4,096 bytes.
func TestLongLine(t *testing.T) {
	t.Parallel()
	for _, size := range []int{5000, maxInput} {
		p := run(t, "line")
		p.await("Code: ")
		address := "http://localhost:8000/?code=" + strings.Repeat("c", size-28)
		p.types("\x1b[200~" + address + "\x1b[201~\r")
		p.ends().check(t, "", address)
	}
}

func TestTooLongLine(t *testing.T) {
	t.Parallel()
	p := run(t, "line")
	p.await("Code: ")
	p.types(strings.Repeat("c", maxInput+1) + "\r")
	p.ends().check(t, "ErrTooLong")
}

func TestLineShowsWhatIsTyped(t *testing.T) {
	t.Parallel()
	p := run(t, "line")
	p.await("Code: ")
	p.types("helo\x7flo")
	p.await("lo")
	p.types("\r")
	p.ends().check(t, "", "hello")
	p.await(bracketedPasteOff)
	if got := screen(strings.ReplaceAll(p.seen(), "\r\n", "\n"))[0]; got != "Code: hello" {
		t.Errorf("the terminal shows %q", got)
	}
	if before, _, ok := strings.Cut(p.seen(), "Code: "); !ok || before != bracketedPasteOn {
		t.Errorf("%q", p.seen())
	}
}

func TestPasswordIsNotShown(t *testing.T) {
	t.Parallel()
	for _, password := range []string{
		"correct\thorse-пароль-漢字-é",
		strings.Repeat("p", 10000),
		"\xff\xfe not UTF-8",
	} {
		p := run(t, "password")
		p.await("Password: ")
		p.types(password[:3] + "\x00" + password[3:] + "\r")
		r := p.ends()
		r.check(t, "", jsonString(password))
		p.await(bracketedPasteOff)
		if got := screen(strings.ReplaceAll(p.seen(), "\r\n", "\n")); got[0] != "Password:" || len(got) != 2 {
			t.Errorf("the terminal shows %q", got)
		}
	}
}

// jsonString is s after its way through a report.
func jsonString(s string) string { return strings.ToValidUTF8(s, "\ufffd\ufffd") }

func TestTypingAhead(t *testing.T) {
	t.Parallel()
	p := run(t, "both")
	p.await("Username: ")
	p.types("jane\rsecret\r")
	p.ends().check(t, "", "jane", "secret")
	if strings.Contains(p.seen(), "secret") {
		t.Errorf("the password is shown: %q", p.seen())
	}
}

// Ctrl-C is ignored at int128/kubelogin's password prompt.
func TestCtrlC(t *testing.T) {
	t.Parallel()
	for role, prompt := range map[string]string{"line": "Code: ", "password": "Password: "} {
		p := run(t, role)
		p.await(prompt)
		p.types("abc\x03")
		r := p.ends()
		r.check(t, "ErrCanceled")
		if !r.Signal {
			t.Errorf("%s: Ctrl-C was not passed on to the process group", role)
		}
	}
}

func TestCtrlD(t *testing.T) {
	t.Parallel()
	p := run(t, "password")
	p.await("Password: ")
	p.types("\x04")
	r := p.ends()
	r.check(t, "ErrCanceled")
	if r.Signal {
		t.Error("Ctrl-D interrupted the process group")
	}
}

func TestSignalsRestoreTheTerminal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		role, prompt string
		signal       os.Signal
	}{
		{"line", "Code: ", os.Interrupt},
		{"password", "Password: ", os.Interrupt},
		{"password", "Password: ", syscall.SIGTERM},
		{"line", "Code: ", syscall.SIGHUP},
	}
	for _, tt := range tests {
		p := run(t, tt.role)
		p.await(tt.prompt)
		if p.termios() == p.before {
			t.Fatal("the prompt did not change the terminal, so this test proves nothing")
		}
		start := time.Now()
		if err := p.cmd.Process.Signal(tt.signal); err != nil {
			t.Fatal(err)
		}
		p.ends().check(t, "Canceled")
		if took := time.Since(start); took > patience/4 {
			t.Errorf("%v took %v", tt.signal, took)
		}
	}
}

func TestTheTerminalGoesAway(t *testing.T) {
	t.Parallel()
	p := run(t, "line")
	p.await("Code: ")
	p.leave()
	p.reports.SetReadDeadline(time.Now().Add(patience))
	var r report
	if err := json.NewDecoder(p.reports).Decode(&r); err != nil {
		t.Fatal(err)
	}
	if r.Error != "ErrCanceled" && r.Error != "Canceled" {
		t.Errorf("error %q", r.Error)
	}
}

// A read in the background would stop the process, and kubectl waits for ever.
func TestBackgroundIsRefused(t *testing.T) {
	t.Parallel()
	p := run(t, "background")
	p.ends().check(t, "ErrBackground")
	if p.seen() != "" {
		t.Errorf("the terminal shows %q", p.seen())
	}
}

func TestNoTerminal(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TERM_TEST_ROLE=line", "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd.ExtraFiles = []*os.File{write}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	var r report
	if err := json.NewDecoder(read).Decode(&r); err != nil {
		t.Fatal(err)
	}
	r.check(t, "ErrNoTerminal")
}

func TestWaitingLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	p := run(t, "waiting")
	p.await("Waiting for the browser (2:41 left, Ctrl-C cancels)")
	p.await("2:40")
	p.types("\x03") // here the terminal itself sends the signal
	p.ends().check(t, "")
	p.await(" \r")
	got := strings.ReplaceAll(p.seen(), "^C", "")
	if lines := screen(got); len(lines) != 1 || lines[0] != "" {
		t.Errorf("the terminal shows %q (%q)", lines, got)
	}
}

func TestWaitingInTheBackgroundIsSilent(t *testing.T) {
	t.Parallel()
	p := run(t, "waiting in the background")
	p.ends().check(t, "")
	if p.seen() != "" {
		t.Errorf("the terminal shows %q", p.seen())
	}
}
