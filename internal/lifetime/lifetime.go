// Package lifetime ends a wait when nobody waits for it any more: on Ctrl-C,
// on a signal to end, and when the program that started this one has died. A
// plugin that kubectl left behind must not hold a port or a lock.
package lifetime

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"time"
)

// Causes of a Context's end, for context.Cause.
var (
	ErrInterrupted = errors.New("interrupted")
	ErrParentDied  = errors.New("the program that started this one has ended")
)

// every is how often the parent is looked for. There is no portable event for
// the death of a parent.
const every = 500 * time.Millisecond

// Context returns a copy of parent that ends with one of this package's
// causes. The returned function frees what watches and gives signals back
// their usual effect, so that a second Ctrl-C after it ends the process.
func Context(parent context.Context) (context.Context, func()) {
	return watch(parent, parentGone())
}

func watch(parent context.Context, gone func() bool) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	for _, s := range ending() {
		if !signal.Ignored(s) { // nohup's wish stands
			signal.Notify(signals, s)
		}
	}
	ticker := time.NewTicker(every)
	go func() {
		defer ticker.Stop()
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
				cancel(ErrInterrupted)
			case <-ticker.C:
				if gone() {
					cancel(ErrParentDied)
				}
			}
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}
