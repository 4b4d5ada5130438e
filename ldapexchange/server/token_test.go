package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPasswordGrant(t *testing.T) {
	w := newWorld(t)
	answer := w.login()
	got := answer.tokens(t)
	if got.TokenType != "Bearer" || got.ExpiresIn != 600 || got.Scope != "openid offline_access" {
		t.Errorf("answered %+v", got)
	}
	if h := answer.Header; h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/json" || h.Get("X-Request-Id") == "" {
		t.Errorf("headers: %v", h)
	}
	id, err := w.signer.Verify(got.IDToken)
	if err != nil {
		t.Fatal(err)
	}
	want := Claims{Kind: IDToken, Subject: "id-alice", Name: "alice", Groups: []string{"admins", "dev"}, Audience: "cluster-a", Client: "kubernetes"}
	if id.Kind != want.Kind || id.Subject != want.Subject || id.Name != want.Name || !slices.Equal(id.Groups, want.Groups) || id.Audience != want.Audience || id.Client != want.Client {
		t.Errorf("ID token: %+v", id)
	}
	access, err := w.signer.Verify(got.AccessToken)
	if err != nil || access.Kind != AccessToken || access.Audience != issuer || access.Session != id.Session || access.ID == id.ID {
		t.Errorf("access token: %+v, %v", access, err)
	}
	line := w.lastLine("password")
	if line["decision"] != "granted" || line["jti"] != id.ID || line["user"] != "alice" || line["request"] != answer.Header.Get("X-Request-Id") || line["address"] != "192.0.2.7" {
		t.Errorf("audit: %v", line)
	}
}

func TestAudienceIsTheClientsUnlessAskedFor(t *testing.T) {
	w := newWorld(t)
	id, err := w.signer.Verify(w.login("audience", "").tokens(t).IDToken)
	if err != nil || id.Audience != "kubernetes" {
		t.Errorf("%+v, %v", id, err)
	}
}

// Every request here is refused before the directory hears of it.
func TestTokenRefusesForm(t *testing.T) {
	good := "grant_type=password&client_id=kubernetes&scope=openid&username=alice&password=x"
	tests := map[string]struct {
		method, path, kind, body string
		headers                  []string
		status                   int
		code                     string
	}{
		"GET":                       {"GET", "/token", formType, "", nil, 405, "invalid_request"},
		"PUT":                       {"PUT", "/token", formType, good, nil, 405, "invalid_request"},
		"credentials in the query":  {"POST", "/token?" + good, formType, good, nil, 400, "invalid_request"},
		"an empty query":            {"POST", "/token?", formType, good, nil, 400, "invalid_request"},
		"JSON":                      {"POST", "/token", "application/json", `{"grant_type":"password"}`, nil, 415, "invalid_request"},
		"no type":                   {"POST", "/token", "", good, nil, 415, "invalid_request"},
		"multipart":                 {"POST", "/token", "multipart/form-data; boundary=x", "--x--", nil, 415, "invalid_request"},
		"a parameter twice":         {"POST", "/token", formType, good + "&username=bob", nil, 400, "invalid_request"},
		"an unknown one twice":      {"POST", "/token", formType, good + "&x=1&x=1", nil, 400, "invalid_request"},
		"a broken escape":           {"POST", "/token", formType, good + "&x=%zz", nil, 400, "invalid_request"},
		"a semicolon":               {"POST", "/token", formType, good + ";x=1", nil, 400, "invalid_request"},
		"too many parameters":       {"POST", "/token", formType, good + manyParameters(), nil, 400, "invalid_request"},
		"1 MB of password":          {"POST", "/token", formType, good + strings.Repeat("x", 1<<20), nil, 413, "invalid_request"},
		"an unknown client":         {"POST", "/token", formType, strings.Replace(good, "kubernetes", "other", 1), nil, 401, "invalid_client"},
		"no client":                 {"POST", "/token", formType, strings.Replace(good, "client_id", "x", 1), nil, 401, "invalid_client"},
		"a client with a secret":    {"POST", "/token", formType, good + "&client_secret=s", nil, 401, "invalid_client"},
		"a client in the header":    {"POST", "/token", formType, good, []string{"Authorization", "Basic a3ViZXJuZXRlczo="}, 401, "invalid_client"},
		"no grant":                  {"POST", "/token", formType, strings.Replace(good, "grant_type", "x", 1), nil, 400, "invalid_request"},
		"another grant":             {"POST", "/token", formType, strings.Replace(good, "=password", "=client_credentials", 1), nil, 400, "unsupported_grant_type"},
		"an audience of nobody":     {"POST", "/token", formType, good + "&audience=cluster-c", nil, 400, "invalid_target"},
		"the exchange's audience":   {"POST", "/token", formType, good + "&audience=" + issuer, nil, 400, "invalid_target"},
		"another client's audience": {"POST", "/token", formType, strings.Replace(good, "kubernetes", "only-a", 1) + "&audience=cluster-b", nil, 400, "invalid_target"},
		"another client's ID":       {"POST", "/token", formType, good + "&audience=only-a", nil, 400, "invalid_target"},
		"no openid":                 {"POST", "/token", formType, strings.Replace(good, "openid", "offline_access", 1), nil, 400, "invalid_scope"},
		"no name":                   {"POST", "/token", formType, strings.Replace(good, "=alice", "=", 1), nil, 400, "invalid_request"},
		"an empty password":         {"POST", "/token", formType, strings.Replace(good, "password=x", "password=", 1), nil, 400, "invalid_request"},
		"no refresh token":          {"POST", "/token", formType, "grant_type=refresh_token&client_id=kubernetes", nil, 400, "invalid_request"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.request(test.method, test.path, test.kind, test.body, test.headers...).refused(t, test.status, test.code)
			if w.directory.asked != 0 {
				t.Error("the directory was asked")
			}
		})
	}
}

