package oidctest

// The browser as a program, for --browser-command: that runs one program with
// one argument, so all else comes through the environment. A test binary
// becomes it by calling BrowserMain first:
//
//	func TestMain(m *testing.M) {
//		if oidctest.IsBrowser() {
//			os.Exit(oidctest.BrowserMain(os.Args[1:]))
//		}
//		os.Exit(m.Run())
//	}
//
// Like real launchers it writes to stdout and stderr, which corrupts the
// output of whoever lends it theirs.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"time"
)

// Environment variables of the browser program.
const (
	EnvBrowser     = "OIDCTEST_BROWSER"      // a mode
	EnvBrowserCA   = "OIDCTEST_BROWSER_CA"   // a file of certificates in PEM
	EnvBrowserUser = "OIDCTEST_BROWSER_USER" // Browser.Username
	EnvBrowserLog  = "OIDCTEST_BROWSER_LOG"  // a file to add Visits to
)

// Modes of the browser program.
const (
	// BrowserOpens does what Browser.Open does.
	BrowserOpens = "open"
	// BrowserDenies clicks Cancel.
	BrowserDenies = "deny"
	// BrowserLingers opens, and then stays until the provider closes, as a
	// browser does that runs in the foreground.
	BrowserLingers = "linger"
	// BrowserIgnores opens nothing and succeeds: nobody is there.
	BrowserIgnores = "ignore"
	// BrowserFails opens nothing and exits with 1.
	BrowserFails = "fail"
)

// browserDeadline ends a browser that a broken test has left behind.
const browserDeadline = 30 * time.Second

// Visit is one run of the browser program.
type Visit struct {
	// Args are all that the program was given.
	Args []string
	Page *Page  `json:",omitempty"`
	Err  string `json:",omitempty"`
}

// BrowserProgram says what the program is to do.
type BrowserProgram struct {
	Mode     string // "" is BrowserOpens
	CAFile   string
	Username string
	Log      string
}

// Env is what the program's environment needs, as "name=value".
func (b BrowserProgram) Env() []string {
	if b.Mode == "" {
		b.Mode = BrowserOpens
	}
	return []string{
		EnvBrowser + "=" + b.Mode,
		EnvBrowserCA + "=" + b.CAFile,
		EnvBrowserUser + "=" + b.Username,
		EnvBrowserLog + "=" + b.Log,
	}
}

// IsBrowser reports whether this process was started to be the browser.
func IsBrowser() bool { return os.Getenv(EnvBrowser) != "" }

// BrowserMain is the program; args is os.Args without its name. The result is
// the exit status.
func BrowserMain(args []string) int {
	fmt.Println("Opening in existing browser session.")
	fmt.Fprintln(os.Stderr, "[1:1:ERROR:gpu_init.cc] no GPU, as always")
	mode := os.Getenv(EnvBrowser)
	visit := Visit{Args: args}
	if mode != BrowserIgnores && mode != BrowserFails {
		visit.open(mode)
	}
	if err := visit.append(os.Getenv(EnvBrowserLog)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if mode == BrowserLingers && visit.Page != nil {
		linger(visit.Page.Trail[0])
	}
	if mode == BrowserFails || visit.Err != "" {
		return 1
	}
	return 0
}

// open visits the address that is the only argument.
func (v *Visit) open(mode string) {
	ctx, cancel := context.WithTimeout(context.Background(), browserDeadline)
	defer cancel()
	b := Browser{Username: os.Getenv(EnvBrowserUser), Deny: mode == BrowserDenies}
	err := errors.New("the browser wants one address")
	if len(v.Args) == 1 {
		err = nil
	}
	if file := os.Getenv(EnvBrowserCA); err == nil && file != "" {
		b.CAPEM, err = os.ReadFile(file)
	}
	if err == nil {
		v.Page, err = b.Open(ctx, v.Args[0])
	}
	if err != nil {
		v.Err = err.Error()
	}
}

// append adds the visit to a log, in one write so that several browsers can
// share it.
func (v *Visit) append(file string) error {
	if file == "" {
		return nil
	}
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// ReadVisits reads a log of the browser program; a log that is not there is
// empty.
func ReadVisits(file string) ([]Visit, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var visits []Visit
	decoder := json.NewDecoder(bufio.NewReader(f))
	for {
		var v Visit
		switch err := decoder.Decode(&v); {
		case errors.Is(err, io.EOF):
			return visits, nil
		case err != nil:
			return visits, err
		}
		visits = append(visits, v)
	}
}

// AwaitVisits returns once a log holds n visits, or with the context's error
// and what there is. The browser outlives whoever started it, so that nothing
// tells of its end but the log: this looks every few milliseconds.
func AwaitVisits(ctx context.Context, file string, n int) ([]Visit, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		visits, err := ReadVisits(file)
		if err == nil && len(visits) >= n {
			return visits, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return visits, ctx.Err()
		}
	}
}

// linger stays as long as the provider keeps a silent connection open, which
// is at most its header timeout.
func linger(address string) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	conn, err := net.DialTimeout("tcp", u.Host, browserDeadline)
	if err != nil {
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(browserDeadline))
	conn.Read(make([]byte, 1))
}
