// Fakebrowser is oidctest's browser as a program of its own, for
// --browser-command where the caller cannot be re-executed. What it does is in
// its environment: see oidctest.BrowserProgram.
package main

import (
	"os"

	"github.com/kubecred/kubecred/internal/oidctest"
)

func main() { os.Exit(oidctest.BrowserMain(os.Args[1:])) }
