package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kubecred/kubecred/e2e/internal/measure"
)

// table is one of Markdown's, with its columns aligned.
type table struct {
	head []string
	left int // so many columns are words; the others are numbers, to the right
	rows [][]string
}

// add adds a row; what it lacks is empty.
func (t *table) add(cells ...string) {
	t.rows = append(t.rows, append(cells, make([]string, len(t.head)-len(cells))...))
}

func (t *table) String() string {
	widths := make([]int, len(t.head))
	for _, row := range append(t.rows, t.head) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	t.line(&out, t.head, widths)
	out.WriteString("|")
	for i, width := range widths {
		if i < t.left {
			out.WriteString(" " + strings.Repeat("-", width) + " |")
		} else {
			out.WriteString(" " + strings.Repeat("-", width-1) + ": |")
		}
	}
	out.WriteString("\n")
	for _, row := range t.rows {
		t.line(&out, row, widths)
	}
	return out.String()
}

func (t *table) line(out *strings.Builder, cells []string, widths []int) {
	out.WriteString("|")
	for i, cell := range cells {
		space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i < t.left {
			out.WriteString(" " + cell + space + " |")
		} else {
			out.WriteString(" " + space + cell + " |")
		}
	}
	out.WriteString("\n")
}

func ms(d time.Duration) string { return number(d) + " ms" }

// number is so many milliseconds, to three digits or four.
func number(d time.Duration) string {
	places := 2
	if d >= 100*time.Millisecond {
		places = 0
	}
	return fmt.Sprintf("%.*f", places, float64(d)/float64(time.Millisecond))
}

// spread is a median with the shortest and the longest.
func spread(t measure.Times) string {
	return fmt.Sprintf("%s (%s–%s)", ms(t.Median()), number(t.Min()), number(t.Max()))
}

func ratio(r float64) string { return fmt.Sprintf("%.2f", r) }

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func kilobytes(n int) string { return fmt.Sprintf("%.1f KB", float64(n)/1000) }
