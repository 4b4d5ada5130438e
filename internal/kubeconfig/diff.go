package kubeconfig

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// around is how many lines that stay are shown beside those that change.
const around = 3

// maxTable bounds the search for the shortest difference, in pairs of lines.
// What differs in more is shown as replaced.
const maxTable = 4 << 20

// Diff returns a unified diff for a person. Secrets are redacted (redact.go).
// It is empty where nothing changes. What a terminal would obey is left out: the
// file may be someone else's.
func (c Change) Diff() string {
	if !c.Changed() {
		return ""
	}
	r := &redaction{numbers: map[string]int{}}
	before, after := textLines(r.redact(c.Before)), textLines(r.redact(c.After))
	from := c.Path
	if c.Made {
		from = "/dev/null"
	}
	return strings.Map(inked, "--- "+from+"\n+++ "+c.Path+"\n"+unified(script(before, after)))
}

// inked drops what is neither ink nor a blank.
func inked(r rune) rune {
	if unicode.IsPrint(r) || r == '\n' || r == '\t' {
		return r
	}
	return -1
}

func textLines(text []byte) []string {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	all := strings.SplitAfter(string(text), "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// step is one line of a difference: ' ', '-' or '+'.
type step struct {
	sign byte
	line string
}

// script returns the steps from one text to another.
func script(a, b []string) (steps []step) {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		steps = append(steps, step{' ', a[head]})
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	steps = append(steps, shortest(a[head:len(a)-tail], b[head:len(b)-tail])...)
	for _, line := range a[len(a)-tail:] {
		steps = append(steps, step{' ', line})
	}
	return steps
}

// shortest finds the longest common subsequence of lines, by the table.
func shortest(a, b []string) (steps []step) {
	if len(a)*len(b) > maxTable {
		a, b, steps = nil, nil, append(signed('-', a), signed('+', b)...)
	}
	width := len(b) + 1
	common := make([]int32, (len(a)+1)*width) // of a[i:] and b[j:]
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
			if a[i] == b[j] {
				common[i*width+j] = common[(i+1)*width+j+1] + 1
			}
		}
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			steps = append(steps, step{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[(i+1)*width+j] >= common[i*width+j+1]:
			steps = append(steps, step{'-', a[i]})
			i++
		default:
			steps = append(steps, step{'+', b[j]})
			j++
		}
	}
	return steps
}

func signed(sign byte, lines []string) (steps []step) {
	for _, line := range lines {
		steps = append(steps, step{sign, line})
	}
	return steps
}

// unified writes steps as hunks, with the lines around them.
func unified(steps []step) string {
	var out strings.Builder
	from, to := 1, 1 // the line that comes next, of either text
	for i := 0; i < len(steps); {
		end := hunkEnd(steps, i)
		if end == i { // too far from any change
			from, to, i = from+1, to+1, i+1
			continue
		}
		hunk := steps[i:end]
		removed, added := count(hunk, '-'), count(hunk, '+')
		fmt.Fprintf(&out, "@@ -%s +%s @@\n", span(from, len(hunk)-added), span(to, len(hunk)-removed))
		for _, s := range hunk {
			out.WriteByte(s.sign)
			out.WriteString(strings.TrimSuffix(s.line, "\n") + "\n")
			if !strings.HasSuffix(s.line, "\n") {
				out.WriteString("\\ No newline at end of file\n")
			}
		}
		from, to, i = from+len(hunk)-added, to+len(hunk)-removed, end
	}
	return out.String()
}

// hunkEnd returns where the hunk that begins at a step ends; there is none
// where no change is near.
func hunkEnd(steps []step, begin int) int {
	end, last := begin, begin-1 // the last change, or what counts as one
	for i := begin; i < len(steps) && i <= last+2*around+1; i++ {
		if steps[i].sign == ' ' {
			if end == begin && i-begin >= around {
				return begin
			}
			continue
		}
		last, end = i, min(i+around+1, len(steps))
	}
	return end
}

func count(steps []step, sign byte) (n int) {
	for _, s := range steps {
		if s.sign == sign {
			n++
		}
	}
	return n
}

// span is a hunk's place: an empty one stands before its line.
func span(from, length int) string {
	if length == 0 {
		from--
	}
	return fmt.Sprintf("%d,%d", from, length)
}
