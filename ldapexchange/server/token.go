package server

// The token endpoint (RFC 6749). The password grant is a legacy one (RFC 9700,
// section 2.4), taken because a first-party command line must collect a
// directory's password.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

func (s *Server) token(c *call) *refusal {
	c.audited = true
	f, r := c.form()
	if r != nil {
		return r
	}
	client, r := c.client(f)
	if r != nil {
		return r
	}
	c.say("client", client.ID)
	switch f["grant_type"] {
	case "password":
		c.event = "password"
		return s.byPassword(c, client, f)
	case "refresh_token":
		c.event = "refresh"
		return s.byRefresh(c, client, f)
	case "":
		return malformed("grant_type is missing")
	}
	return &refusal{status: http.StatusBadRequest, code: "unsupported_grant_type", description: "the grant is password or refresh_token", reason: "grant"}
}

// client is the one in the form. It is public: a secret is a client that was
// meant for somewhere else.
func (c *call) client(f form) (Client, *refusal) {
	client, known := c.s.clients[f["client_id"]]
	if !known || f["client_secret"] != "" || c.r.Header.Get("Authorization") != "" {
		return Client{}, &refusal{status: http.StatusUnauthorized, code: "invalid_client", reason: "client",
			challenge: "Basic realm=\"kubecred-exchange\"", description: "client_id must name a client of the exchange, in the form and without a secret"}
	}
	return client, nil
}

func (s *Server) byPassword(c *call, client Client, f form) *refusal {
	audience, r := c.audience(client, f)
	if r != nil {
		return r
	}
	scope, r := scopes(f["scope"], nil)
	if r != nil {
		return r
	}
	if f["username"] == "" || f["password"] == "" {
		return malformed("username or password is missing")
	}
	who, r := c.signIn(f["username"], secret.New(f["password"]))
	if r != nil {
		return r.ofAccount()
	}
	a, r := s.o.Names.account(who)
	if r != nil {
		return r.ofAccount()
	}
	session, refresh, err := s.o.Sessions.Create(c.r.Context(), Session{User: a.id, Name: a.name, Client: client.ID, Audience: audience, Scope: scope})
	if err != nil {
		return unavailable("state", err)
	}
	got, r := c.mint(a, session)
	if r != nil {
		return c.endSession(session.ID, r)
	}
	return c.grant(got, refresh)
}

// ofAccount gives a "no" that is the account's, and not the password's, a code
// of its own (OpenID Connect Core 1.0, section 3.1.2.6). A client that keeps a
// password does not send it again after invalid_grant, and this one may be good
// again when the account is.
func (r *refusal) ofAccount() *refusal {
	if r.isAccounts() {
		r.code = "interaction_required"
	}
	return r
}

// isAccounts reports whether a "no" to a password is the account's.
func (r *refusal) isAccounts() bool { return r.code == "invalid_grant" && r.reason != "credentials" }

// byRefresh spends the token last: a directory that is away, or a token that
// cannot be made, costs nobody a session.
func (s *Server) byRefresh(c *call, client Client, f form) *refusal {
	if f["refresh_token"] == "" {
		return malformed("refresh_token is missing")
	}
	spent := secret.New(f["refresh_token"])
	session, err := s.o.Sessions.Find(c.r.Context(), spent)
	c.saySession(session)
	if err != nil {
		return c.noSession(session, err)
	}
	if session.Client != client.ID {
		return denied("another client", "the refresh token is another client's")
	}
	// A client that the configuration no longer lets have this audience gets
	// no more tokens for it.
	if wanted := f["audience"]; wanted != "" && wanted != session.Audience || !client.may(session.Audience) {
		return noTarget()
	}
	if _, r := scopes(f["scope"], session.Scope); r != nil {
		return r
	}
	who, r := c.stillThere(session)
	if r != nil {
		return r
	}
	a, r := s.o.Names.account(who)
	if r != nil {
		return r
	}
	got, r := c.mint(a, session)
	if r != nil {
		return r
	}
	refresh, err := s.o.Sessions.Rotate(c.r.Context(), spent, client.ID)
	if err != nil {
		return c.noSession(session, err)
	}
	return c.grant(got, refresh)
}

// saySession names a session, which may be one that has ended.
func (c *call) saySession(session Session) {
	c.say("session", session.ID)
	c.say("subject", session.User)
}

// stillThere asks the directory about a session's person. A "no" ends the
// session; an outage does not.
func (c *call) stillThere(session Session) (Identity, *refusal) {
	who, err := c.ask("lookup", func(ctx context.Context) (Identity, error) {
		return c.s.o.Directory.Lookup(ctx, session.User)
	})
	if err == nil && who.ID != session.User {
		err = fmt.Errorf("the directory answered with somebody else")
	}
	if err == nil {
		return who, nil
	}
	r := noEntry(err)
	if r.status < 500 {
		return Identity{}, c.endSession(session.ID, r)
	}
	return Identity{}, r
}

