package oidctest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestCountingFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault Fault
		want  string
	}{
		"nth":   {Nth(2, Status(503, 0)), ".x.."},
		"first": {First(2, Status(503, 0)), "xx.."},
		"after": {After(2, Status(503, 0)), "..xx"},
	} {
		p := Start(t, Break(Discovery, tt.fault))
		var got strings.Builder
		for range 4 {
			mark := "."
			if get(t, p, pathDiscovery).status == 503 {
				mark = "x"
			}
			got.WriteString(mark)
		}
		if got.String() != tt.want {
			t.Errorf("%s: %s, want %s", name, got.String(), tt.want)
		}
		p.Apply(Mend(Discovery))
		if a := get(t, p, pathDiscovery); a.status != http.StatusOK {
			t.Errorf("%s: mended, and %d", name, a.status)
		}
	}
}

func TestFaultForOneGrant(t *testing.T) {
	p := Start(t, Break(Token, ForGrant(GrantRefresh, Nth(1, Status(429, 7)))))
	refresh := signedIn(t, p).text("refresh_token")
	if a := post(t, p, pathToken, refreshForm(refresh)); a.status != 429 || a.header.Get("Retry-After") != "7" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := post(t, p, pathToken, refreshForm(refresh)); a.status != http.StatusOK {
		t.Errorf("%d %v", a.status, a.body)
	}
}

func TestLostResponseTripsReuseDetection(t *testing.T) {
	for _, opt := range []Option{func(*Config) {}, TLS()} {
		for name, fault := range map[string]Fault{"lost": LostResponse(), "half": HalfResponse()} {
			p := Start(t, opt)
			refresh := signedIn(t, p).text("refresh_token")
			p.Apply(Break(Token, Nth(1, fault)))
			if a, err := tryPost(t.Context(), p, pathToken, refreshForm(refresh)); err == nil {
				t.Errorf("%s: %d %v", name, a.status, a.body)
			}
			if p.Sessions()[0].Refreshes != 1 {
				t.Errorf("%s: the provider did not serve the request", name)
			}
			wantRefusal(t, post(t, p, pathToken, refreshForm(refresh)), 400, "invalid_grant")
			if !p.Sessions()[0].Reused {
				t.Errorf("%s: the reuse went unseen", name)
			}
		}
	}
}

func TestCutServesNothing(t *testing.T) {
	p := Start(t)
	refresh := signedIn(t, p).text("refresh_token")
	p.Apply(Break(Token, Nth(1, Cut())))
	if _, err := tryPost(t.Context(), p, pathToken, refreshForm(refresh)); err == nil {
		t.Error("an answer came")
	}
	if a := post(t, p, pathToken, refreshForm(refresh)); a.status != http.StatusOK {
		t.Errorf("%d %v", a.status, a.body)
	}
}

func TestHangUntilReleased(t *testing.T) {
	release := make(chan struct{})
	p := Start(t, Break(Discovery, Hang(release)))
	answers := make(chan answered)
	go func() {
		r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, p.endpoint(pathDiscovery), nil)
		a, _ := send(p, r)
		answers <- a
	}()
	if err := p.Await(t.Context(), Discovery, 1); err != nil {
		t.Fatal(err)
	}
	p.Apply(OtherIssuer("https://changed.example")) // counts for what hangs, too
	close(release)
	if a := <-answers; a.text("issuer") != "https://changed.example" {
		t.Errorf("%d %v", a.status, a.body)
	}
}

func TestHangAndStallEndWithTheClient(t *testing.T) {
	for name, fault := range map[string]Fault{"hang": Hang(nil), "stall": Stall()} {
		p := Start(t, Break(Discovery, fault))
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			r, _ := http.NewRequestWithContext(ctx, http.MethodGet, p.endpoint(pathDiscovery), nil)
			_, err := send(p, r)
			failed <- err
		}()
		if err := p.Await(t.Context(), Discovery, 1); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCloseFreesWhatHangs(t *testing.T) {
	p := Start(t, Break(Discovery, Hang(nil)))
	failed := make(chan error)
	go func() {
		r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, p.endpoint(pathDiscovery), nil)
		_, err := send(p, r)
		failed <- err
	}()
	if err := p.Await(t.Context(), Discovery, 1); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if <-failed == nil {
		t.Error("an answer came from a closed provider")
	}
}

func TestBodies(t *testing.T) {
	p := Start(t)
	fetch := func(fault Fault, limit int64) (*http.Response, string) {
		t.Helper()
		p.Apply(Break(Discovery, fault))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.endpoint(pathDiscovery), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := p.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(io.LimitReader(resp.Body, limit))
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(text)
	}
	if _, text := fetch(Endless(), 1<<20); len(text) != 1<<20 {
		t.Errorf("the endless body has %d bytes", len(text))
	}
	if resp, text := fetch(NotJSON(), 1<<20); resp.StatusCode != 200 || !strings.Contains(text, "hotel") {
		t.Errorf("%s %q", resp.Status, text)
	}
	if resp, _ := fetch(RedirectTo("http://example.com/"), 1<<20); resp.StatusCode != 307 || resp.Header.Get("Location") != "http://example.com/" {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
	if resp, text := fetch(Refuse(400, "slow_down", ControlText, map[string]any{"interval": 7}), 1<<20); resp.StatusCode != 400 || !strings.Contains(text, `"interval":7`) {
		t.Errorf("%s %q", resp.Status, text)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	p := Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := p.Await(ctx, Token, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestJournal(t *testing.T) {
	p := Start(t)
	signedIn(t, p)
	tokens := p.Requests(Token)
	if len(tokens) != 1 || tokens[0].Form.Get("code_verifier") != verifier || tokens[0].Grant() != GrantCode || tokens[0].Status != 200 {
		t.Errorf("%+v", tokens)
	}
	post(t, p, "/nowhere", url.Values{})
	if p.Count(Elsewhere) != 1 || len(p.All()) != 3 {
		t.Errorf("%d elsewhere, %d in all", p.Count(Elsewhere), len(p.All()))
	}
}
