// Demo shows kubecred at work in a few seconds: an OpenID Provider on
// loopback, a sign-in through a browser that needs nobody, an ExecCredential,
// and the same again from the cache. Then a directory's password at
// kubecred-exchange: a token, what a TokenReview says of it, a certificate, and
// the cache. It asserts what it shows and exits with 1 when anything is not so.
//
//	go run ./internal/demo                     # builds both programs first
//	go run ./internal/demo KUBECRED            # takes one that is there, for the first part
//	go run ./internal/demo KUBECRED EXCHANGE   # takes both
//
// Its rule: nothing of the person's is opened or written. The programs under
// demonstration run in a folder that is removed at the end, in an environment
// that names no other, and the sizes and times of the person's own files are
// compared before and after.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// deadline ends a demonstration that hangs; building is what takes long.
const deadline = 5 * time.Minute

func main() {
	// kubecred starts this same program again as its browser.
	if oidctest.IsBrowser() {
		os.Exit(oidctest.BrowserMain(os.Args[1:]))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; the result is the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var p programs
	for i, to := range []*string{&p.kubecred, &p.exchange} {
		if i < len(args) {
			*to = args[i]
		}
	}
	if err := demonstrate(ctx, p, newTeller(stdout)); err != nil {
		fmt.Fprintf(stderr, "\nerror: %v\n", err)
		return 1
	}
	return 0
}
