package cmd

import (
	"context"
	"errors"

	"github.com/kubecred/kubecred/internal/cli"
)

// A failure is two lines on stderr and an exit code. The packages below return
// typed errors; what a person can do about them is said here and in hints.go.

// Exit codes. No Kubernetes client interprets them, people's scripts do: they
// are documented in docs/signing-in.md and do not change their meaning.
const (
	exitOther       = 1              // anything else
	exitConfig      = cli.ExitConfig // a flag, a setting or the kubeconfig is wrong
	exitLoginNeeded = 3              // a person must sign in, and none can be asked here
	exitNetwork     = 4              // the provider cannot be reached; later may help
	exitDenied      = 5              // the provider said no, or its answer was refused
	exitTimeout     = 6              // nobody signed in in time
	exitCache       = 7              // the keyring or the cache cannot be used
	exitUnwell      = 8              // doctor: something is wrong
	exitWarned      = 9              // doctor: nothing fails, and there are warnings
	exitInterrupted = 130            // Ctrl-C, or the parent died
)

// interrupted reports whether ctx ended by Ctrl-C or with the parent.
func interrupted(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return cause != nil && !errors.Is(cause, context.DeadlineExceeded)
}
