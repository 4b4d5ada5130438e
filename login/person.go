package login

import (
	"context"
	"time"
)

// Person is whoever signs in, as far as this package needs them. What it gives
// to Show is fit for a terminal.
type Person interface {
	// Open shows an https address, or an http one on loopback, in a browser.
	// It does not wait for the browser.
	Open(ctx context.Context, url string) error
	// Show prints text, which may have several lines.
	Show(text string)
	// Ask prompts for one line, of up to 64 KB, and takes the prompt away
	// when ctx ends. Its error is context.Canceled when the person gave up,
	// and any other when there is nobody to ask or nothing more to read.
	Ask(ctx context.Context, prompt string) (string, error)
	// Await tells what is being waited for, and until when, until stop is
	// called.
	Await(what string, until time.Time) (stop func())
	// Width is how many columns a picture drawn with block characters may
	// have; 0 where none can be drawn.
	Width() int
}
