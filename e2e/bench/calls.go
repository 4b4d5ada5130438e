package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/kubecred/kubecred/e2e/internal/measure"
)

const (
	callRounds = 250
	peakRounds = 5
)

// call is a row of the first table: one process.
type call struct {
	name    string
	command measure.Command
	skipped string // why there is no command

	times measure.Series
	peak  int64 // bytes
}

// The rows of the first table that others are compared with, or that a goal is about.
const (
	rowOneLine = iota
	rowLinked
	rowVersion
	rowKernel
	rowService
	rowFile
	rowBig
)

func (w *workshop) calls() []*call {
	rows := []*call{
		rowOneLine: {name: "a Go program that prints one line", command: w.caller.Other(w.program("oneline"))},
		rowLinked:  {name: "the same, linking what kubecred links", command: w.caller.Other(w.program("linked"))},
		rowVersion: {name: "`kubecred version`", command: w.caller.Other(w.program("kubecred"), "version")},
		rowKernel:  {name: "hit, data key in the kernel's keyring", skipped: w.lacksKernel},
		rowService: {name: "hit, Secret Service asked each time", skipped: w.lacks},
		rowFile:    {name: "hit, data key in a file", command: w.caller.GetToken(w.inFile)},
		rowBig:     {name: "hit, file, a token of " + kilobytes(w.bigToken), command: w.caller.GetToken(w.big)},
	}
	if w.inKernel != nil {
		rows[rowKernel].command = w.caller.GetToken(w.inKernel)
		rows[rowBig].name = "hit, kernel's keyring, a token of " + kilobytes(w.bigToken)
	}
	if w.inService != nil {
		rows[rowService].command = w.caller.GetToken(w.inService)
	}
	return rows
}

// measureCalls fills in what each call costs.
func (w *workshop) measureCalls(ctx context.Context) ([]*call, error) {
	progress("one process at a time: %d rounds", callRounds)
	rows := w.calls()
	var asked []*call
	var commands []measure.Command
	for _, row := range rows {
		if row.skipped == "" {
			asked, commands = append(asked, row), append(commands, row.command)
		}
	}
	all, err := measure.Rounds(ctx, callRounds, commands)
	if err != nil {
		return nil, err
	}
	for i, row := range asked {
		row.times = all[i]
		if row.peak, err = w.peak(ctx, row.command); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// peak is the median of a few runs.
func (w *workshop) peak(ctx context.Context, c measure.Command) (int64, error) {
	var peaks []int64
	for range peakRounds {
		peak, err := measure.Peak(ctx, w.program("peak"), c)
		if err != nil {
			return 0, err
		}
		peaks = append(peaks, peak)
	}
	slices.Sort(peaks)
	return peaks[len(peaks)/2], nil
}

func callTable(rows []*call) *table {
	t := &table{left: 1, head: []string{"one process", "median (min–max)", "× one line", "processor", "page faults", "peak memory"}}
	base := rows[rowOneLine].times.Wall()
	for _, row := range rows {
		if row.skipped != "" {
			t.add(row.name, "skipped: "+row.skipped)
			continue
		}
		wall := row.times.Wall()
		t.add(row.name, spread(wall), ratio(wall.Over(base)), ms(row.times.CPU().Median()), fmt.Sprint(row.times.Faults()), mebibytes(row.peak))
	}
	return t
}
