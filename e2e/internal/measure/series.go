package measure

import (
	"cmp"
	"slices"
	"time"
)

// Series is what a command cost, by round.
type Series []Cost

// Wall is the series' wall times.
func (s Series) Wall() Times { return s.times(func(c Cost) time.Duration { return c.Wall }) }

// CPU is the series' processor times.
func (s Series) CPU() Times { return s.times(func(c Cost) time.Duration { return c.CPU }) }

// Faults is the median of the page faults.
func (s Series) Faults() int64 {
	faults := make([]int64, len(s))
	for i, cost := range s {
		faults[i] = cost.Faults
	}
	return median(faults)
}

func (s Series) times(of func(Cost) time.Duration) Times {
	times := make(Times, len(s))
	for i, cost := range s {
		times[i] = of(cost)
	}
	return times
}

// Times are durations by round; at least one.
type Times []time.Duration

// Median is the one in the middle, the lower of two.
func (t Times) Median() time.Duration { return median(t) }

// Min is the shortest.
func (t Times) Min() time.Duration { return slices.Min(t) }

// Max is the longest.
func (t Times) Max() time.Duration { return slices.Max(t) }

// Over is the median of the rounds' ratios to base, a series of the same rounds. What slows a
// whole round down cancels out.
func (t Times) Over(base Times) float64 {
	ratios := make([]float64, len(t))
	for i := range t {
		ratios[i] = float64(t[i]) / float64(base[i])
	}
	return median(ratios)
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}