// endSession ends a session and its tokens, and answers with why; or with
// "later", when it could not be ended.
func (c *call) endSession(id string, why *refusal) *refusal {
	ctx := context.WithoutCancel(c.r.Context())
	if err := c.s.o.Sessions.End(ctx, id); err != nil {
		return unavailable("state", err)
	}
	return why
}

// noSession is the answer to a refresh token that is good for nothing. One that
// is used twice was stolen, before or after: its session ends for both.
func (c *call) noSession(session Session, err error) *refusal {
	const ended = "the session has ended: sign in again"
	switch {
	case errors.Is(err, ErrReused) && session.ID != "":
		return c.endSession(session.ID, denied("reused", ended))
	case errors.Is(err, ErrReused):
		return denied("reused", ended)
	case errors.Is(err, ErrNoSession):
		return denied("no session", ended)
	}
	return unavailable("state", err)
}

func (c *call) audience(client Client, f form) (string, *refusal) {
	audience := f["audience"]
	if audience == "" {
		audience = client.ID
	}
	if !client.may(audience) {
		return "", noTarget()
	}
	c.say("audience", audience)
	return audience, nil
}

// noTarget is RFC 8707's error (section 2).
func noTarget() *refusal {
	return &refusal{status: http.StatusBadRequest, code: "invalid_target", description: "the client may not ask for this audience", reason: "audience"}
}

// scopes keeps what is known of a request's scope. Others are left out, as the
// answer's scope shows (RFC 6749, section 3.3). A refresh asks for no more than
// was granted (section 6), and may ask for nothing.
func scopes(asked string, granted []string) ([]string, *refusal) {
	if asked == "" && granted != nil {
		return granted, nil
	}
	known := granted
	if known == nil {
		known = []string{"openid", "offline_access"}
	}
	var scope []string
	for _, one := range strings.Fields(asked) {
		if slices.Contains(known, one) && !slices.Contains(scope, one) {
			scope = append(scope, one)
		}
	}
	if !slices.Contains(scope, "openid") {
		return nil, &refusal{status: http.StatusBadRequest, code: "invalid_scope", description: "the scope must hold openid", reason: "scope"}
	}
	return scope, nil
}

// granted is a token endpoint's answer (RFC 6749, section 5.1).
type granted struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Scope        string `json:"scope"`
}

// mint signs both tokens of a session. They end with it at the latest.
func (c *call) mint(a account, session Session) (granted, *refusal) {
	now := c.s.o.now()
	expiry := now.Add(c.s.o.TokenLife)
	if session.Expiry.Before(expiry) {
		expiry = session.Expiry
	}
	left := int64(expiry.Sub(now) / time.Second)
	if left < 1 {
		return granted{}, denied("no session", "the session has ended: sign in again")
	}
	claims := Claims{
		Kind: IDToken, Subject: a.id, Name: a.name, Email: a.email, Groups: a.groups, Client: session.Client,
		Audience: session.Audience, Session: session.ID, ID: rand.Text(), IssuedAt: now, Expiry: expiry,
	}
	c.sayAccount(a, session.ID, claims.ID)
	id, err := c.s.o.Signer.Sign(claims)
	switch {
	case errors.Is(err, ErrTooLarge), err == nil && len(id) > c.s.o.MaxToken:
		return granted{}, tooBig(fmt.Sprintf("the token with your %d groups would be too large for HTTP's headers: ask the exchange's administrator to filter groups", len(a.groups)))
	case err != nil:
		return granted{}, internal(err)
	}
	access, err := c.s.o.Signer.Sign(Claims{
		Kind: AccessToken, Subject: a.id, Name: a.name, Client: session.Client, Audience: c.s.o.Issuer,
		Session: session.ID, ID: rand.Text(), IssuedAt: now, Expiry: expiry,
	})
	if err != nil {
		return granted{}, internal(err)
	}
	return granted{AccessToken: access, TokenType: "Bearer", ExpiresIn: left, IDToken: id, Scope: strings.Join(session.Scope, " ")}, nil
}

func (c *call) sayAccount(a account, session, jti string) {
	c.say("user", a.name)
	c.say("subject", a.id)
	c.say("session", session)
	c.say("jti", jti)
	if a.dropped > 0 {
		c.say("groups_left_out", fmt.Sprint(a.dropped))
	}
}

func (c *call) grant(g granted, refresh secret.Text) *refusal {
	g.RefreshToken = refresh.Reveal()
	c.json(http.StatusOK, g)
	return nil
}
