package setup

import (
	"strconv"
	"strings"
)

// scalar writes a text as one YAML scalar, on one line. What is not plainly a
// word is in double quotes: Go's escapes are among YAML's (1.2, section 5.7), and
// leave no character that could break a line or not be seen.
func scalar(text string) string {
	if isWord(text) {
		return text
	}
	return strconv.Quote(text)
}

// isWord reports whether text means itself without quotes: it begins as a word,
// a path or a flag does, and is none of the words that YAML 1.1 takes for
// something else.
func isWord(text string) bool {
	begins := strings.TrimPrefix(strings.TrimPrefix(text, "/"), "--")
	if begins == "" || !isLetter(rune(begins[0])) {
		return false
	}
	switch strings.ToLower(text) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return false
	}
	if strings.HasSuffix(text, ":") {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !isLetter(r) && (r < '0' || r > '9') && !strings.ContainsRune("-_./:@=,", r)
	})
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// block is a text of several lines, each indented.
func block(text, indent string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(indent + line)
	}
	return out.String()
}
