// Package doctor looks at all that a sign-in rests on, and says what was found
// and what to do.
//
// Its rules:
//   - It changes nothing and asks nobody: no keyring is unlocked or started, no
//     file and no folder is made, no prompt is shown, nothing is renewed.
//   - It ends within its deadline. Each check has a share of it, and one that
//     hangs is left behind and costs one line.
//   - What it says is pasted into issues: names of users, hosts and files, and
//     never a token, a client secret, a header's value or an argument.
//   - It runs no program but the one that is first on PATH under our own name.
package doctor

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/kubecred/kubecred/internal/cli"
)

// Mark says how a check ended.
type Mark string

// The marks.
const (
	OK      Mark = "ok"
	Note    Mark = "note"    // worth knowing; nothing is to be mended
	Warning Mark = "warning" // it works now, and may not later, or for others
	Failed  Mark = "failed"  // signing in, or a client, fails of it
	Skipped Mark = "skipped" // there was nothing to look at
)

// Finding is what a check found, and what to do where something is to do.
type Finding struct {
	Mark  Mark
	Found string
	Do    string
}

func ok(format string, args ...any) Finding {
	return Finding{Mark: OK, Found: fmt.Sprintf(format, args...)}
}

func note(format string, args ...any) Finding {
	return Finding{Mark: Note, Found: fmt.Sprintf(format, args...)}
}

func skipped(why string) Finding { return Finding{Mark: Skipped, Found: why} }

func warning(found, do string) Finding { return Finding{Warning, found, do} }

func failed(found, do string) Finding { return Finding{Failed, found, do} }

// Check is one thing to look at.
type Check struct {
	Group, Name string
	// Share bounds it, within the whole deadline; 0 is the whole.
	Share time.Duration
	// Run looks. It may be left behind when its share is over.
	Run func(context.Context) Finding
}

// Line is a check that has ended.
type Line struct {
	Group        string `json:"group"`
	Check        string `json:"check"`
	Mark         Mark   `json:"mark"`
	Found        string `json:"found"`
	Do           string `json:"do,omitempty"`
	Milliseconds int64  `json:"milliseconds"`
}

// Report is all of them, in the order in which they were given.
type Report struct {
	Mark    Mark   `json:"mark"` // failed, warning or ok: the worst
	Version string `json:"version"`
	Checks  []Line `json:"checks"`
}

// Run runs the checks at the same time and returns when all have ended or have
// used up their share. ctx bounds the whole.
func Run(ctx context.Context, version string, checks []Check) Report {
	r := Report{Mark: OK, Version: version, Checks: make([]Line, len(checks))}
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { r.Checks[i] = c.line(ctx) })
	}
	all.Wait()
	switch {
	case r.Count(Failed) > 0:
		r.Mark = Failed
	case r.Count(Warning) > 0:
		r.Mark = Warning
	}
	return r
}

// Count returns how many checks ended with a mark.
func (r Report) Count(m Mark) (n int) {
	for _, line := range r.Checks {
		if line.Mark == m {
			n++
		}
	}
	return n
}

func (c Check) line(ctx context.Context) Line {
	began := time.Now()
	f := c.bounded(ctx)
	return Line{c.Group, c.Name, f.Mark, shown(f.Found), shown(f.Do), time.Since(began).Milliseconds()}
}

// bounded leaves a check behind that takes longer than its share: a dead network
// file system and a silent bus obey no context.
func (c Check) bounded(ctx context.Context) Finding {
	if c.Share > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Share)
		defer cancel()
	}
	began, done := time.Now(), make(chan Finding, 1)
	go func() {
		defer func() {
			if recover() != nil { // what it says may hold anything
				done <- failed("the check itself broke", "tell us of it, with what kubecred version prints")
			}
		}()
		done <- c.Run(ctx)
	}()
	select {
	case f := <-done:
		return f
	case <-ctx.Done():
	}
	select {
	case f := <-done: // both at once: what it has to say is worth more
		return f
	case <-time.After(grace):
		return failed(fmt.Sprintf("no answer within %s", round(time.Since(began))), "see whether what it looks at hangs, or give more time with --timeout")
	}
}

// grace is for a check that hears of the end and says what it came to.
const grace = 100 * time.Millisecond

// shown is the last line of defence: one line, cleaned and bounded, and nothing
// in it that looks like a token or a key.
func shown(text string) string {
	if strings.Contains(text, "eyJ") || strings.Contains(text, "PRIVATE KEY") {
		return "[REDACTED]"
	}
	return cli.OneLine(text)
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
