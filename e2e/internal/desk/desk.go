// Package desk is one person's account on one machine: a HOME of its own, nothing inherited,
// a browser that only reports what it was asked to open, and programs run from there
// with a terminal, a pipe or nothing on standard input.
package desk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Desk is where a person works.
type Desk struct {
	Home    string
	Browser string   // the command that opens a browser here
	Env     []string // the whole environment of what is run

	opened *os.File // what the browser was asked to open, a line each
	lines  *bufio.Reader
}

// New makes a desk in dir, which must exist and be empty; whoever made dir removes it.
// There is no display, no session bus, no proxy, no credential.
func New(dir string) (*Desk, error) {
	d := &Desk{Home: dir, Browser: filepath.Join(dir, "bin", "browser")}
	for _, sub := range []string{"bin", ".config", ".cache", ".kube", "run", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	d.Env = []string{
		"HOME=" + dir,
		"PATH=" + filepath.Join(dir, "bin") + ":/usr/local/bin:/usr/bin:/bin",
		"XDG_CONFIG_HOME=" + filepath.Join(dir, ".config"),
		"XDG_CACHE_HOME=" + filepath.Join(dir, ".cache"),
		"XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"),
		"TMPDIR=" + filepath.Join(dir, "tmp"),
		"KUBECONFIG=" + d.Kubeconfig(),
		"LANG=C.UTF-8", "TERM=xterm-256color",
	}
	return d, d.installBrowser()
}

// Kubeconfig is the path of the person's kubeconfig.
func (d *Desk) Kubeconfig() string { return filepath.Join(d.Home, ".kube", "config") }

// Close lets go of what New holds open.
func (d *Desk) Close() error { return d.opened.Close() }

// installBrowser puts the reporting browser on PATH, also by the names that desktops know.
func (d *Desk) installBrowser() error {
	fifo := filepath.Join(d.Home, "run", "opened")
	if err := mkfifo(fifo); err != nil {
		return err
	}
	script := fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"$1\" > '%s'\n", fifo)
	if err := os.WriteFile(d.Browser, []byte(script), 0o700); err != nil {
		return err
	}
	if err := os.Symlink(d.Browser, filepath.Join(d.Home, "bin", "xdg-open")); err != nil {
		return err
	}
	// Open for writing too: then neither side waits for the other to open, nor reads an end.
	opened, err := os.OpenFile(fifo, os.O_RDWR, 0)
	d.opened, d.lines = opened, bufio.NewReader(opened)
	return err
}

// Opened waits for the browser to be asked for a page, and returns its address.
func (d *Desk) Opened(within time.Duration) (string, error) {
	if err := d.opened.SetReadDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	line, err := d.lines.ReadString('\n')
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "", fmt.Errorf("no browser was opened within %s", within)
	}
	return strings.TrimSuffix(line, "\n"), err
}

// Stdin is what a program finds on its standard input.
type Stdin string

// The three kinds that clients start a plugin with.
const (
	Terminal Stdin = "a terminal"
	Pipe     Stdin = "a pipe"    // open, and never written to; there is a terminal besides
	Null     Stdin = "/dev/null" // and no terminal at all
)

// Command says what to run.
type Command struct {
	Path  string
	Args  []string
	Env   []string // added to the desk's
	Stdin Stdin    // Null where it is ""
}

// Result is how a command ended.
type Result struct {
	Stdout string
	Stderr string // with a terminal, all that it showed
	Code   int
	Took   time.Duration
}

// Run runs a command to its end. One that outlives the context is killed.
func (d *Desk) Run(ctx context.Context, c Command) (Result, error) {
	running, err := d.Start(ctx, c)
	if err != nil {
		return Result{}, err
	}
	return running.Wait()
}
