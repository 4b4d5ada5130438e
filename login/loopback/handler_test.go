package loopback

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestTheAnswerThatBelongs(t *testing.T) {
	l := start(t, nil)
	client := browser(t)
	pages := l.visit(t, client, l.goodURL())
	callback := l.wait(t)
	if got := callback.Code.Reveal(); got != "good-code" {
		t.Fatalf("code %q", got)
	}
	select {
	case <-pages:
		t.Fatal("a page was shown before the token was verified")
	default:
	}
	callback.Succeed("jane@example.com")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	page := page1(t, pages)
	if page.status != http.StatusOK || !strings.Contains(page.body, "You are signed in") || !strings.Contains(page.body, "jane@example.com") {
		t.Errorf("%d: %s", page.status, page.body)
	}
}

// Every peer ends the login on one of these.
func TestStraysDoNotEndTheLogin(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(host string) func(*http.Request) { return func(r *http.Request) { r.Host = host } }
	tests := []struct {
		name, method, path, query string
		change                    func(*http.Request)
		status                    int
	}{
		{name: "wrong state", query: "code=x&state=guess", status: 400},
		{name: "no state", query: "code=x", status: 400},
		{name: "nothing", status: 400},
		{name: "error without state, int128/kubelogin", query: "error=x", status: 400},
		{name: "code and error", query: "GOOD&error=x", status: 400},
		{name: "repeated code", query: "GOOD&code=x", status: 400},
		{name: "repeated state", query: "GOOD&state=x", status: 400},
		{name: "broken escape", query: "state=%zz&code=x", status: 400},
		{name: "favicon", path: "/favicon.ico", status: 404},
		{name: "another path", path: "/callback", query: "GOOD", status: 404},
		{name: "path that cleans to ours", path: "//", query: "GOOD", status: 404},
		{name: "a guessed result", path: "/done/AAAA", status: 404},
		{name: "HEAD", method: "HEAD", query: "GOOD", status: 405},
		{name: "OPTIONS", method: "OPTIONS", query: "GOOD", status: 405},
		{name: "POST where none was asked for", method: "POST", query: "GOOD", status: 405},
		{name: "PUT", method: "PUT", query: "GOOD", status: 405},
		{name: "DNS rebinding", query: "GOOD", change: host("evil.example:8000"), status: 403},
		{name: "host that begins like ours", query: "GOOD", change: host("localhost.evil.example"), status: 403},
		{name: "another address", query: "GOOD", change: host("192.168.0.1:8000"), status: 403},
		{name: "fetch without CORS", query: "GOOD", change: header("Sec-Fetch-Mode", "no-cors"), status: 403},
		{name: "fetch with CORS", query: "GOOD", change: header("Sec-Fetch-Mode", "cors"), status: 403},
		{name: "frame", query: "GOOD", change: header("Sec-Fetch-Dest", "iframe"), status: 403},
		{name: "image", query: "GOOD", change: header("Sec-Fetch-Dest", "image"), status: 403},
		{name: "huge headers", query: "GOOD", change: header("Cookie", strings.Repeat("x", 2*maxHeader)), status: 431},
	}
	l := start(t, nil)
	good := "state=" + testState + "&code=good-code"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.method == "" {
				tt.method = http.MethodGet
			}
			if tt.path == "" {
				tt.path = "/"
			}
			target := "http://" + l.addr() + tt.path + "?" + strings.Replace(tt.query, "GOOD", good, 1)
			req := request(t, tt.method, target, "")
			if tt.change != nil {
				tt.change(req)
			}
			got := do(t, browser(t), req)
			if got.status != tt.status {
				t.Errorf("status %d, want %d", got.status, tt.status)
			}
			for name := range got.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("a foreign page is let in by %s", name)
				}
			}
			l.stillWaits(t)
		})
	}
	l.visit(t, browser(t), l.goodURL())
	if got := l.wait(t).Code.Reveal(); got != "good-code" {
		t.Errorf("after the strays: code %q", got)
	}
}

func TestTopLevelNavigationsPass(t *testing.T) {
	for _, host := range []string{"localhost:8000", "LOCALHOST", "127.0.0.1:1", "[::1]:8000", "localhost."} {
		l := start(t, nil)
		req := request(t, http.MethodGet, l.goodURL(), "")
		req.Host = host
		req.Header.Set("Sec-Fetch-Mode", "navigate")
		req.Header.Set("Sec-Fetch-Dest", "document")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		if got := do(t, browser(t), req); got.status != http.StatusSeeOther {
			t.Errorf("%s: %d", host, got.status)
		}
	}
}

func TestRegisteredHostAndPath(t *testing.T) {
	l := start(t, func(o *Options, _ *limits) { o.RedirectURL = "http://dev.example:8000/oauth2/callback?keep=1" })
	if got := l.RedirectURL(); got != "http://dev.example:8000/oauth2/callback?keep=1" {
		t.Errorf("the registered URL was changed: %s", got)
	}
	req := request(t, http.MethodGet, l.goodURL(), "")
	req.Host = "dev.example:8000"
	if got := do(t, browser(t), req); got.status != http.StatusSeeOther {
		t.Errorf("the registered host got %d", got.status)
	}
}

