package main

import (
	"context"

	"github.com/kubecred/kubecred/e2e/internal/measure"
)

const stockRounds = 100

// stocks are the numbers of entries that a cache holds.
func stocks() []int { return []int{1, 100, 1000} }

// measureStocks returns what a hit costs among so many entries, in the order of stocks.
func (w *workshop) measureStocks(ctx context.Context) ([]measure.Series, error) {
	progress("a hit among many entries: %d rounds", stockRounds)
	var commands []measure.Command
	for _, n := range stocks() {
		in, err := w.filledCache(ctx)
		if err != nil {
			return nil, err
		}
		if err := in.Stock(ctx, n); err != nil {
			return nil, err
		}
		commands = append(commands, w.caller.GetToken(in))
	}
	return measure.Rounds(ctx, stockRounds, commands)
}

func stockTable(all []measure.Series) *table {
	t := &table{left: 1, head: []string{"entries stored", "1", "100", "1,000", "1,000 ÷ 1"}}
	row := []string{"hit"}
	for _, s := range all {
		row = append(row, spread(s.Wall()))
	}
	t.add(append(row, ratio(stockGrowth(all)))...)
	return t
}

func stockGrowth(all []measure.Series) float64 { return all[len(all)-1].Wall().Over(all[0].Wall()) }
