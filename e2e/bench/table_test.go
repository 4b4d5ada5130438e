package main

import (
	"testing"
	"time"
)

func TestTableIsAligned(t *testing.T) {
	table := &table{left: 1, head: []string{"what", "ms", "÷"}}
	table.add("a – b", "12", "1.5")
	table.add("c")
	const want = "" +
		"| what  | ms |   ÷ |\n" +
		"| ----- | -: | --: |\n" +
		"| a – b | 12 | 1.5 |\n" +
		"| c     |    |     |\n"
	if got := table.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestNumbers(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1234 * time.Microsecond: "1.23 ms", 51_230 * time.Microsecond: "51.23 ms", 1_018_400 * time.Microsecond: "1018 ms",
	} {
		if got := ms(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
