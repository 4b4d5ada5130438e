package doctor

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/keyring"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/selfreview"
)

const hour = time.Hour

// held is a server whose entry holds a token that lives for left (0: for ever).
func held(left time.Duration, session string, imported bool) *Server {
	now := time.Now()
	record := cache.Record{Payload: []byte(`{"token":"canary-token","issued":"` + now.Add(-hour).UTC().Format(time.RFC3339) + `","session":"` + session + `"}`)}
	if left != 0 {
		record.Expiry = now.Add(left)
	}
	return &Server{
		Load:     func(context.Context) (cache.Record, error) { return record, nil },
		Imported: imported, Login: "run kubecred login", Now: func() time.Time { return now },
		Hint: func(error) string { return "the hint" }, Host: "api.example:6443", Ask: nobody,
	}
}

// nobody is an API server that knows no one.
func nobody(context.Context, selfreview.Credential) (selfreview.User, error) {
	return selfreview.User{Name: "system:anonymous"}, nil
}

const session = "c2Vzc2lvbg=="

func TestCredential(t *testing.T) {
	for name, test := range map[string]struct {
		server *Server
		mark   Mark
		found  string
	}{
		"renews":              {held(hour, session, false), OK, "renews itself"},
		"has ended, renews":   {held(-hour, session, false), OK, "renews itself at the next call"},
		"an hour, no session": {held(hour, "", false), Note, "you will be asked again"},
		"ended, no session":   {held(-hour, "", false), Warning, "nothing renews it"},
		"no end":              {held(0, "", true), OK, "has no end"},
		"imported, far":       {held(400*24*hour, "", true), OK, "lives until"},
		"imported, near":      {held(3*24*hour, "", true), Warning, "ends in 3 days"},
		"imported, an hour":   {held(hour, "", true), Warning, "ends in 1 hours"},
		"imported, ended":     {held(-hour, "", true), Failed, "nothing renews it"},
		"a certificate, near": {held(3*24*hour, "", false), Warning, "ends in 3 days"},
		"no entry":            {&Server{}, Skipped, "no entry"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, test.server.Checks(), "cached").is(t, test.mark, test.found)
		})
	}
	for name, test := range map[string]struct {
		err      error
		imported bool
		mark     Mark
	}{
		"none":          {cache.ErrMiss, false, Note},
		"none imported": {cache.ErrMiss, true, Failed},
		"damaged":       {&cache.UnreadableError{Path: "p", Reason: "it is damaged"}, false, Warning},
		"newer":         {&cache.NewerFormatError{Path: "p", Version: 9}, false, Failed},
		"locked":        {&cache.LockedError{Home: cache.InKeyring, Err: keyring.ErrLocked}, false, Skipped},
		"silent":        {&cache.UnavailableError{Reason: cache.TimedOut, Err: keyring.ErrTimeout}, false, Skipped},
	} {
		t.Run(name, func(t *testing.T) {
			s := held(hour, "", test.imported)
			s.Load = func(context.Context) (cache.Record, error) { return cache.Record{}, test.err }
			run(t, s.Checks(), "cached").is(t, test.mark, "")
			run(t, s.Checks(), "identity").is(t, Skipped, "no credential")
		})
	}
}

func TestIdentity(t *testing.T) {
	refusedWith := func(status int) error { return &selfreview.RefusedError{Host: "api.example:6443", Status: status} }
	for name, test := range map[string]struct {
		user  string
		err   error
		mark  Mark
		found string
	}{
		"known":       {"alice", nil, OK, "you are alice there, in 2 groups"},
		"anonymous":   {"system:anonymous", nil, Failed, "takes you for nobody"},
		"not taken":   {"", refusedWith(http.StatusUnauthorized), Failed, "does not take the credential"},
		"may not ask": {"", refusedWith(http.StatusForbidden), Note, "403"},
		"an old one":  {"", refusedWith(http.StatusNotFound), Note, "older than"},
		"not trusted": {"", &selfreview.ServerError{Host: "h", Untrusted: true, Reason: "its certificate is not trusted"}, Failed, "not trusted"},
		"not there":   {"", &selfreview.NetworkError{Host: "h", Err: errors.New("refused")}, Failed, "cannot be reached"},
		"not asked":   {"", selfreview.ErrNotSent, Failed, "no client certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			s := held(hour, session, false)
			s.Ask = func(_ context.Context, by selfreview.Credential) (selfreview.User, error) {
				if !by.Token.Equal(secret.New("canary-token")) {
					t.Error("another token was shown")
				}
				return selfreview.User{Name: test.user, Groups: []string{"a", "b"}}, test.err
			}
			run(t, s.Checks(), "identity").is(t, test.mark, test.found)
		})
	}
	ended, elsewhere := held(-hour, session, false), held(hour, session, false)
	ended.Ask = func(context.Context, selfreview.Credential) (selfreview.User, error) {
		t.Error("a server was asked")
		return selfreview.User{}, nil
	}
	elsewhere.Ask = nil
	run(t, ended.Checks(), "identity").is(t, Skipped, "has ended")
	run(t, elsewhere.Checks(), "identity").is(t, Skipped, "no cluster")
}

// A keyring and a server that hang cost a line each.
func TestServerThatHangs(t *testing.T) {
	s := held(hour, session, false)
	s.Ask = func(ctx context.Context, _ selfreview.Credential) (selfreview.User, error) {
		<-ctx.Done()
		return selfreview.User{}, ctx.Err()
	}
	short := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	r := Run(short(), "1", s.Checks())
	if r.Count(Failed) != 1 || !strings.Contains(r.Checks[1].Found, "api.example:6443 did not answer") {
		t.Errorf("%+v", r.Checks)
	}
	deaf := held(hour, session, false)
	deaf.Load = func(context.Context) (cache.Record, error) { select {} }
	if r := Run(short(), "1", deaf.Checks()); r.Count(Failed) != 0 || r.Count(Skipped) != 2 {
		t.Errorf("the keyring's own line tells: %+v", r.Checks)
	}
}

func TestRules(t *testing.T) {
	for name, test := range map[string]struct {
		rules Rules
		check string
		mark  Mark
		found string
	}{
		"an entry":  {Rules{Label: "c at i", Sources: "--x"}, "entry", OK, "c at i, by --x"},
		"no entry":  {Rules{}, "entry", Skipped, ""},
		"a mistake": {Rules{Err: errors.New("wrong"), Hint: "correct it"}, "entry", Failed, "wrong"},
		"no policy": {Rules{Policy: "/etc/p"}, "policy", OK, "none (/etc/p)"},
		"a policy":  {Rules{Policy: "/etc/p", Says: []string{"denies password", "proxy none"}}, "policy", Note, "/etc/p: denies password; proxy none"},
		"a bad one": {Rules{PolicyErr: errors.New("not yours"), PolicyHint: "let root"}, "policy", Failed, "not yours"},
	} {
		t.Run(name, func(t *testing.T) { run(t, test.rules.Checks(), test.check).is(t, test.mark, test.found) })
	}
}
