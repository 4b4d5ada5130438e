// Command bench measures what a call of kubecred and what the exchange cost, whole processes from outside, against
// programs that it builds for the comparison. It prints the tables of docs/performance.md, as
// Markdown that can be read in a terminal; how far it is goes to standard error.
//
// Everything it needs is its own and is gone afterwards: programs, cache, provider, session bus,
// keyring, and the data keys in the kernel's keyring.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, os.Stdout); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted") // whatever was under way failed of that
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, out io.Writer) (err error) {
	progress("building what is compared")
	w, err := newWorkshop(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	r, err := w.measure(ctx)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, r.report(machine()))
	return err
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