func manyParameters() string {
	var out strings.Builder
	for i := range maxParameters {
		fmt.Fprintf(&out, "&p%d=", i)
	}
	return out.String()
}

// No directory hears of what could only harm it (an empty password binds
// anonymously: CVE-2017-14623), and the answer is that of a wrong password.
func TestImpossibleCredentials(t *testing.T) {
	w := newWorld(t)
	wrong := w.login("password", "wrong").body
	asked := w.directory.asked
	for name, change := range map[string][]string{
		"a NUL in the name":     {"username", "alice\x00"},
		"a NUL in the password": {"password", password + "\x00"},
		"a long name":           {"username", strings.Repeat("a", maxName+1)},
		"a long password":       {"password", strings.Repeat("a", maxPassword+1)},
		"no UTF-8":              {"username", "\xff"},
	} {
		answer := w.login(change...)
		answer.refused(t, 400, "invalid_grant")
		if answer.body != wrong {
			t.Errorf("%s: another body: %s", name, answer.body)
		}
	}
	if w.directory.asked != asked {
		t.Error("the directory was asked")
	}
}

// MinIO CVE-2026-33419, Vault CVE-2025-6004: a name that is known must not
// show, in the body or in the time.
func TestUnknownUserIsAWrongPassword(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.sleep = nil; o.RefusalStep = 120 * time.Millisecond })
	w.directory.slow = func(name string) {
		if name == "alice" {
			time.Sleep(40 * time.Millisecond) // the bind that only a known name gets
		}
	}
	measure := func(name string) (answerOf, time.Duration) {
		begin := time.Now()
		answer := w.login("username", name, "password", "wrong")
		return answer, time.Since(begin)
	}
	unknown, short := measure("nobody")
	known, long := measure("alice")
	known.refused(t, 400, "invalid_grant")
	if unknown.body != known.body || unknown.StatusCode != known.StatusCode {
		t.Errorf("%s and %s", unknown.body, known.body)
	}
	if short < 120*time.Millisecond || long < 120*time.Millisecond {
		t.Errorf("an unknown name took %s, a known one %s", short, long)
	}
	for _, name := range []string{"Date", "X-Request-Id"} {
		unknown.Header.Del(name)
		known.Header.Del(name)
	}
	if fmt.Sprint(unknown.Header) != fmt.Sprint(known.Header) {
		t.Errorf("%v and %v", unknown.Header, known.Header)
	}
}

func TestRefusalTimesAreRoundedUp(t *testing.T) {
	w := newWorld(t)
	w.login("password", "wrong")
	w.login()
	if len(w.slept) != 1 || w.slept[0] <= 0 || w.slept[0] > 250*time.Millisecond {
		t.Errorf("slept %v; once, for what is left of the step", w.slept)
	}
}

