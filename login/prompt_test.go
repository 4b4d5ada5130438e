package login

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

func TestPasteBesideTheListener(t *testing.T) {
	p := oidctest.Start(t)
	for name, prepare := range map[string]func(who *person, location string){
		"address": func(who *person, location string) { who.answers <- location },
		"code":    func(who *person, location string) { u, _ := url.Parse(location); who.answers <- u.Query().Get("code") },
		"after some rubbish": func(who *person, location string) {
			who.answers <- ""
			who.answers <- "two words"
			who.answers <- "http://localhost:8000/"
			who.answers <- "http://localhost:8000/?code=x&state=wrong"
			who.answers <- location
		},
	} {
		t.Run(name, func(t *testing.T) {
			who, ctx := newPerson(), within(t)
			go func() {
				location, err := oidctest.Browser{}.Callback(ctx, <-who.urls)
				if err != nil {
					t.Error(err)
				}
				prepare(who, location)
			}()
			o := anyPort(who)
			o.Paste = true
			if got, err := discovered(t, p).Browser(ctx, o); err != nil || got.Claims.Subject != "user-1" {
				t.Errorf("tokens = %+v, %v", got, err)
			}
			if who.waits != 0 || strings.Count(who.text(), "Not usable") != len(who.shown)-1 {
				t.Errorf("shown: %s", who.text())
			}
		})
	}
}

// The browser answers while the prompt waits: the prompt is taken away before
// the login returns, so that the terminal is as it was.
func TestListenerBesideThePrompt(t *testing.T) {
	p := oidctest.Start(t)
	who, pages := visitor(t, oidctest.Browser{})
	who.restore = func() {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if p.Await(ctx, oidctest.Token, 1) == nil {
			t.Error("the login went on before the terminal was as it was")
		}
	}
	o := anyPort(who)
	o.Paste = true
	if _, err := discovered(t, p).Browser(within(t), o); err != nil {
		t.Fatal(err)
	}
	if who.asked != 1 || who.gone != 1 {
		t.Errorf("%d prompts, %d taken away", who.asked, who.gone)
	}
	<-pages
}

// Nobody to ask (any more) is no reason to stop listening; a person who gives
// up is.
func TestPromptThatEnds(t *testing.T) {
	p := oidctest.Start(t)
	who, _ := visitor(t, oidctest.Browser{})
	open := who.open
	who.open = func(string) error { return nil }
	close(who.answers)
	ctx := within(t)
	go func() { _ = open(<-who.urls) }()
	o := anyPort(who)
	o.Paste = true
	if _, err := discovered(t, p).Browser(ctx, o); err != nil {
		t.Errorf("the end of the prompt ended the login: %v", err)
	}
	who = newPerson()
	close(who.gaveUp)
	o.Person = who
	if _, err := discovered(t, p).Browser(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	who = newPerson()
	go func() {
		u, _ := url.Parse(<-who.urls)
		who.answers <- fmt.Sprintf("http://localhost/?error=access_denied&state=%s&iss=%s", u.Query().Get("state"), url.QueryEscape(p.Issuer))
	}()
	o.Person = who
	if _, err := discovered(t, p).Browser(ctx, o); !errors.Is(err, ErrDenied) {
		t.Errorf("error = %v", err)
	}
}
