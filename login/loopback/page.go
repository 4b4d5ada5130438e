package loopback

// The pages that a browser is shown. They are plain HTML with one inline
// style, no script and no outside resource; everything that varies is escaped.
// They are written without html/template, which would add its size and its
// start-up cost to every call of the plugin.

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// tone chooses a page's icon and color.
type tone string

const (
	good tone = "good"
	bad  tone = "bad"
	note tone = "note"
)

// page is one page's contents, as plain text.
type page struct {
	status  int
	tone    tone
	title   string
	account string   // who signed in; may be empty
	reason  string   // what went wrong; may be empty
	lines   []string // paragraphs
	refresh bool     // ask again in a second
}

const (
	maxShown = 300 // runes of an account or a reason
	closeTab = "You can close this tab."
)

func successPage(account string) page {
	return page{
		status: http.StatusOK, tone: good, title: "You are signed in", account: account,
		lines: []string{"Your terminal has what it needs.", closeTab},
	}
}

func failurePage(reason string) page {
	return page{
		status: http.StatusForbidden, tone: bad, title: "Sign-in failed", reason: reason,
		lines: []string{"Your terminal says what to do next.", closeTab},
	}
}

func strayPage(status int, reason string) page {
	return page{
		status: status, tone: note, title: "This is not the sign-in page", reason: reason,
		lines: []string{"A sign-in is still waiting for its answer here, and this was not it.", closeTab},
	}
}

func repeatedPage() page {
	return page{
		status: http.StatusConflict, tone: note, title: "This sign-in was already answered",
		lines: []string{"An earlier answer counts, and this one was not used. Your terminal shows how it ended.", closeTab},
	}
}

func pendingPage() page {
	return page{
		status: http.StatusOK, tone: note, title: "Finishing the sign-in", refresh: true,
		lines: []string{"The provider has answered, and the answer is being checked. This page reloads by itself."},
	}
}

// write sends the page. The status and the headers hold for HEAD too.
func (p page) write(w http.ResponseWriter) {
	body := p.render()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if p.refresh {
		h.Set("Refresh", "1")
	}
	w.WriteHeader(p.status)
	_, _ = w.Write([]byte(body)) // the browser went away; nothing depends on it
}

// secure sets the headers that every answer of the listener carries.
func secure(h http.Header) {
	style := sha256.Sum256([]byte(pageStyle))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+
		base64.StdEncoding.EncodeToString(style[:])+
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func (p page) render() string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">` +
		`<meta name="viewport" content="width=device-width, initial-scale=1">` +
		`<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">` +
		`<title>` + html.EscapeString(p.title) + ` · kubecred</title><style>` + pageStyle + `</style></head>` +
		`<body class="` + string(p.tone) + `"><main>` + p.tone.icon() + `<h1>` + html.EscapeString(p.title) + `</h1>`)
	if p.account != "" {
		b.WriteString(`<p class="account">as <strong>` + html.EscapeString(p.account) + `</strong></p>`)
	}
	if p.reason != "" {
		b.WriteString(`<p class="reason">` + html.EscapeString(p.reason) + `</p>`)
	}
	for _, line := range p.lines {
		b.WriteString(`<p>` + html.EscapeString(line) + `</p>`)
	}
	b.WriteString(`</main><footer>kubecred, on this computer</footer></body></html>`)
	return b.String()
}

// icon draws in the text's own coordinates, so that it grows with the font.
func (t tone) icon() string {
	stroke := map[tone]string{
		good: `<path d="M15 25l6.5 6.5L34 18"/>`,
		bad:  `<path d="M17.5 17.5l13 13M30.5 17.5l-13 13"/>`,
		note: `<path d="M24 22v11M24 15.5v.1"/>`,
	}[t]
	return `<svg viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="21"/>` + stroke + `</svg>`
}