func TestDirectoryAnswers(t *testing.T) {
	tests := map[string]struct {
		err    error
		status int
		code   string
		says   string
		fails  int
	}{
		"down":             {errors.New("dial tcp: refused"), 503, "temporarily_unavailable", "later", 0},
		"unavailable":      {fmt.Errorf("x: %w", ErrUnavailable), 503, "temporarily_unavailable", "later", 0},
		"disabled":         {&AccountError{AccountDisabled}, 400, "interaction_required", "disabled", 1},
		"locked":           {&AccountError{AccountLocked}, 400, "interaction_required", "locked", 1},
		"expired":          {&AccountError{AccountExpired}, 400, "interaction_required", "has expired", 1},
		"password expired": {&AccountError{AccountPasswordExpired}, 400, "interaction_required", "change it", 1},
		"restricted":       {&AccountError{AccountRestricted}, 400, "interaction_required", "at this hour", 1},
		"must change":      {fmt.Errorf("x: %w", &AccountError{AccountMustChange}), 400, "interaction_required", "must be changed", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.directory.err = test.err
			answer := w.login()
			answer.refused(t, test.status, test.code)
			if !strings.Contains(answer.body, test.says) {
				t.Errorf("%s does not say %q", answer.body, test.says)
			}
			if got := w.state.failures["user alice"]; got != test.fails {
				t.Errorf("%d failures were counted", got)
			}
		})
	}
}

func TestRefreshRotates(t *testing.T) {
	w := newWorld(t)
	first := w.login().tokens(t)
	w.directory.people["alice"] = Identity{ID: "id-alice", Name: "Alice", Groups: []string{"ops"}}
	w.pass(time.Minute)
	second := w.refresh(first.RefreshToken).tokens(t)
	id, err := w.signer.Verify(second.IDToken)
	if err != nil || !slices.Equal(id.Groups, []string{"ops"}) || id.Audience != "cluster-a" || second.RefreshToken == first.RefreshToken || second.IDToken == first.IDToken {
		t.Errorf("%+v, %v", id, err)
	}
	if w.lastLine("refresh")["session"] != id.Session {
		t.Errorf("audit: %v", w.lastLine("refresh"))
	}
}

// RFC 9700, section 4.14.2: a token that comes twice was stolen, and nobody can
// tell which of the two is the thief.
func TestReuseEndsTheSession(t *testing.T) {
	w := newWorld(t)
	first := w.login().tokens(t)
	second := w.refresh(first.RefreshToken).tokens(t)
	w.refresh(first.RefreshToken).refused(t, 400, "invalid_grant")
	if line := w.lastLine("refresh"); line["reason"] != "reused" {
		t.Errorf("audit: %v", line)
	}
	w.refresh(second.RefreshToken).refused(t, 400, "invalid_grant")
	if w.reviewed("a", second.IDToken).status(t).Authenticated {
		t.Error("a token of the session that ended is still good")
	}
}

