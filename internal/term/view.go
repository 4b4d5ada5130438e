package term

// What a line looks like on the terminal while it is typed.

import (
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	bracketedPasteOn  = "\x1b[?2004h"
	bracketedPasteOff = "\x1b[?2004l"

	defaultWidth = 80
	minRoom      = 8 // columns for the text, or it gets a line of its own
)

// view shows the end of a long text on one line. It needs no more of a
// terminal than that a backspace moves left.
type view struct {
	out    io.Writer
	prompt string
	room   int    // columns for the text
	shown  string // what stands after the prompt
	paste  bool
}

func newView(out io.Writer, prompt string, width int) *view {
	if width <= 0 {
		width = defaultWidth
	}
	room := width - columns(prompt) - 1
	if room < minRoom {
		prompt += "\n"
		room = max(width-1, 1)
	}
	return &view{out: out, prompt: prompt, room: room}
}

// begin shows the prompt. With paste the terminal marks what is pasted, so
// that a line break in it does not end the answer and hand the rest to the
// shell as a command.
func (v *view) begin(paste bool) error {
	v.paste = paste
	text := v.prompt
	if paste {
		text = bracketedPasteOn + text
	}
	_, err := io.WriteString(v.out, text)
	return err
}

// finish leaves the cursor on a new line. Its errors have no one to tell.
func (v *view) finish() {
	text := "\n"
	if v.paste {
		text = bracketedPasteOff + text
	}
	_, _ = io.WriteString(v.out, text)
}

// show brings the line up to date with text.
func (v *view) show(text []byte) error {
	next := tail(text, v.room)
	if next == v.shown {
		return nil
	}
	same := commonPrefix(v.shown, next)
	stale := columns(v.shown[same:])
	gap := max(stale-columns(next[same:]), 0)
	v.shown, next = next, next[same:]
	_, err := io.WriteString(v.out, strings.Repeat("\b", stale)+next+
		strings.Repeat(" ", gap)+strings.Repeat("\b", gap))
	return err
}

// tail is the end of text that fits into room, without what cannot be shown.
func tail(text []byte, room int) string {
	start, used := len(text), 0
	for start > 0 {
		r, width := utf8.DecodeLastRune(text[:start])
		if used += runeColumns(r); used > room {
			break
		}
		start -= width
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return -1
		}
		return r
	}, string(text[start:]))
}

// commonPrefix is in bytes and ends between runes.
func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && (n < len(a) && !utf8.RuneStart(a[n]) || n < len(b) && !utf8.RuneStart(b[n])) {
		n--
	}
	return n
}

func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// runeColumns is how wide a terminal shows r. It is an estimate, as each
// terminal has its own table; a wrong one misplaces a character on the screen
// and nothing else.
func runeColumns(r rune) int {
	switch {
	case r == utf8.RuneError || !strconv.IsPrint(r) || unicode.Is(unicode.Mn, r):
		return 0
	case r >= 0x1100 && r <= 0x115F, // Hangul
		r >= 0x2E80 && r <= 0xA4CF, // East Asian
		r >= 0xAC00 && r <= 0xD7A3,
		r >= 0xF900 && r <= 0xFAFF,
		r >= 0xFE30 && r <= 0xFE6F,
		r >= 0xFF00 && r <= 0xFF60,
		r >= 0xFFE0 && r <= 0xFFE6,
		r >= 0x1F300 && r <= 0x1FAFF, // emoji
		r >= 0x20000 && r <= 0x3FFFD:
		return 2
	}
	return 1
}
