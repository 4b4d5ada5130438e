package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/load"
	"github.com/kubecred/kubecred/e2e/internal/measure"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// busy is a row about a server under load.
type busy struct {
	name    string
	base    int    // the row with which it is compared
	skipped string // why there is nothing to run
	run     func(context.Context) (each, processor time.Duration, err error)

	each      measure.Times // for one request, by the clock
	processor measure.Times // the same, of the server's own processor
}

// over is how many times its base's requests a second it does.
func over(rows []*busy, row int) float64 { return 1 / rows[row].each.Over(rows[rows[row].base].each) }

// busyRounds runs each row once a round, in another order each time. One more round before them warms up and
// does not count.
func busyRounds(ctx context.Context, n int, rows []*busy) error {
	for round := range n + 1 {
		for _, i := range rand.Perm(len(rows)) {
			each, processor, err := rows[i].run(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", rows[i].name, err)
			}
			if round > 0 {
				rows[i].each, rows[i].processor = append(rows[i].each, each), append(rows[i].processor, processor)
			}
		}
	}
	return nil
}

func busyTable(what string, rows []*busy) *table {
	t := &table{left: 1, head: []string{what, "a second, median (min–max)", "× the first", "processor, each"}}
	for i, row := range rows {
		if row.skipped != "" {
			t.add(row.name, "skipped: "+row.skipped)
			continue
		}
		processor := "" // somebody else's, who is not counted
		if median := row.processor.Median(); median > 0 {
			processor = fmt.Sprintf("%d µs", median.Microseconds())
		}
		t.add(row.name, perSecond(row.each), ratio(over(rows, i)), processor)
	}
	return t
}

// perSecond is how many go into a second, with the fewest and the most.
func perSecond(each measure.Times) string {
	of := func(d time.Duration) string { return grouped(int64(time.Second / d)) }
	return fmt.Sprintf("%s (%s–%s)", of(each.Median()), of(each.Max()), of(each.Min()))
}

// grouped is a number below a million, in groups of three digits.
func grouped(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

const (
	reviewRounds = 9
	reviewTime   = 250 * time.Millisecond // of each row in a round
	loginRounds  = 7
	loginTime    = 600 * time.Millisecond
)

// reviewKind is rows that belong together: the signature alone, and the exchange.
type reviewKind struct {
	algorithm string
	plain     bool
}

func (k reviewKind) String() string {
	if k.plain {
		return k.algorithm + " without TLS"
	}
	return k.algorithm
}

func reviewKinds() []reviewKind {
	return []reviewKind{{"ES256", false}, {"RS256", false}, {"ES256", true}, {"RS256", true}}
}

// measureReviews measures with servers of its own.
func (w *workshop) measureReviews(ctx context.Context) ([]*busy, error) {
	if w.lacksProc != "" {
		return []*busy{{name: "TokenReview", skipped: w.lacksProc}}, nil
	}
	progress("reviews a second: %d rounds", reviewRounds)
	var pairs []*load.Reviews
	for _, kind := range reviewKinds() {
		r, err := load.StartReviews(ctx, w.program("exchange"), w.program("bare"), kind.algorithm, kind.plain)
		if err != nil {
			return nil, err
		}
		defer r.Stop()
		if err := r.SignMany(); err != nil {
			return nil, err
		}
		pairs = append(pairs, r)
	}
	// Lines last: one on which nothing is asked for five seconds is closed.
	var rows []*busy
	for i, kind := range reviewKinds() {
		more, done, err := reviewRows(pairs[i], kind, len(rows))
		if err != nil {
			return nil, err
		}
		defer done()
		rows = append(rows, more...)
	}
	return rows, busyRounds(ctx, reviewRounds, rows)
}

// reviewRows are a kind's, the first of them at base.
func reviewRows(r *load.Reviews, kind reviewKind, base int) (rows []*busy, done func(), err error) {
	bare, again, err := r.Sides()
	if err != nil {
		return nil, nil, err
	}
	fresh, err := r.FreshSide()
	done = func() { bare.Close(); again.Close(); fresh.Close() }
	return []*busy{
		{name: kind.String() + ": the signature alone", base: base, run: review(bare)},
		{name: kind.String() + ": TokenReview, tokens asked about before", base: base, run: review(again)},
		{name: kind.String() + ": TokenReview, each token new", base: base, run: review(fresh)},
	}, done, err
}

func review(side *load.Side) func(context.Context) (time.Duration, time.Duration, error) {
	return func(ctx context.Context) (time.Duration, time.Duration, error) { return side.Run(ctx, reviewTime) }
}

// The rows of logins.
const (
	rowLoop = iota
	rowLoginES256
	rowLoginRS256
)

// openDirectory starts a slapd, or says why there is none.
func (w *workshop) openDirectory(ctx context.Context) (err error) {
	for _, p := range parts.All() {
		if lacks := p.Lacks(); p.Name == parts.OpenLDAP && lacks != "" {
			w.lacksDirectory = fmt.Sprintf("part %s: %s", p.Name, lacks)
		}
	}
	if w.lacksProc != "" {
		w.lacksDirectory = w.lacksProc
	}
	if w.lacksDirectory == "" {
		w.directory, err = load.StartDirectory(ctx)
	}
	return err
}

func (w *workshop) measureLogins(ctx context.Context) ([]*busy, error) {
	if w.directory == nil {
		return []*busy{{name: "sign-ins", skipped: w.lacksDirectory}}, nil
	}
	progress("sign-ins a second: %d rounds", loginRounds)
	loop, err := w.directory.Logins()
	if err != nil {
		return nil, err
	}
	defer loop.Done()
	rows := []*busy{rowLoop: {name: "go-ldap, search and bind", run: signIn(loop, 0)}}
	for _, algorithm := range []string{rowLoginES256: "ES256", rowLoginRS256: "RS256"}[rowLoginES256:] {
		x, err := w.directory.Exchange(ctx, w.program("exchange"), algorithm, false)
		if err != nil {
			return nil, err
		}
		defer x.Stop()
		at, err := load.LoginsAt(x)
		if err != nil {
			return nil, err
		}
		defer at.Done()
		rows = append(rows, &busy{name: "the exchange, tokens by " + algorithm, base: rowLoop, run: signIn(at, x.Pid())})
	}
	return rows, busyRounds(ctx, loginRounds, rows)
}

// signIn is a row's run; pid is 0 where nobody's processor is counted.
func signIn(l load.Logins, pid int) func(context.Context) (time.Duration, time.Duration, error) {
	return func(ctx context.Context) (each, processor time.Duration, err error) {
		return load.Cost(ctx, pid, loginTime, load.Workers, l.Do)
	}
}
