// Package browser opens a URL in the person's browser.
//
// The rules of this package:
//   - A launcher gets none of our three streams. stdout belongs to kubectl,
//     and a browser that keeps it open would hold kubectl until it exits.
//   - A launcher is not waited for, only watched for a moment: one that fails
//     at once is an error, one that sleeps or becomes the browser is not.
//   - It runs apart from our terminal's process group, so that Ctrl-C ends
//     the login and not the browser.
//   - No shell runs, and nothing in the URL can be taken for an option or for
//     a shell's syntax: mcp-remote's CVE-2025-6514 was a provider's
//     authorization endpoint that became a command.
//   - It inherits neither our settings, which may hold a client secret, nor
//     the exec info.
//
// github.com/pkg/browser is used on Windows, where it asks the shell's API
// (ShellExecute) and starts no process of ours. Elsewhere it cannot keep these
// rules: it runs its launcher in our session and until its end, and writes the
// launcher's output to a global that is os.Stdout.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// grace is how long a launcher is watched. xdg-open takes 250 ms on a quiet
// machine to find that there is no browser. The person is not kept waiting:
// the listener already serves.
const grace = 500 * time.Millisecond

// ErrNone means that no launcher was found on this machine.
var ErrNone = errors.New("no browser was found")

// LaunchError is a launcher that could not be started or failed at once.
type LaunchError struct {
	Program string // as it was configured or found
	Err     error
}

func (e *LaunchError) Error() string {
	return fmt.Sprintf("%s did not open the browser: %v", e.Program, e.Err)
}

// Unwrap returns the reason, such as an *exec.ExitError.
func (e *LaunchError) Unwrap() error { return e.Err }

// Open shows url, which must be https or http on loopback, in a browser. It
// returns within a moment whatever the launcher does; once it was started,
// ending ctx does not stop it.
//
// command, when not empty, is one program that is run with the URL as its only
// argument; it is not split, and no shell sees it. Else $BROWSER is honored on
// Unix, and then the system's default is asked.
//
// Its errors: *URLError, *LaunchError, ErrNone, and the context's.
func Open(ctx context.Context, url, command string) error {
	return open(ctx, url, command, system())
}

// launcher is what a system offers. Its fields are seams for tests.
type launcher struct {
	// programs lists command lines that show the URL, the best first.
	programs func(url string) [][]string
	// start begins a program and reports its end.
	start func(argv []string) (ended <-chan error, err error)
	grace time.Duration
}

func open(ctx context.Context, raw, command string, l launcher) error {
	target, err := harden(raw)
	if err != nil {
		return err
	}
	if command != "" {
		return l.try(ctx, []string{command, target})
	}
	err = ErrNone
	for _, argv := range l.programs(target) {
		if err = l.try(ctx, argv); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// try returns nil when the program is still running after the grace.
func (l launcher) try(ctx context.Context, argv []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ended, err := l.start(argv)
	if err != nil {
		return &LaunchError{Program: argv[0], Err: err}
	}
	timer := time.NewTimer(l.grace)
	defer timer.Stop()
	select {
	case err := <-ended:
		if err != nil {
			return &LaunchError{Program: argv[0], Err: err}
		}
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// environment is ours without what is meant for us alone.
func environment() []string {
	var kept []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "KUBECRED_") && !strings.HasPrefix(entry, "KUBERNETES_EXEC_INFO=") {
			kept = append(kept, entry)
		}
	}
	return kept
}
