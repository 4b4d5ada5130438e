package oidctest

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// asBrowser is the environment of a test binary that is to be the browser. The
// race detector would wait a second at its exit.
func asBrowser(program BrowserProgram) []string {
	return append(append(os.Environ(), "GORACE=atexit_sleep_ms=0"), program.Env()...)
}

// runBrowser re-executes the test binary as the browser.
func runBrowser(t *testing.T, program BrowserProgram, args ...string) (stdout string, visits []Visit, err error) {
	t.Helper()
	program.Log = filepath.Join(t.TempDir(), "visits")
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = asBrowser(program)
	out, err := cmd.Output()
	visits, readErr := ReadVisits(program.Log)
	if readErr != nil {
		t.Fatal(readErr)
	}
	return string(out), visits, err
}

func TestBrowserProgram(t *testing.T) {
	p := Start(t, TLS(), LoginPage())
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, p.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	redirect, received := client(t)
	request := values(authRequestForm(), "redirect_uri", redirect)
	out, visits, err := runBrowser(t, BrowserProgram{CAFile: ca, Username: "bob"}, p.endpoint(pathAuthorize)+"?"+request.Encode())
	if err != nil || len(visits) != 1 || visits[0].Page == nil {
		t.Fatalf("%v, %+v", err, visits)
	}
	if page := visits[0].Page; page.Status != http.StatusOK || !strings.Contains(page.Body, "close this tab") || len(page.Trail) != 3 {
		t.Errorf("the browser ended on %+v", page)
	}
	if form := (<-received).Form; form.Get("code") == "" {
		t.Errorf("the client was told %v", form)
	}
	if out == "" || p.Sessions()[0].Username != "bob" {
		t.Errorf("silent, or another person: %q, %+v", out, p.Sessions())
	}
}

func TestBrowserProgramModes(t *testing.T) {
	p := Start(t, LoginPage())
	address := p.endpoint(pathAuthorize) + "?" + authRequestForm().Encode()
	for mode, fails := range map[string]bool{BrowserIgnores: false, BrowserFails: true} {
		_, visits, err := runBrowser(t, BrowserProgram{Mode: mode}, address)
		if (err != nil) != fails || len(visits) != 1 || visits[0].Args[0] != address || p.Count(Authorize) != 0 {
			t.Errorf("%s: %v, %+v, %d openings", mode, err, visits, p.Count(Authorize))
		}
	}
	redirect, received := client(t)
	address = p.endpoint(pathAuthorize) + "?" + values(authRequestForm(), "redirect_uri", redirect).Encode()
	if _, _, err := runBrowser(t, BrowserProgram{Mode: BrowserDenies}, address); err != nil {
		t.Error(err)
	}
	if form := (<-received).Form; form.Get("error") != "access_denied" {
		t.Errorf("the client was told %v", form)
	}
}

func TestBrowserProgramLingersUntilTheProviderCloses(t *testing.T) {
	p := Start(t)
	redirect, received := client(t)
	address := p.endpoint(pathAuthorize) + "?" + values(authRequestForm(), "redirect_uri", redirect).Encode()
	cmd := exec.CommandContext(t.Context(), os.Args[0], address)
	cmd.Env = asBrowser(BrowserProgram{Mode: BrowserLingers})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-received
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("the browser did not linger: %v", err)
	default:
	}
	p.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAwaitVisits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "visits")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "http://localhost")
	cmd.Env = asBrowser(BrowserProgram{Mode: BrowserIgnores, Log: file})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if visits, err := AwaitVisits(t.Context(), file, 1); err != nil || len(visits) != 1 {
		t.Errorf("%+v, %v", visits, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if visits, err := AwaitVisits(ended, file, 2); !errors.Is(err, context.Canceled) || len(visits) != 1 {
		t.Errorf("%+v, %v", visits, err)
	}
}

func TestBrowserProgramWantsOneAddress(t *testing.T) {
	_, visits, err := runBrowser(t, BrowserProgram{}, "http://localhost", "--new-window")
	if err == nil || len(visits) != 1 || visits[0].Err == "" || visits[0].Page != nil {
		t.Errorf("%v, %+v", err, visits)
	}
}
