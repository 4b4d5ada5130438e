package loopback

// Reading what a person pasted. On a machine without a browser the browser of
// another machine ends on a page it cannot open, and its address is the answer.

import (
	"net/url"
	"strings"

	"github.com/kubecred/kubecred/internal/secret"
)

// maxPaste bounds pasted text, in bytes: what a terminal prompt takes at most.
const maxPaste = 64 << 10

// ParsePasted reads what a person pasted: the bare code, or the whole address
// of the page that the browser ended on, whose state and issuer are checked as
// in ParseCallback. White space and quotes around it are ignored.
//
// A bare code carries no state; PKCE and the nonce, which the caller checks,
// bind it to this login. Its errors are ParseCallback's, and *PasteError for
// text that can be neither.
func ParsePasted(text string, want Expected) (secret.Text, error) {
	if len(text) > maxPaste {
		return secret.Text{}, &PasteError{"the pasted text is too long"}
	}
	text = strings.Trim(text, " \t\r\n\"'`<>")
	switch {
	case text == "":
		return secret.Text{}, &PasteError{"nothing was pasted"}
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return secret.Text{}, &PasteError{"the pasted text has a space, a line break or a special character inside"}
	}
	if query, ok := pastedQuery(text); ok {
		return parseAddress(query, want)
	}
	if !isCode(text) {
		return secret.Text{}, &PasteError{"the pasted text is too long to be a code"}
	}
	return secret.New(text), nil
}

// pastedQuery tells an address from a bare code, which may itself contain
// slashes and equal signs. People also copy an address without its scheme, or
// its query alone.
func pastedQuery(text string) (url.Values, bool) {
	address, _, _ := strings.Cut(text, "#")
	before, query, found := strings.Cut(address, "?")
	if !found {
		before, query = "", address
	}
	values, _ := url.ParseQuery(query) // what cannot be read counts as missing
	isURL := hasPrefixFold(text, "http://") || hasPrefixFold(text, "https://")
	if isURL && !found {
		return nil, true
	}
	return values, isURL || values.Has("code") || values.Has("error") || strings.Contains(before, "://")
}

func parseAddress(query url.Values, want Expected) (secret.Text, error) {
	if !query.Has("code") && !query.Has("error") {
		return secret.Text{}, &PasteError{"the pasted address holds no code; copy the address of the page that the browser ended on"}
	}
	return ParseCallback(query, want)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
