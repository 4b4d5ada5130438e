package oidctest

// What the provider remembers. A session begins with a login and ends with a
// revocation, a logout or a misuse; codes and tokens only point at one, so that
// when it ends they end with it.

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Session is what a login began.
type Session struct {
	ClientID string
	Username string
	Scope    []string
	// Refreshes counts the refresh tokens that were used well.
	Refreshes int
	// Reused is whether a code or a rotated refresh token came twice.
	Reused bool
	// Ended is whether nothing of it is good any more.
	Ended bool
}

// session is a Session with what its tokens need.
type session struct {
	Session
	user     User
	nonce    string
	audience string
	authTime time.Time
	offline  bool // entitled to a refresh token without offline_access
}

// code is an authorization code.
type code struct {
	session   *session
	redirect  string
	challenge string
	expires   time.Time
	used      bool
}

// token is a refresh token or an access token.
type token struct {
	session *session
	expires time.Time
	spent   bool // a refresh token that was rotated; revoked, for an access token
}

type state struct {
	mu         sync.Mutex
	sessions   []*session
	codes      map[string]*code
	refresh    map[string]*token
	access     map[string]*token
	devices    map[string]*device // by device code
	assertions map[string]bool    // used jti values
}

func newState() *state {
	return &state{
		codes:      map[string]*code{},
		refresh:    map[string]*token{},
		access:     map[string]*token{},
		devices:    map[string]*device{},
		assertions: map[string]bool{},
	}
}

// begin notes a new session. The caller holds the lock.
func (st *state) begin(s *session) *session {
	st.sessions = append(st.sessions, s)
	return s
}

// add notes a new session.
func (st *state) add(s *session) *session {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.begin(s)
}

// asksOffline reports whether the request for s, which has not begun, asks for
// a refresh token as Config.OfflineByParameter has it.
func (st *state) asksOffline(s *session, form url.Values) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	before := slices.ContainsFunc(st.sessions, func(o *session) bool {
		return o.ClientID == s.ClientID && o.user.Sub == s.user.Sub
	})
	consents := slices.Contains(strings.Fields(form.Get("prompt")), "consent")
	return form.Get("access_type") == "offline" && (consents || !before)
}

// newCode issues a code for a session that it begins.
func (st *state) newCode(s *session, redirect, challenge string, expires time.Time) string {
	st.mu.Lock()
	defer st.mu.Unlock()
	text := rand.Text()
	st.codes[text] = &code{session: st.begin(s), redirect: redirect, challenge: challenge, expires: expires}
	return text
}

// redeem takes a code for its session: once, by its client, with the redirect
// and the verifier it was asked for with.
func (st *state) redeem(text, clientID, redirect, verifier string, now time.Time) (*session, *oauthError) {
	st.mu.Lock()
	defer st.mu.Unlock()
	c, ok := st.codes[text]
	if !ok || c.session.ClientID != clientID {
		return nil, refuse("invalid_grant", "the code is unknown to this client")
	}
	if c.used {
		// RFC 6749 section 4.1.2: what came of the first use ends too.
		c.session.Reused, c.session.Ended = true, true
		return nil, refuse("invalid_grant", "the code was used before")
	}
	c.used = true
	switch {
	case now.After(c.expires):
		return nil, refuse("invalid_grant", "the code has expired")
	case c.redirect != redirect:
		return nil, refuse("invalid_grant", "the redirect_uri is not the one of the authorization request")
	}
	if e := verifyChallenge(c.challenge, verifier); e != nil {
		return nil, e
	}
	return c.session, nil
}

// newRefresh issues a refresh token.
func (st *state) newRefresh(s *session, expires time.Time) string {
	st.mu.Lock()
	defer st.mu.Unlock()
	text := "refresh-" + rand.Text()
	st.refresh[text] = &token{session: s, expires: expires}
	return text
}

// spend takes a refresh token for its session. One that was rotated before
// ends the session: either the client or a thief holds an old copy (RFC 9700
// section 4.14.2).
func (st *state) spend(text, clientID string, scope []string, rotate bool, now time.Time) (*session, *oauthError) {
	st.mu.Lock()
	defer st.mu.Unlock()
	t, ok := st.refresh[text]
	switch {
	case !ok || t.session.ClientID != clientID:
		return nil, refuse("invalid_grant", "the refresh token is unknown to this client")
	case t.spent:
		t.session.Reused, t.session.Ended = true, true
		return nil, refuse("invalid_grant", "the refresh token was used before")
	case t.session.Ended:
		return nil, refuse("invalid_grant", "the session has ended")
	case now.After(t.expires):
		return nil, refuse("invalid_grant", "the refresh token has expired")
	}
	for _, s := range scope {
		if !slices.Contains(t.session.Scope, s) {
			return nil, refuse("invalid_scope", fmt.Sprintf("the scope %q was not granted", s))
		}
	}
	t.spent = rotate
	t.session.Refreshes++
	return t.session, nil
}

// newAccess remembers an access token.
func (st *state) newAccess(text string, s *session, expires time.Time) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.access[text] = &token{session: s, expires: expires}
}

// holder finds the session of a living access token.
func (st *state) holder(text string, now time.Time) (*session, bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	t, ok := st.access[text]
	if !ok || t.spent || t.session.Ended || now.After(t.expires) {
		return nil, false
	}
	return t.session, true
}

// revoke ends an access token, or a refresh token's whole session. A token
// that nobody knows is as good as revoked (RFC 7009 section 2.2).
func (st *state) revoke(text, clientID string) *oauthError {
	st.mu.Lock()
	defer st.mu.Unlock()
	t, ok := st.refresh[text]
	refresh := ok
	if !ok {
		t, ok = st.access[text]
	}
	switch {
	case !ok:
		return nil
	case t.session.ClientID != clientID:
		return refuse("invalid_grant", "the token was issued to another client")
	}
	t.spent = t.spent || !refresh
	t.session.Ended = t.session.Ended || refresh
	return nil
}

// firstUse reports whether an assertion's ID is new.
func (st *state) firstUse(jti string) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	seen := st.assertions[jti]
	st.assertions[jti] = true
	return !seen
}

// Sessions are all that ever began, oldest first.
func (p *Provider) Sessions() []Session {
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	var all []Session
	for _, s := range p.state.sessions {
		copied := s.Session
		copied.Scope = slices.Clone(s.Scope)
		all = append(all, copied)
	}
	return all
}

// EndSessions ends every session, as an administrator would.
func (p *Provider) EndSessions() {
	p.state.end(func(*session) bool { return true })
}

// end ends the sessions that match.
func (st *state) end(match func(*session) bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, s := range st.sessions {
		if match(s) {
			s.Ended = true
		}
	}
}
