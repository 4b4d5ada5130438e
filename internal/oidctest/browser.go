package oidctest

// A browser with a person before it who types a name and clicks. It knows the
// provider's forms by their ids, follows redirects on the loopback interface
// and nowhere else, and has no cookies: each Open is a new person.

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Browser is the person at the browser. Its zero value approves everything as
// whoever the page proposes.
type Browser struct {
	// CAPEM are certificates to trust, of the provider and of a callback that
	// is served over TLS.
	CAPEM []byte
	// Username is typed where a page asks for one.
	Username string
	// Deny clicks Cancel.
	Deny bool
}

// Page is where the browser ended.
type Page struct {
	URL    string
	Status int
	Header http.Header
	Body   string
	// Trail are the addresses on the way, the first and the last included.
	Trail []string
}

const (
	maxHops = 12
	maxPage = 1 << 20 // bytes
)

// Open goes to an address, clicks through the provider's pages and returns the
// page after which there is nothing to do, normally the client's own. A
// redirect that leaves the loopback interface is not followed: the page is
// then the redirect.
func (b Browser) Open(ctx context.Context, address string) (*Page, error) {
	return b.walk(ctx, address, onLoopback)
}

// Callback goes to an address and returns the redirect that leads back to the
// client without following it: what a person copies from the address bar when
// the browser runs on another machine.
func (b Browser) Callback(ctx context.Context, address string) (string, error) {
	start, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	page, err := b.walk(ctx, address, func(u *url.URL) bool { return u.Host == start.Host })
	if err != nil {
		return "", err
	}
	location := page.Header.Get("Location")
	if location == "" {
		return "", fmt.Errorf("the browser ended on a page of status %d and was not led back", page.Status)
	}
	return location, nil
}

func onLoopback(u *url.URL) bool {
	return u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") || u.Hostname() == "::1"
}

// walk goes from page to page while follow agrees to the next.
func (b Browser) walk(ctx context.Context, address string, follow func(*url.URL) bool) (*Page, error) {
	next, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{
		Transport:     transport(b.CAPEM),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var page *Page
	var trail []string
	for range maxHops {
		trail = append(trail, next.URL.String())
		if page, err = visit(client, next); err != nil {
			return nil, err
		}
		page.Trail = trail
		if next, err = b.onward(ctx, page, next.URL); err != nil || next == nil || !follow(next.URL) {
			return page, err
		}
	}
	return page, fmt.Errorf("the browser was led on more than %d times", maxHops)
}

// visit requests one page and reads it.
func visit(client *http.Client, r *http.Request) (*Page, error) {
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	return &Page{URL: r.URL.String(), Status: resp.StatusCode, Header: resp.Header, Body: string(body)}, err
}

// onward is the request that a redirect or a form leads to, nil at the end.
func (b Browser) onward(ctx context.Context, page *Page, from *url.URL) (*http.Request, error) {
	if location := page.Header.Get("Location"); location != "" && page.Status/100 == 3 {
		target, err := from.Parse(location)
		if err != nil {
			return nil, err
		}
		return http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	}
	action, fields, ok := b.fill(page.Body)
	if !ok {
		return nil, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, action, strings.NewReader(fields.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, err
}

// fill completes one of the provider's forms. It reads only what page.go
// writes.
func (b Browser) fill(body string) (action string, fields url.Values, ok bool) {
	form := regexp.MustCompile(`<form id="(oidctest-[a-z-]+)" method="post" action="([^"]*)">`).FindStringSubmatch(body)
	if form == nil {
		return "", nil, false
	}
	fields = url.Values{}
	for _, input := range regexp.MustCompile(`<input [^>]*?name="([^"]*)" value="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		fields.Set(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
	}
	if form[1] != formPost {
		fields.Set("decision", "approve")
		if b.Deny {
			fields.Set("decision", "deny")
		}
	}
	if b.Username != "" && fields.Has("username") {
		fields.Set("username", b.Username)
	}
	return html.UnescapeString(form[2]), fields, true
}