func TestRefreshAtTheSameTimeIsGrantedOnce(t *testing.T) {
	w := newWorld(t)
	first := w.login().tokens(t)
	granted, mu, all := 0, sync.Mutex{}, sync.WaitGroup{}
	for range 8 {
		all.Go(func() {
			if w.refresh(first.RefreshToken).StatusCode == http.StatusOK {
				mu.Lock()
				granted++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if granted != 1 {
		t.Errorf("%d were granted", granted)
	}
}

func TestRefreshAsksTheDirectory(t *testing.T) {
	tests := map[string]func(*fakeDirectory){
		"gone":     func(d *fakeDirectory) { delete(d.people, "alice") },
		"disabled": func(d *fakeDirectory) { d.err = &AccountError{AccountDisabled} },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got := w.login().tokens(t)
			w.directory.set(change)
			w.refresh(got.RefreshToken).refused(t, 400, "invalid_grant")
			w.directory.set(func(d *fakeDirectory) { d.err, d.people["alice"] = nil, Identity{ID: "id-alice", Name: "alice"} })
			w.refresh(got.RefreshToken).refused(t, 400, "invalid_grant")
			if w.reviewed("a", got.IDToken).status(t).Authenticated {
				t.Error("the session's token is still good")
			}
		})
	}
}

// An outage costs nobody a session: the token that was not answered is good
// when the directory is back.
func TestRefreshOutlivesAnOutage(t *testing.T) {
	w := newWorld(t)
	got := w.login().tokens(t)
	for _, broken := range []func(bool){
		func(on bool) { w.directory.set(func(d *fakeDirectory) { d.err = away(on) }) },
		func(on bool) { w.state.set(func(s *fakeState) { s.err = away(on) }) },
	} {
		broken(true)
		answer := w.refresh(got.RefreshToken)
		answer.refused(t, 503, "temporarily_unavailable")
		broken(false)
		got = w.refresh(got.RefreshToken).tokens(t)
	}
	w.signer.err = errors.New("no key")
	w.refresh(got.RefreshToken).refused(t, 500, "server_error")
	w.signer.err = nil
	w.refresh(got.RefreshToken).tokens(t)
}

func away(on bool) error {
	if on {
		return ErrUnavailable
	}
	return nil
}

func TestRefreshRefuses(t *testing.T) {
	w := newWorld(t)
	got := w.login().tokens(t)
	w.refresh("canary-unknown").refused(t, 400, "invalid_grant")
	w.refresh(got.IDToken).refused(t, 400, "invalid_grant")
	w.refresh(got.AccessToken).refused(t, 400, "invalid_grant")
	w.refresh(got.RefreshToken, "client_id", "only-a").refused(t, 400, "invalid_grant")
	w.refresh(got.RefreshToken, "audience", "cluster-b").refused(t, 400, "invalid_target")
	w.refresh(got.RefreshToken, "scope", "offline_access").refused(t, 400, "invalid_scope")
	w.refresh(got.RefreshToken, "scope", "openid", "audience", "cluster-a").tokens(t)
}

// A session has an end, and so has the last token of it.
// Who goes on with what was revoked is named, and gets nothing.
func TestRevokedSessionIsNamed(t *testing.T) {
	w := newWorld(t)
	got := w.login().tokens(t)
	session := w.lastLine("password")["session"]
	w.state.set(func(s *fakeState) { s.revoked["id-alice"] = true })
	w.refresh(got.RefreshToken).refused(t, 400, "invalid_grant")
	if line := w.lastLine("refresh"); line["session"] != session || line["subject"] != "id-alice" || line["reason"] != "no session" {
		t.Errorf("%v", line)
	}
	w.form("/revoke", "client_id", "kubernetes", "token", got.RefreshToken)
	if line := w.lastLine("revoke"); line["session"] != session || line["reason"] != "no session" {
		t.Errorf("%v", line)
	}
}

func TestSessionEnds(t *testing.T) {
	w := newWorld(t)
	w.state.life = time.Hour
	got := w.login().tokens(t)
	w.pass(55 * time.Minute)
	got = w.refresh(got.RefreshToken).tokens(t)
	if got.ExpiresIn != 300 {
		t.Errorf("the last token lives for %d s", got.ExpiresIn)
	}
	w.pass(5 * time.Minute)
	w.refresh(got.RefreshToken).refused(t, 400, "invalid_grant")
}

func TestTokenTooLarge(t *testing.T) {
	many := Identity{ID: "id-alice", Name: "alice"}
	for i := range 2000 {
		many.Groups = append(many.Groups, fmt.Sprintf("group-%04d", i))
	}
	for name, change := range map[string]func(*Options){
		"bytes":  func(*Options) {},
		"groups": func(o *Options) { o.Names.MaxGroups = 1999 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, change)
			w.directory.people["alice"] = many
			answer := w.login()
			answer.refused(t, 400, "invalid_request")
			if !strings.Contains(answer.body, "filter groups") || !strings.Contains(answer.body, "2000") {
				t.Errorf("%s", answer.body)
			}
			if len(w.state.sessions) != 0 {
				t.Error("a session was made for nothing")
			}
		})
	}
}

func TestStateDownIsNoRefusal(t *testing.T) {
	w := newWorld(t)
	w.state.err = errors.New("disk full")
	answer := w.login()
	answer.refused(t, 503, "temporarily_unavailable")
	if strings.Contains(answer.body, "disk") {
		t.Error("the cause was told")
	}
}

func TestAnswerHoldsItsForm(t *testing.T) {
	var all map[string]any
	if err := json.Unmarshal([]byte(newWorld(t).login().body), &all); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := sorted("access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"); !slices.Equal(names, want) {
		t.Errorf("%v", names)
	}
}
