package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/caller"
	"github.com/kubecred/kubecred/e2e/internal/measure"
	"github.com/kubecred/kubecred/internal/oidctest"
)

const crowdRounds = 9

// crowd is a row of the second table: many processes at once.
type crowd struct {
	name string
	// prepare makes ready for one start, and says what is started.
	prepare prepare
	person  time.Duration // taken at the provider's page

	took             map[int]measure.Times // by the number of processes
	authorize, token int                   // requests, the most that one start caused
}

// The rows that a goal is about.
const (
	rowCrowdOneLine = iota
	rowWarm
	rowMachine
	rowCold
	rowColdPerson
	rowExpired
)

// sizes are the numbers of processes that are started at once.
func sizes() []int { return []int{1, 10, 50} }

func (w *workshop) crowds(ctx context.Context) ([]*crowd, error) {
	warm := w.inFile
	if w.inKernel != nil {
		warm = w.inKernel
	}
	renewed, err := w.caller.SealedByFile()
	if err == nil {
		_, err = w.caller.Fill(ctx, renewed)
	}
	return []*crowd{
		rowCrowdOneLine: {name: "a Go program that prints one line", prepare: always(w.caller.Other(w.program("oneline")))},
		rowWarm:         {name: "warm: each is a hit", prepare: always(w.caller.GetToken(warm))},
		rowMachine:      {name: "cold, a machine's login", prepare: w.cold(w.caller.MachineToken)},
		rowCold:         {name: "cold, a person who answers at once", prepare: w.cold(w.caller.GetToken)},
		rowColdPerson:   {name: "cold, a person who takes a second", prepare: w.cold(w.caller.GetToken), person: time.Second},
		rowExpired: {name: "expired, a refresh token that rotates", prepare: func(ctx context.Context) (measure.Command, error) {
			return w.caller.GetToken(renewed), renewed.Expire(ctx)
		}},
	}, err
}

type prepare = func(context.Context) (measure.Command, error)

func always(c measure.Command) prepare {
	return func(context.Context) (measure.Command, error) { return c, nil }
}

// cold is a call that finds nothing: its data key and its entry are both to be made.
func (w *workshop) cold(call func(*caller.Cache) measure.Command) prepare {
	return func(context.Context) (measure.Command, error) {
		in, err := w.caller.SealedByFile()
		return call(in), err
	}
}

// measureCrowds fills in how long it takes until the last of many has answered.
func (w *workshop) measureCrowds(ctx context.Context) ([]*crowd, error) {
	rows, err := w.crowds(ctx)
	if err != nil {
		return nil, err
	}
	for round := range crowdRounds + 1 { // the first warms up
		progress("many processes at once: round %d of %d", round, crowdRounds)
		for _, row := range rows {
			for _, n := range sizes() {
				took, err := w.start(ctx, row, n)
				if err != nil {
					return nil, fmt.Errorf("%d at once, %s: %w", n, row.name, err)
				}
				if round > 0 {
					row.note(n, took)
				}
			}
		}
	}
	return rows, w.sessionsLive()
}

func (c *crowd) note(n int, took time.Duration) {
	if c.took == nil {
		c.took = map[int]measure.Times{}
	}
	c.took[n] = append(c.took[n], took)
}

// start starts n at once, and makes sure that all were told the same.
func (w *workshop) start(ctx context.Context, row *crowd, n int) (time.Duration, error) {
	command, err := row.prepare(ctx)
	if err != nil {
		return 0, err
	}
	provider := w.caller.Provider
	provider.Apply(oidctest.Break(oidctest.Authorize, slowly(row.person)))
	authorize, token := provider.Count(oidctest.Authorize), provider.Count(oidctest.Token)
	took, printed, err := measure.Together(ctx, n, command)
	if err = errors.Join(err, w.caller.Settle(ctx)); err != nil {
		return 0, err
	}
	for _, out := range printed {
		if out != printed[0] {
			return 0, errors.New("not all were given the same")
		}
	}
	row.authorize = max(row.authorize, provider.Count(oidctest.Authorize)-authorize)
	row.token = max(row.token, provider.Count(oidctest.Token)-token)
	return took, nil
}

// slowly lets the person take their time.
func slowly(d time.Duration) oidctest.Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		}
		serve(w, r)
	}
}

// sessionsLive: the provider ends a session whose refresh token is used twice.
func (w *workshop) sessionsLive() error {
	for _, s := range w.caller.Provider.Sessions() {
		if s.Reused || s.Ended {
			return errors.New("a refresh token was used twice, and its session is lost")
		}
	}
	return nil
}

func crowdTable(rows []*crowd) *table {
	t := &table{left: 1, head: []string{"all have answered, of", "1", "10", "50", "50 ÷ 1", "authorize requests", "token requests"}}
	for _, row := range rows {
		cells := []string{row.name}
		for _, n := range sizes() {
			cells = append(cells, spread(row.took[n]))
		}
		t.add(append(cells, ratio(row.growth()), fmt.Sprint(row.authorize), fmt.Sprint(row.token))...)
	}
	return t
}

// growth is how much longer fifty take than one.
func (c *crowd) growth() float64 { return c.took[50].Over(c.took[1]) }
