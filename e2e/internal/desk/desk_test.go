package desk

import (
	"context"
	"strings"
	"testing"
	"time"
)

func newDesk(t *testing.T) *Desk {
	t.Helper()
	d, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestKindsOfStandardInput(t *testing.T) {
	d := newDesk(t)
	const script = `test -t 0 && echo terminal; test -p /dev/stdin && echo pipe; (: > /dev/tty) 2>/dev/null && echo tty; exit 3`
	for stdin, want := range map[Stdin]string{Terminal: "terminal tty", Pipe: "pipe tty", Null: ""} {
		got, err := d.Run(context.Background(), Command{Path: "/bin/sh", Args: []string{"-c", script}, Stdin: stdin})
		if err != nil {
			t.Fatal(err)
		}
		if fields := strings.Join(strings.Fields(got.Stdout), " "); fields != want || got.Code != 3 {
			t.Errorf("%s: saw %q and exited with %d, want %q and 3", stdin, fields, got.Code, want)
		}
	}
}

func TestNothingIsInherited(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("DISPLAY", ":0")
	got, err := newDesk(t).Run(context.Background(), Command{Path: "/usr/bin/env", Env: []string{"ADDED=yes"}})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got.Stdout, "PROXY") || strings.Contains(got.Stdout, "DISPLAY") || !strings.Contains(got.Stdout, "ADDED=yes") {
		t.Errorf("the environment is\n%s", got.Stdout)
	}
}

func TestBrowserReports(t *testing.T) {
	d := newDesk(t)
	for _, command := range []string{d.Browser, "xdg-open"} {
		if _, err := d.Run(context.Background(), Command{
			Path: "/bin/sh", Args: []string{"-c", `exec "$0" "$1"`, command, "https://provider.example/?a=b&c=d"},
		}); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Opened(10 * time.Second); err != nil || got != "https://provider.example/?a=b&c=d" {
			t.Errorf("%s: opened %q, %v", command, got, err)
		}
	}
	if got, err := d.Opened(10 * time.Millisecond); err == nil {
		t.Errorf("a browser was opened for %q by nobody", got)
	}
}