func TestCodeLeavesTheAddressBar(t *testing.T) {
	l := start(t, nil)
	got := get(t, browser(t), l.goodURL())
	location := got.header.Get("Location")
	if got.status != http.StatusSeeOther || !strings.HasPrefix(location, "/done/") || got.body != "" {
		t.Errorf("%d, Location %q, body %q", got.status, location, got.body)
	}
	for _, secret := range []string{"good-code", testState} {
		if strings.Contains(location, secret) {
			t.Errorf("%q holds what the address bar must lose", location)
		}
	}
}

func TestProviderError(t *testing.T) {
	l := start(t, nil)
	pages := l.visit(t, browser(t), l.answerURL("state", testState, "error", "access_denied", "error_description", "<b>not</b> you\x1b[31m."))
	callback, err := l.Wait(t.Context())
	var denied *DeniedError
	if !errors.As(err, &denied) || callback != nil || denied.Code != "access_denied" {
		t.Fatalf("%v, %v", callback, err)
	}
	page := page1(t, pages)
	if page.status != http.StatusForbidden || !strings.Contains(page.body, "access_denied: &lt;b&gt;not&lt;/b&gt; you[31m.<") {
		t.Errorf("%d: %s", page.status, page.body)
	}
}

func TestAnotherIssuerEndsTheLogin(t *testing.T) {
	l := start(t, func(o *Options, _ *limits) { o.IssRequired = true })
	pages := l.visit(t, browser(t), l.answerURL("state", testState, "code", "x", "iss", "https://evil.example"))
	var issuer *IssuerError
	if _, err := l.Wait(t.Context()); !errors.As(err, &issuer) || issuer.Got != "https://evil.example" {
		t.Fatal(err)
	}
	if page := page1(t, pages); page.status != http.StatusForbidden || !strings.Contains(page.body, "evil.example") {
		t.Errorf("%d: %s", page.status, page.body)
	}
}

func TestFailurePageEscapes(t *testing.T) {
	l := start(t, nil)
	pages := l.visit(t, browser(t), l.goodURL())
	callback := l.wait(t)
	callback.Fail(`<script>alert(1)</script>"'&` + "\x00\u202e" + strings.Repeat("z", 5000))
	callback.Succeed("too late")
	page := page1(t, pages)
	if page.status != http.StatusForbidden || strings.Contains(page.body, "<script") || strings.ContainsAny(page.body, "\x00\u202e") ||
		strings.Contains(page.body, "too late") || len(page.body) > 8<<10 {
		t.Errorf("%d: %s", page.status, page.body)
	}
}

func TestFormPost(t *testing.T) {
	form := url.Values{"state": {testState}, "code": {"posted"}}.Encode()
	tests := []struct {
		name, query, kind, body string
		status                  int
	}{
		{name: "query does not count", query: "?code=x&state=" + testState, body: "code=y", status: 400},
		{name: "another kind", kind: "text/plain", body: form, status: 415},
		{name: "no kind", kind: "-", body: form, status: 415},
		{name: "several parts", kind: "multipart/form-data; boundary=x", body: form, status: 415},
		{name: "broken", body: form + "&x=%zz", status: 400},
		{name: "too large", body: form + "&x=" + strings.Repeat("x", maxBody), status: 413},
		{name: "good, with a charset", kind: "application/x-www-form-urlencoded; charset=utf-8", body: form, status: 303},
	}
	l := start(t, func(o *Options, _ *limits) { o.FormPost = true })
	for _, tt := range tests {
		req := request(t, http.MethodPost, "http://"+l.addr()+"/"+tt.query, tt.body)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if tt.kind != "" {
			req.Header.Set("Content-Type", tt.kind)
		}
		if got := do(t, browser(t), req); got.status != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, got.status, tt.status)
		}
		if tt.status != 303 {
			l.stillWaits(t)
		}
	}
	if got := l.wait(t).Code.Reveal(); got != "posted" {
		t.Errorf("code %q", got)
	}
}

func TestSecondAnswer(t *testing.T) {
	l := start(t, nil)
	client := browser(t)
	first := get(t, client, l.goodURL())
	again := get(t, client, l.goodURL())
	if again.status != http.StatusSeeOther || again.header.Get("Location") != first.header.Get("Location") {
		t.Errorf("the same answer again got %d", again.status)
	}
	other := get(t, client, l.answerURL("state", testState, "code", "another"))
	if other.status != http.StatusConflict || !strings.Contains(other.body, "already answered") {
		t.Errorf("another answer got %d: %s", other.status, other.body)
	}
	if got := l.wait(t).Code.Reveal(); got != "good-code" {
		t.Errorf("code %q", got)
	}
}

