package login

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

func TestPaste(t *testing.T) {
	for name, redirect := range map[string]string{
		"default":          "",
		"out of band":      "urn:ietf:wg:oauth:2.0:oob",
		"a page elsewhere": "https://code.example/show",
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t, oidctest.Redirects("http://localhost:8000", "urn:ietf:wg:oauth:2.0:oob", "https://code.example/show"), oidctest.ExactPorts())
			who, ctx := newPerson(), within(t)
			go func() {
				location, err := oidctest.Browser{}.Callback(ctx, <-who.urls)
				if err != nil {
					t.Error(err)
				}
				u, _ := url.Parse(location)
				if redirect == "" {
					who.answers <- location
				} else {
					who.answers <- u.Query().Get("code") // as such pages show it
				}
			}()
			got, err := discovered(t, p).Paste(ctx, PasteOptions{Person: who, RedirectURL: redirect})
			if err != nil || got.Claims.Subject != "user-1" {
				t.Fatalf("tokens = %+v, %v", got, err)
			}
			if strings.Contains(who.text(), "a page that it cannot open. That is expected") != (redirect == "") {
				t.Errorf("shown: %s", who.text())
			}
		})
	}
}

// The listener may be asked for a form post; no address shows one.
func TestPasteIgnoresFormPost(t *testing.T) {
	p := oidctest.Start(t)
	signedIn(t, p, discovered(t, p, func(c *Config) { c.ExtraParams = map[string]string{"response_mode": "form_post"} }))
}

// A canonical terminal cuts lines at 4,096 bytes; what comes whole is taken
// whole.
func TestPasteOfALongAddress(t *testing.T) {
	p := oidctest.Start(t, oidctest.EditRedirect(func(v url.Values) { v.Set("session_state", strings.Repeat("x", 5000)) }))
	signedIn(t, p, discovered(t, p))
}

func TestPasteThatEnds(t *testing.T) {
	p := oidctest.Start(t)
	c := discovered(t, p)
	for name, test := range map[string]struct {
		person func() *person
		want   error
	}{
		"gave up":     {func() *person { w := newPerson(); close(w.gaveUp); return w }, context.Canceled},
		"no terminal": {func() *person { w := newPerson(); close(w.answers); return w }, errNothingMore},
		"nobody":      {newPerson, ErrTimeout},
	} {
		_, err := c.Paste(within(t), PasteOptions{Person: test.person(), Timeout: 10 * time.Millisecond})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	who := newPerson()
	for range maxPastes + 1 {
		who.answers <- "what is this?"
	}
	_, err := c.Paste(within(t), PasteOptions{Person: who})
	if err == nil || who.asked != maxPastes || strings.Contains(err.Error(), "what is") {
		t.Errorf("asked %d times, error = %v", who.asked, err)
	}
}

// An answer to another sign-in is refused, and the person may try again.
func TestPasteOfAnotherSignIn(t *testing.T) {
	p := oidctest.Start(t)
	who, ctx := newPerson(), within(t)
	go func() {
		address := <-who.urls
		u, _ := url.Parse(address)
		query := u.Query()
		query.Set("state", "another")
		u.RawQuery = query.Encode()
		for _, from := range []string{u.String(), address} {
			location, err := oidctest.Browser{}.Callback(ctx, from)
			if err != nil {
				t.Error(err)
			}
			who.answers <- location
		}
	}()
	if _, err := discovered(t, p).Paste(ctx, PasteOptions{Person: who}); err != nil || !strings.Contains(who.text(), "another sign-in") {
		t.Errorf("error = %v, shown: %s", err, who.text())
	}
	if p.Count(oidctest.Token) != 1 {
		t.Errorf("%d codes were sent", p.Count(oidctest.Token))
	}
}

func TestPasteOfAWrongCode(t *testing.T) {
	p := oidctest.Start(t)
	who := newPerson()
	who.answers <- "canary-code"
	_, err := discovered(t, p).Paste(within(t), PasteOptions{Person: who})
	if e := wantError[*OAuthError](t, err); e.Code != "invalid_grant" || strings.Contains(err.Error(), "canary") || errors.Is(err, ErrSessionEnded) {
		t.Errorf("error = %v", err)
	}
}

func TestQueryIsAddedOverWhatIsThere(t *testing.T) {
	got, err := withQuery("https://issuer/authorize?tenant=1&client_id=x", url.Values{"client_id": {"me"}})
	if err != nil || got != "https://issuer/authorize?client_id=me&tenant=1" {
		t.Errorf("%s, %v", got, err)
	}
}
