// Command kubecred-exchange signs people in with their directory's password and
// gives them what a Kubernetes cluster trusts: a signed token, or a client
// certificate. It answers token reviews as well.
//
// Its rules:
//   - Secrets come from files and commands, never from arguments.
//   - A failure is an error line, a hint line and an exit code.
//   - What a running service's configuration gets wrong keeps the old one.
package main

import (
	"context"
	"os"

	"github.com/kubecred/kubecred/internal/build"
)

// Set by the linker at a release.
var version, commit, date string

func main() {
	a := &app{
		build:  build.Info{Version: version, Commit: commit, Date: date},
		stdout: os.Stdout,
		stderr: os.Stderr,
	}
	os.Exit(a.run(context.Background(), os.Args[1:]))
}