func TestResultTakesOnlyTheBrowser(t *testing.T) {
	l := start(t, nil)
	get(t, browser(t), l.goodURL())
	target := "http://" + l.addr() + l.result.path
	post := request(t, http.MethodPost, target, "")
	if got := do(t, browser(t), post); got.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", got.status)
	}
	fetch := request(t, http.MethodGet, target, "")
	fetch.Header.Set("Sec-Fetch-Mode", "cors")
	if got := do(t, browser(t), fetch); got.status != http.StatusForbidden {
		t.Errorf("fetch: %d", got.status)
	}
}

func TestVerdictThatTakesLong(t *testing.T) {
	l := start(t, func(_ *Options, lim *limits) { lim.patience = time.Millisecond })
	client := browser(t)
	first := get(t, client, l.goodURL())
	target := "http://" + l.addr() + first.header.Get("Location")
	pending := get(t, client, target)
	if pending.status != http.StatusOK || pending.header.Get("Refresh") != "1" || !strings.Contains(pending.body, "Finishing") {
		t.Errorf("%d %v: %s", pending.status, pending.header, pending.body)
	}
	l.limits.patience = time.Minute
	l.wait(t).Succeed("")
	if page := get(t, client, target); !strings.Contains(page.body, "You are signed in") {
		t.Errorf("after the verdict: %s", page.body)
	}
}

// A deadline for reading must not end the wait for the verdict.
func TestVerdictAfterTheReadDeadline(t *testing.T) {
	l := start(t, func(_ *Options, lim *limits) { lim.header, lim.read = 200*time.Millisecond, 200*time.Millisecond })
	pages := l.visit(t, browser(t), l.goodURL())
	callback := l.wait(t)
	select {
	case page, ok := <-pages:
		t.Fatalf("the page came before the verdict: %v %+v", ok, page)
	case <-time.After(400 * time.Millisecond): // nothing tells that a deadline has passed
	}
	callback.Succeed("")
	page1(t, pages)
}

func TestOpenURLAfter(t *testing.T) {
	const after = "https://example.com/welcome?x=1#top"
	l := start(t, func(o *Options, _ *limits) { o.OpenURLAfter = after })
	pages := l.visit(t, browser(t), l.goodURL())
	l.wait(t).Succeed("jane")
	l.Close()
	if page := page1(t, pages); page.status != http.StatusSeeOther || page.header.Get("Location") != after {
		t.Errorf("%d, Location %q", page.status, page.header.Get("Location"))
	}
	l = start(t, func(o *Options, _ *limits) { o.OpenURLAfter = after })
	pages = l.visit(t, browser(t), l.goodURL())
	l.wait(t).Fail("no")
	if page := page1(t, pages); page.status != http.StatusForbidden {
		t.Errorf("a failure got %d", page.status)
	}
}

func TestEveryAnswerIsSecured(t *testing.T) {
	l := start(t, func(o *Options, _ *limits) { o.FormPost = true })
	client := browser(t)
	replies := map[string]reply{
		"stray":    get(t, client, "http://"+l.addr()+"/x"),
		"post":     do(t, client, request(t, http.MethodPost, "http://"+l.addr()+"/", "")),
		"redirect": get(t, client, l.goodURL()),
		"repeated": get(t, client, l.answerURL("state", testState, "code", "another")),
	}
	l.wait(t).Succeed("")
	replies["result"] = get(t, client, "http://"+l.addr()+l.result.path)
	for name, got := range replies {
		for header, want := range map[string]string{
			"X-Content-Type-Options": "nosniff",
			"X-Frame-Options":        "DENY",
			"Referrer-Policy":        "no-referrer",
			"Cache-Control":          "no-store",
		} {
			if got.header.Get(header) != want {
				t.Errorf("%s: %s is %q", name, header, got.header.Get(header))
			}
		}
		policy := got.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", name, policy)
		}
	}
}

func TestStraysAreLoggedWithoutTheirContents(t *testing.T) {
	var out bytes.Buffer
	l := start(t, func(o *Options, _ *limits) { o.Log = slog.New(slog.NewTextHandler(&out, nil)) })
	get(t, browser(t), l.answerURL("state", "canary-state", "code", "canary-code", "error_description", "canary"))
	l.Close()
	if s := out.String(); !strings.Contains(s, "another sign-in") || strings.Contains(s, "canary") || strings.Contains(s, testState) {
		t.Errorf("log: %s", s)
	}
}

func TestOneOfManyAnswersCounts(t *testing.T) {
	l := start(t, nil)
	var group sync.WaitGroup
	var taken, refused atomic.Int32
	for i := range 20 {
		client, target := browser(t), l.answerURL("state", testState, "code", fmt.Sprint("code-", i))
		group.Go(func() {
			resp, err := client.Get(target)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			switch resp.StatusCode {
			case http.StatusSeeOther:
				taken.Add(1)
			case http.StatusConflict:
				refused.Add(1)
			}
		})
	}
	group.Wait()
	if taken.Load() != 1 || refused.Load() != 19 {
		t.Errorf("%d were taken and %d refused", taken.Load(), refused.Load())
	}
	if len(l.answers) != 1 {
		t.Errorf("%d answers", len(l.answers))
	}
}
