package main

import "github.com/kubecred/kubecred/internal/cli"

// A failure is two lines on stderr and an exit code, as kubecred's own are.

// Exit codes. People's scripts read them: they are documented in
// docs/operations.md and do not change their meaning.
const (
	exitOther       = 1              // anything else
	exitConfig      = cli.ExitConfig // a flag, the configuration or a file that it names is wrong
	exitNetwork     = 4              // the directory cannot be reached; later may help
	exitDenied      = 5              // the directory refused the service account or the user
	exitState       = 7              // the state cannot be used: another process has it, the disk is full
	exitInterrupted = 130            // Ctrl-C where it ends nothing well
)

// maxLines of an error: a configuration may have several problems.
const maxLines = 25
