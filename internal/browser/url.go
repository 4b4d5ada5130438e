package browser

// Which URLs may reach a launcher, and in which form.

import (
	"fmt"
	"strings"

	"github.com/kubecred/kubecred/internal/httpclient"
)

// URLError is a URL that must not reach a browser. It does not repeat it.
type URLError struct{ Reason string }

func (e *URLError) Error() string { return "refused to open the browser: " + e.Reason }

// harden returns raw as a URL that is safe on any launcher's command line,
// even where the launcher is a script that quotes badly (wslview hands it to
// PowerShell): whatever a shell could take for its own is percent-encoded,
// which servers decode again. "&" and "%" stay, since a query needs them.
func harden(raw string) (string, error) {
	u, err := httpclient.ParseURL(raw)
	if err != nil {
		return "", &URLError{err.Error()}
	}
	// url.Parse lets a host contain quotes and "$(…)".
	if i := strings.IndexFunc(u.Host, func(r rune) bool { return !isHostRune(r) }); i >= 0 {
		return "", &URLError{"the URL's host contains a special character"}
	}
	rest := u.EscapedPath()
	if u.RawQuery != "" {
		rest += "?" + u.RawQuery
	}
	return u.Scheme + "://" + u.Host + encode(rest), nil
}

func isHostRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_:[]", r)
}

// encode keeps the unreserved characters of RFC 3986 and the delimiters that
// no shell cares for.
func encode(s string) string {
	var out strings.Builder
	for i := range len(s) {
		c := s[i]
		if c < 0x80 && (isHostRune(rune(c)) && c != '[' && c != ']' || strings.IndexByte("/?&=%+,~@", c) >= 0) {
			out.WriteByte(c)
			continue
		}
		fmt.Fprintf(&out, "%%%02X", c)
	}
	return out.String()
}
