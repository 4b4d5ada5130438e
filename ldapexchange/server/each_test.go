package server

// Rules that others stand behind too: each of them holds alone.

import (
	"context"
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

// signed is a token that the exchange itself might have made.
func (w *world) signed(change func(*Claims)) string {
	w.t.Helper()
	c := Claims{Kind: IDToken, Subject: "id-alice", Name: "alice", Audience: "cluster-a", Client: "kubernetes", Session: "s", ID: "j", IssuedAt: w.now(), Expiry: w.now().Add(time.Minute)}
	change(&c)
	token, err := w.signer.Sign(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func TestReviewRules(t *testing.T) {
	w := newWorld(t)
	if !w.reviewed("a", w.signed(func(*Claims) {})).status(t).Authenticated {
		t.Fatal("the token is refused as it is")
	}
	for name, change := range map[string]func(*Claims){
		"an access token for a cluster": func(c *Claims) { c.Kind = AccessToken },
		"another audience":              func(c *Claims) { c.Audience = "cluster-b" },
		"without a name":                func(c *Claims) { c.Name = "" },
		"larger than any of ours":       func(c *Claims) { c.Groups = []string{strings.Repeat("g", 13<<10)} },
	} {
		if w.reviewed("a", w.signed(change)).status(t).Authenticated {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestCertificateRules(t *testing.T) {
	w := newWorld(t)
	w.state.sessions["s"] = Session{ID: "s", User: "id-alice", Expiry: w.now().Add(time.Hour)}
	good := func(c *Claims) { c.Kind, c.Audience = AccessToken, issuer }
	if answer := w.certificate("a", "Bearer "+w.signed(good)); answer.StatusCode != 200 {
		t.Fatalf("the token is refused as it is: %d %s", answer.StatusCode, answer.body)
	}
	for name, change := range map[string]func(*Claims){
		"an ID token for the exchange":  func(c *Claims) { c.Kind = IDToken },
		"an access token for a cluster": func(c *Claims) { c.Audience = "cluster-a" },
		"a client that is gone":         func(c *Claims) { c.Client = "gone" },
		"another's session":             func(c *Claims) { c.Subject = "id-bob" },
		"no session":                    func(c *Claims) { c.Session = "" },
	} {
		token := w.signed(func(c *Claims) { good(c); change(c) })
		w.certificate("a", "Bearer "+token).refused(t, 401, "invalid_token")
		if line := w.lastLine("certificate"); line["decision"] != "refused" {
			t.Errorf("%s: %v", name, line)
		}
	}
}

// A cluster that has no caller's token does not take an empty one for it.
func TestNoTokenIsNoToken(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Clusters = []Cluster{{Name: "a", Audience: "cluster-a", CallerCAs: x509.NewCertPool()}}
	})
	for _, header := range []string{"Bearer ", "Bearer"} {
		body := `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"x"}}`
		if answer := w.request("POST", "/v1/clusters/a/tokenreview", "application/json", body, "Authorization", header); answer.StatusCode != 401 {
			t.Errorf("%q: %d", header, answer.StatusCode)
		}
	}
}

// Another client's refresh token is refused before anybody hears of it.
func TestRefreshOfAnotherClient(t *testing.T) {
	w := newWorld(t)
	got := w.login().tokens(t)
	asked := w.directory.asked
	w.refresh(got.RefreshToken, "client_id", "only-a").refused(t, 400, "invalid_grant")
	if w.directory.asked != asked || w.lastLine("refresh")["reason"] != "another client" {
		t.Errorf("asked %d times, told %v", w.directory.asked-asked, w.lastLine("refresh"))
	}
}

// An audience that the configuration takes away is gone at the next refresh.
func TestRefreshOfAnAudienceThatIsGone(t *testing.T) {
	w := newWorld(t)
	got := w.login("audience", "cluster-b").tokens(t)
	w.server.clients["kubernetes"] = Client{ID: "kubernetes", Audiences: []string{"cluster-a"}}
	w.refresh(got.RefreshToken).refused(t, 400, "invalid_target")
}

// A directory that answers with somebody else has not answered.
func TestRefreshOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	got := w.login().tokens(t)
	w.server.o.Directory = confused{w.directory}
	w.refresh(got.RefreshToken).refused(t, 503, "temporarily_unavailable")
	w.server.o.Directory = w.directory
	w.refresh(got.RefreshToken).tokens(t)
}

type confused struct{ *fakeDirectory }

func (confused) Lookup(context.Context, string) (Identity, error) {
	return Identity{ID: "id-bob", Name: "bob"}, nil
}

// Others of the same user wait while the directory is asked.
func TestAttemptLastsAsLongAsTheDirectory(t *testing.T) {
	w := newWorld(t)
	during := 0
	w.directory.slow = func(string) { w.state.set(func(s *fakeState) { during = s.begun }) }
	w.login().tokens(t)
	if during != 1 || w.state.begun != 0 {
		t.Errorf("%d under way meanwhile, %d after", during, w.state.begun)
	}
}
