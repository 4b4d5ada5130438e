package term

// Text from outside: providers' errors, names in tokens, prompts of servers.

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text from outside fit to be shown on one line of a terminal, in
// at most limit runes; a longer text ends in an ellipsis.
//
// What could move the cursor, change colors, reorder or hide text is dropped:
// the control characters C0, C1 and DEL, everything of Unicode's class Format
// (bidirectional overrides, zero-width characters, tags), blanks that look
// like letters, private and unassigned code points, and invalid UTF-8. Every
// run of white space becomes one space, so that a line break cannot forge a
// line of ours.
func Clean(text string, limit int) string {
	var out strings.Builder
	runes, space := 0, false
	for i, width := 0, 0; i < len(text); i += width {
		var r rune
		r, width = utf8.DecodeRuneInString(text[i:])
		if unicode.IsSpace(r) {
			space = runes > 0
			continue
		}
		if hidden(r) || (r == utf8.RuneError && width == 1) {
			continue
		}
		need := 1
		if space {
			need = 2
		}
		if runes+need > limit {
			return shorten(out.String(), limit)
		}
		if space {
			out.WriteByte(' ')
			space = false
		}
		out.WriteRune(r)
		runes += need
	}
	return out.String()
}

// hidden reports whether r has no business on a terminal.
func hidden(r rune) bool {
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0: // blanks of class Letter, Mark or Symbol
		return true
	}
	return !strconv.IsPrint(r)
}

// shorten makes room for the ellipsis in text, whose next rune did not fit.
func shorten(text string, limit int) string {
	if limit <= 0 {
		return ""
	}
	if utf8.RuneCountInString(text) >= limit {
		_, width := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-width]
	}
	return strings.TrimSuffix(text, " ") + "…"
}
