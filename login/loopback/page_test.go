package loopback

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func allPages() map[string]page {
	return map[string]page{
		"success":  successPage("jane@example.com"),
		"failure":  failurePage("It did not work."),
		"stray":    strayPage(http.StatusBadRequest, "The answer carries no state."),
		"repeated": repeatedPage(),
		"pending":  pendingPage(),
	}
}

func TestPagesAreSelfContainedAndAccessible(t *testing.T) {
	for name, p := range allPages() {
		body := p.render()
		for _, want := range []string{
			"<!DOCTYPE html>", `<html lang="en">`, `<meta charset="utf-8">`, `name="viewport"`,
			"<title>" + p.title, "<main>", "<h1>", `aria-hidden="true"`, "prefers-color-scheme:dark",
		} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: without %s", name, want)
			}
		}
		for _, never := range []string{"<script", "src=", "href=", "url(", "@import", "http://", "https://", "style="} {
			if i := strings.Index(body, never); i >= 0 {
				t.Errorf("%s: holds %q: %s", name, never, body[i:min(i+60, len(body))])
			}
		}
		if eventHandler.MatchString(body) {
			t.Errorf("%s: holds an event handler", name)
		}
		if name != "pending" && !strings.Contains(body, "You can close this tab.") {
			t.Errorf("%s: does not say that the tab can be closed", name)
		}
	}
}

var eventHandler = regexp.MustCompile(`<[^>]* on[a-z]+=`)

func TestPolicyNamesTheStyle(t *testing.T) {
	h := http.Header{}
	secure(h)
	body := successPage("").render()
	_, rest, _ := strings.Cut(body, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if got := h.Get("Content-Security-Policy"); !strings.Contains(got, want) {
		t.Errorf("%s does not allow %s", got, want)
	}
}

func TestEverythingThatVariesIsEscaped(t *testing.T) {
	const hostile = `"><script>alert('x')</script>&amp;`
	p := page{status: 200, tone: bad, title: hostile, account: hostile, reason: hostile, lines: []string{hostile}}
	body := p.render()
	if strings.Contains(body, "<script") || strings.Contains(body, `"><s`) {
		t.Error(body)
	}
	if n := strings.Count(body, "&lt;script&gt;"); n != 5 {
		t.Errorf("%d of 5 places show the text", n)
	}
}
