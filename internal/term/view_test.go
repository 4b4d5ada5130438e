package term

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// screen is a terminal of one wide line each: enough to see what a person
// would.
func screen(output string) []string {
	lines, column := [][]rune{nil}, 0
	for _, sequence := range []string{bracketedPasteOn, bracketedPasteOff} {
		output = strings.ReplaceAll(output, sequence, "")
	}
	for _, r := range output {
		line := &lines[len(lines)-1]
		switch r {
		case '\r':
			column = 0
		case '\n':
			lines, column = append(lines, nil), 0
		case '\b':
			column = max(column-1, 0)
		default:
			for range runeColumns(r) {
				for len(*line) <= column {
					*line = append(*line, ' ')
				}
				(*line)[column] = r
				column++
			}
		}
	}
	shown := make([]string, len(lines))
	for i, line := range lines {
		shown[i] = strings.TrimRight(string(line), " ")
	}
	return shown
}

func TestViewShowsTheEndOfALongText(t *testing.T) {
	tests := []struct {
		name, prompt string
		width        int
		texts        []string // one after another
		want         string
	}{
		{"typing", "Code: ", 20, []string{"a", "ab", "abc"}, "Code: abc"},
		{"erasing", "Code: ", 20, []string{"abc", "ab", ""}, "Code:"},
		{"replacing", "Code: ", 20, []string{"abcdef", "xy"}, "Code: xy"},
		{"long", "Code: ", 20, []string{"0123456789abcdefghij"}, "Code: 789abcdefghij"},
		{"long, erased", "Code: ", 20, []string{"0123456789abcdefghij", "0123"}, "Code: 0123"},
		{"wide", "Code: ", 20, []string{"漢字漢字漢字漢字", "漢字"}, "Code: 漢漢字字"},
		{"wide, other in the middle", "P: ", 40, []string{"a漢b", "a漢c"}, "P: a漢漢c"},
		{"same bytes, other rune", "P: ", 40, []string{"é", "è"}, "P: è"},
		{"not shown", "P: ", 40, []string{"a\xffb\u009bc\u202ed\u0000e"}, "P: abcde"},
		{"no width", "P: ", 0, []string{"abc"}, "P: abc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			v := newView(&out, tt.prompt, tt.width)
			if err := v.begin(true); err != nil {
				t.Fatal(err)
			}
			for _, text := range tt.texts {
				if err := v.show([]byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			if got := screen(out.String())[0]; got != tt.want {
				t.Errorf("%q, want %q (output %q)", got, tt.want, out.String())
			}
		})
	}
}

func TestAPromptThatFillsTheLine(t *testing.T) {
	var out strings.Builder
	v := newView(&out, "a prompt of twenty c", 20)
	v.begin(false)
	v.show([]byte(strings.Repeat("x", 100)))
	v.finish()
	if got := screen(out.String()); len(got) != 3 || got[1] != strings.Repeat("x", 19) {
		t.Errorf("%q", got)
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("a terminal that knows no sequences got one: %q", out.String())
	}
}

func FuzzView(f *testing.F) {
	f.Add("abc\x00ab\x00é漢", 20)
	f.Add("\xff\x00e\u0301\x00\u1100", 1)
	f.Fuzz(func(t *testing.T, texts string, width int) {
		var out strings.Builder
		width = 9 + max(width, -width, 0)%60
		v := newView(&out, "", width)
		v.begin(false)
		for text := range strings.SplitSeq(texts, "\x00") {
			v.show([]byte(text))
			if columns(v.shown) > v.room {
				t.Fatalf("%q does not fit into %d", v.shown, v.room)
			}
		}
		if !utf8.ValidString(out.String()) {
			t.Fatalf("invalid output %q", out.String())
		}
		if got, want := screen(out.String()), screen(v.shown); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("the screen shows %q, want %q (output %q)", got, want, out.String())
		}
		if strings.ContainsFunc(out.String(), func(r rune) bool { return r < ' ' && r != '\b' || r == 0x7f || r == 0x9b }) {
			t.Fatalf("a control character reached the terminal: %q", out.String())
		}
	})
}
