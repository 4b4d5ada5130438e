// Command kubecred is an exec credential plugin for Kubernetes clients.
package main

import (
	"os"

	"github.com/kubecred/kubecred/cmd"
)

// Set by the linker at a release.
var version, commit, date string

func main() { os.Exit(cmd.Main(cmd.Build{Version: version, Commit: commit, Date: date})) }
