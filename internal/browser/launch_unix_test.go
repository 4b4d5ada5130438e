//go:build !windows

package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// seen is what a launcher finds around itself.
type seen struct {
	Args    []string
	Null    [3]bool // stdin, stdout, stderr are the null device
	Session int
	Env     []string
}

// TestMain lets the test's own binary play the launcher and the plugin.
func TestMain(m *testing.M) {
	switch os.Getenv("BROWSER_TEST_ROLE") {
	case "launcher":
		playLauncher(os.Getenv("BROWSER_TEST_FILE"))
	case "plugin":
		playPlugin()
	default:
		os.Exit(m.Run())
	}
}

func playLauncher(file string) {
	s := seen{Args: os.Args[1:], Env: os.Environ()}
	null, _ := os.Stat(os.DevNull)
	for i, stream := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		info, err := stream.Stat()
		s.Null[i] = err == nil && os.SameFile(info, null)
	}
	s.Session, _ = unix.Getsid(0)
	fmt.Println("noise that must not reach stdout")
	text, _ := json.Marshal(s)
	os.WriteFile(file+".new", text, 0o600)
	os.Rename(file+".new", file)
}

func TestTheLauncherIsApart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "seen")
	t.Setenv("BROWSER_TEST_ROLE", "launcher")
	t.Setenv("BROWSER_TEST_FILE", file)
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	t.Setenv("KUBECRED_OIDC_CLIENT_SECRET", "canary")
	l := system()
	l.grace = time.Minute // the launcher ends by itself
	if err := open(t.Context(), target, os.Args[0], l); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got seen
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	ours, _ := unix.Getsid(0)
	if !reflect.DeepEqual(got.Args, []string{target}) {
		t.Errorf("arguments %q", got.Args)
	}
	if got.Null != [3]bool{true, true, true} {
		t.Errorf("it has streams of ours: %v", got.Null)
	}
	if got.Session == ours || got.Session == 0 {
		t.Errorf("it is in our session, %d", got.Session)
	}
	if strings.Contains(strings.Join(got.Env, "\n"), "canary") {
		t.Error("it has our settings")
	}
}

// playPlugin opens a "browser" that lives on, prints a line and ends.
func playPlugin() {
	l := system()
	l.grace = time.Millisecond
	if err := open(context.Background(), target, os.Getenv("BROWSER_TEST_FILE"), l); err != nil {
		fmt.Println(err)
	}
	fmt.Println("credential")
}

// int128/kubelogin waits for its launcher; and whoever holds the plugin's
// stdout or stderr holds kubectl.
func TestALauncherThatStaysHoldsNobody(t *testing.T) {
	dir := t.TempDir()
	pidFile := filepath.Join(dir, "pid")
	script := writeScript(t, dir, "stay", `echo noise; echo noise >&2; echo $$ >"`+pidFile+`.new"; mv "`+pidFile+`.new" "`+pidFile+`"; exec sleep 600`)
	t.Cleanup(func() { killFrom(t, pidFile) })

	plugin := exec.Command(os.Args[0])
	plugin.Env = append(os.Environ(), "BROWSER_TEST_ROLE=plugin", "BROWSER_TEST_FILE="+script, "GORACE=atexit_sleep_ms=0")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	plugin.Stdout, plugin.Stderr = write, write
	if err := plugin.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	read.SetReadDeadline(time.Now().Add(30 * time.Second))
	output, err := io.ReadAll(read) // ends when nobody holds the other end
	if err != nil {
		t.Fatalf("stdout is still held: %v", err)
	}
	if string(output) != "credential\n" {
		t.Errorf("output %q", output)
	}
	if err := plugin.Wait(); err != nil {
		t.Error(err)
	}
}

// killFrom ends the process that wrote its id, once it has.
func killFrom(t *testing.T, file string) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(file); err == nil {
			pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
			syscall.Kill(pid, syscall.SIGKILL)
			return
		}
	}
	t.Error("the launcher never ran")
}

func writeScript(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestALauncherThatFailsAtOnce(t *testing.T) {
	script := writeScript(t, t.TempDir(), "fail", "exit 3")
	l := system()
	l.grace = time.Minute
	err := open(t.Context(), target, script, l)
	var launch *LaunchError
	var exit *exec.ExitError
	if !errors.As(err, &launch) || launch.Program != script || !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("%v", err)
	}
	err = Open(t.Context(), target, filepath.Join(t.TempDir(), "missing"))
	if !errors.As(err, &launch) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	// One program: its arguments are not split off, and no shell sees it.
	err = Open(t.Context(), target, script+" --flag; true")
	if !errors.As(err, &launch) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestBrowserVariable(t *testing.T) {
	dir := t.TempDir()
	spaced := writeScript(t, dir, "my browser", "")
	tests := []struct {
		value string
		want  [][]string
	}{
		{"firefox", [][]string{{"firefox", "URL"}}},
		{"firefox:chromium", [][]string{{"firefox", "URL"}, {"chromium", "URL"}}},
		{"firefox --new-window %s:lynx", [][]string{{"firefox", "--new-window", "URL"}, {"lynx", "URL"}}},
		{"open --url=%s --again=%s", [][]string{{"open", "--url=URL", "--again=URL"}}},
		{spaced, [][]string{{spaced, "URL"}}},
		{"::  :", nil},
		// No shell: these are words.
		{"sh;id", [][]string{{"sh;id", "URL"}}},
		{"$(id) `id` 'a b'", [][]string{{"$(id)", "`id`", "'a", "b'", "URL"}}},
	}
	for _, tt := range tests {
		if got := programs("URL", "linux", tt.value, true); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.value, got, tt.want)
		}
	}
}

func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if got := programs("URL", "darwin", "", false); !reflect.DeepEqual(got, [][]string{{"open", "URL"}}) {
		t.Errorf("macOS: %q", got)
	}
	if got := programs("URL", "linux", "", false); got != nil {
		t.Errorf("nothing is installed: %q", got)
	}
	for _, name := range []string{"www-browser", "xdg-open", "wslview", "rundll32.exe"} {
		writeScript(t, dir, name, "")
	}
	if got, want := programs("URL", "linux", "", false), [][]string{{"xdg-open", "URL"}, {"www-browser", "URL"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("linux: %q", got)
	}
	want := [][]string{
		{"wslview", "URL"},
		{"rundll32.exe", "url.dll,FileProtocolHandler", "URL"},
		{"xdg-open", "URL"},
		{"www-browser", "URL"},
	}
	if got := programs("URL", "linux", "", true); !reflect.DeepEqual(got, want) {
		t.Errorf("WSL: %q", got)
	}
}

func TestOpenFollowsTheVariable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "url")
	script := writeScript(t, dir, "browser", `printf %s "$1" >"`+file+`"`)
	t.Setenv("BROWSER", script)
	l := system()
	l.grace = time.Minute
	if err := open(t.Context(), target, "", l); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != target {
		t.Errorf("%q, %v", got, err)
	}
}
