package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/creack/pty"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// The program "terminal TALK PROGRAM [ARG…]": a terminal with a person before
// it. PROGRAM has it for stdin and stderr and as /dev/tty; stdout stays the
// script's. What appears on the terminal is written to stderr at the end.
//
// TALK is a file with one thing a line:
//
//	see TEXT       wait until TEXT appears
//	type TEXT      type TEXT and Enter
//	press ctrl-c   or ctrl-d
//	open           open the provider's last address in a browser right here
//	paste address  open it on another machine, and paste where that ended
//	paste code     the same, and paste the code alone
//	ends CODE      wait for the end; without it the talk ends with "ends 0"
//
// testscript's own ttyin types everything at once, which a prompt that asks
// twice may lose.

// patience bounds every wait for something that should happen.
const patience = 20 * time.Second

func terminalMain(args []string) int {
	talk, err := os.ReadFile(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	command := exec.Command(args[1], args[2:]...)
	command.Stdout = os.Stdout
	screen, err := pty.StartWithSize(command, &pty.Winsize{Rows: 40, Cols: 100})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	t := &terminal{tty: screen, command: command, more: make(chan struct{}, 1), ended: make(chan struct{})}
	go t.watch()
	err = t.talk(string(talk))
	command.Process.Kill()
	<-t.ended
	os.Stderr.WriteString(strings.ReplaceAll(t.shown(), "\r\n", "\n"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "terminal:", err)
		return 1
	}
	return 0
}

type terminal struct {
	tty     *os.File
	command *exec.Cmd
	more    chan struct{} // something appeared
	ended   chan struct{} // the program has ended

	mu     sync.Mutex
	screen bytes.Buffer
	seen   int // how much of it was waited for
}

func (t *terminal) watch() {
	defer close(t.ended)
	buffer := make([]byte, 4096)
	for {
		n, err := t.tty.Read(buffer)
		t.mu.Lock()
		t.screen.Write(buffer[:n])
		t.mu.Unlock()
		select {
		case t.more <- struct{}{}:
		default:
		}
		if err != nil { // EIO once the program has ended
			t.command.Wait()
			return
		}
	}
}

func (t *terminal) shown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screen.String()
}

func (t *terminal) talk(lines string) error {
	last := "ends 0"
	for line := range strings.Lines(lines) {
		verb, text, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		if verb == "" || verb == "#" {
			continue
		}
		if verb == "ends" {
			last = line
			break
		}
		if err := t.do(verb, text); err != nil {
			return fmt.Errorf("at %q: %w", strings.TrimSpace(line), err)
		}
	}
	return t.end(strings.TrimSpace(strings.TrimPrefix(last, "ends ")))
}

func (t *terminal) do(verb, text string) error {
	switch verb + " " + text {
	case "press ctrl-c":
		return t.press("\x03")
	case "press ctrl-d":
		return t.press("\x04")
	case "open ":
		_, err := t.browser().Open(context.Background(), t.address())
		return err
	case "paste address", "paste code":
		return t.paste(text)
	}
	switch verb {
	case "see":
		return t.see(text)
	case "type":
		return t.press(text + "\r")
	}
	return errors.New("unknown")
}

func (t *terminal) press(keys string) error {
	_, err := t.tty.WriteString(keys)
	return err
}

func (t *terminal) see(text string) error {
	deadline := time.After(patience)
	for {
		t.mu.Lock()
		at := strings.Index(t.screen.String()[t.seen:], text)
		if at >= 0 {
			t.seen += at + len(text)
		}
		t.mu.Unlock()
		if at >= 0 {
			return nil
		}
		select {
		case <-t.more:
		case <-t.ended:
			if !strings.Contains(t.shown()[t.seen:], text) {
				return fmt.Errorf("the program ended: %v", t.command.ProcessState)
			}
		case <-deadline:
			return errors.New("it did not appear in time")
		}
	}
}

// address is the last one of a provider that the terminal shows.
func (t *terminal) address() string {
	all := regexp.MustCompile(`https?://\S+/(authorize|device)\S*`).FindAllString(t.shown(), -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// browser trusts what the script's other browser trusts.
func (t *terminal) browser() oidctest.Browser {
	authority, _ := os.ReadFile(os.Getenv(oidctest.EnvBrowserCA)) // mostly there is none
	return oidctest.Browser{CAPEM: authority}
}

func (t *terminal) paste(what string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := t.browser().Callback(ctx, t.address())
	if err != nil {
		return err
	}
	if what == "code" {
		answer = regexp.MustCompile(`[?&]code=([^&]*)`).FindStringSubmatch(answer)[1]
	}
	return t.press(answer + "\r")
}

func (t *terminal) end(code string) error {
	select {
	case <-t.ended:
	case <-time.After(patience):
		return errors.New("the program did not end")
	}
	if got := strconv.Itoa(t.command.ProcessState.ExitCode()); got != code {
		return fmt.Errorf("exit code %s, want %s", got, code)
	}
	return nil
}
