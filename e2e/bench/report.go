package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/kubecred/kubecred/e2e/internal/load"
	"github.com/kubecred/kubecred/e2e/internal/measure"
)

// results are all that was measured.
type results struct {
	calls  []*call
	crowds []*crowd
	stocks []measure.Series
	size   int64 // of the program, in bytes
	token  int   // of the usual size, in bytes

	reviews, logins []*busy
	memory          []grown // empty where lacksDirectory says why
	lacksDirectory  string
}

func (w *workshop) measure(ctx context.Context) (*results, error) {
	r := &results{token: w.token, lacksDirectory: w.lacksDirectory}
	info, err := os.Stat(w.program("kubecred"))
	if err != nil {
		return nil, err
	}
	r.size = info.Size()
	if r.calls, err = w.measureCalls(ctx); err != nil {
		return nil, err
	}
	if r.stocks, err = w.measureStocks(ctx); err != nil {
		return nil, err
	}
	if r.crowds, err = w.measureCrowds(ctx); err != nil {
		return nil, err
	}
	return r, w.measureExchange(ctx, r)
}

func (w *workshop) measureExchange(ctx context.Context, r *results) (err error) {
	if r.reviews, err = w.measureReviews(ctx); err != nil {
		return err
	}
	if r.logins, err = w.measureLogins(ctx); err != nil {
		return err
	}
	r.memory, err = w.measureMemory(ctx)
	return err
}

func (r *results) report(machine string) string {
	return strings.Join([]string{
		machine + "\n",
		fmt.Sprintf("One process at a time, %d rounds; a token of %s:\n", callRounds, kilobytes(r.token)),
		callTable(r.calls).String(),
		fmt.Sprintf("Many at once, until the last has answered, %d rounds:\n", crowdRounds),
		crowdTable(r.crowds).String(),
		fmt.Sprintf("A hit among many entries, %d rounds:\n", stockRounds),
		stockTable(r.stocks).String(),
		fmt.Sprintf("TokenReviews on one core, %d connections, %d rounds of %.2g s:\n", load.ReviewLines, reviewRounds, reviewTime.Seconds()),
		busyTable("answers, by the signature's algorithm", r.reviews).String(),
		fmt.Sprintf("Sign-ins by a password in OpenLDAP, %d at once, %d rounds of %.2g s:\n", load.Workers, loginRounds, loginTime.Seconds()),
		busyTable("sign-ins", r.logins).String(),
		fmt.Sprintf("The exchange's memory, after as many sign-ins as go into %.0f s:\n", memoryTime.Seconds()),
		r.memoryTable().String(),
		"Goals:\n",
		r.goals().String(),
	}, "\n")
}

// The goals: what a hit may cost next to the least that a Go program does, what it may need, and
// how little many at once may ask for.
const (
	goalRatio  = 2.0
	goalPeak   = 12 << 20 // bytes
	goalSize   = 9_000_000
	goalCold   = 1.5
	goalGrowth = 1.1 // "does not grow", within what two medians differ by
	goalReview = 0.7
	goalLogin  = 0.8
	goalFlat   = 1.3
)

func (r *results) goals() *table {
	t := &table{left: 3, head: []string{"goal", "reached", "met"}}
	add := func(goal, reached string, ok bool) {
		t.add(goal, reached, met(ok))
	}
	if kernel := r.calls[rowKernel]; kernel.skipped == "" {
		over := kernel.times.Wall().Over(r.calls[rowOneLine].times.Wall())
		add("a hit with the kernel's key takes at most 2 × one line", ratio(over), over <= goalRatio)
		add("its peak memory is under 12 MiB", mebibytes(kernel.peak), kernel.peak < goalPeak)
	} else {
		t.add("a hit with the kernel's key", "skipped: "+kernel.skipped)
	}
	add("the stripped program is under 9 MB", fmt.Sprintf("%.2f MB", float64(r.size)/1e6), r.size < goalSize)
	for _, row := range []int{rowMachine, rowCold, rowColdPerson} {
		cold := r.crowds[row]
		add("50 within 1.5 × one: "+cold.name, ratio(cold.growth()), cold.growth() <= goalCold)
	}
	cold, expired := r.crowds[rowCold], r.crowds[rowExpired]
	add("50 cold: one authorize request", fmt.Sprint(cold.authorize), cold.authorize == 1)
	add("50 with an expired token: one token request", fmt.Sprint(expired.token), expired.token == 1)
	growth := stockGrowth(r.stocks)
	add("a hit's cost does not grow with 1,000 entries", ratio(growth), growth < goalGrowth)
	r.busyGoals(t)
	r.memoryGoal(t)
	return t
}

func (r *results) busyGoals(t *table) {
	if why := r.reviews[0].skipped; why != "" {
		t.add("TokenReviews a second", "skipped: "+why)
	} else {
		for i, row := range r.reviews {
			if row.base != i {
				reached := over(r.reviews, i)
				t.add("reviews a second are at least 0.7 × the signature alone: "+row.name, ratio(reached), met(reached >= goalReview))
			}
		}
	}
	if why := r.logins[0].skipped; why != "" {
		t.add("sign-ins a second", "skipped: "+why)
		return
	}
	for _, row := range []int{rowLoginES256, rowLoginRS256} {
		reached := over(r.logins, row)
		t.add("sign-ins a second are at least 0.8 × go-ldap: "+r.logins[row].name, ratio(reached), met(reached >= goalLogin))
	}
}

func met(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
