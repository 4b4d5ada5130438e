package oidctest

// The authorization endpoint. Until the client and its redirect are known to
// be right nothing is redirected: the person reads the refusal (RFC 6749
// section 4.1.2.1).

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// authRequest is a checked authorization request.
type authRequest struct {
	client    Client
	redirect  *url.URL
	form      url.Values
	scope     []string
	challenge string
}

// authorize answers the address that the person's browser was sent to.
func (p *Provider) authorize(c *call) {
	req, ok := p.readAuthRequest(c, c.r.Form)
	if !ok {
		return
	}
	prompt := strings.Fields(c.r.Form.Get("prompt"))
	switch {
	case c.cfg.Deny:
		p.deny(c, req)
	case !c.cfg.Page:
		user, ok := c.cfg.whoSignsIn(c.r.Form.Get("login_hint"))
		if !ok {
			p.sendError(c, req, refuse("access_denied", "there is no such user"))
			return
		}
		p.approve(c, req, user)
	case slices.Contains(prompt, "none"):
		p.sendError(c, req, refuse("login_required", "the person would have to sign in"))
	default:
		p.signInPage(c, req)
	}
}

// signIn answers the page's button. The page keeps the request in the query of
// its form's action.
func (p *Provider) signIn(c *call) {
	req, ok := p.readAuthRequest(c, c.r.URL.Query())
	if !ok {
		return
	}
	if c.r.PostForm.Get("decision") == "deny" {
		p.deny(c, req)
		return
	}
	user, ok := c.cfg.user(c.r.PostForm.Get("username"))
	if !ok {
		p.signInPage(c, req)
		return
	}
	p.approve(c, req, user)
}

// readAuthRequest checks a request, and answers it when it is wrong.
func (p *Provider) readAuthRequest(c *call, form url.Values) (authRequest, bool) {
	req := authRequest{form: form}
	client, known := c.cfg.client(form.Get("client_id"))
	if !known {
		c.refusalPage("the client is unknown")
		return req, false
	}
	req.client = client
	redirect, ok := registered(client, form.Get("redirect_uri"))
	if !ok {
		c.refusalPage("the redirect_uri is not registered for this client")
		return req, false
	}
	req.redirect = redirect
	if e := req.check(c.cfg); e != nil {
		p.sendError(c, req, e)
		return req, false
	}
	return req, true
}

// check finds what is wrong with a request whose redirect is right.
func (req *authRequest) check(cfg *Config) *oauthError {
	if e := repeated(req.form); e != nil {
		return e
	}
	req.scope = strings.Fields(req.form.Get("scope"))
	mode := req.form.Get("response_mode")
	switch {
	case req.form.Has("request") || req.form.Has("request_uri"):
		return refuse("request_not_supported", "request objects are not supported")
	case req.form.Get("response_type") != "code":
		return refuse("unsupported_response_type", "only the response_type code is supported")
	case mode != "" && mode != "query" && mode != "form_post":
		return refuse("invalid_request", "the response_mode is not supported")
	case !req.client.may(GrantCode):
		return refuse("unauthorized_client", "the client may not use this grant")
	case !slices.Contains(req.scope, "openid"):
		return refuse("invalid_scope", "the scope lacks openid")
	}
	if e := knownScope(cfg, req.scope); e != nil {
		return e
	}
	var e *oauthError
	public := req.client.Auth == "" || req.client.Auth == AuthNone
	req.challenge, e = challengeOf(req.form, public && !cfg.PKCEOptional)
	return e
}

// may reports whether a client is registered for a grant.
func (k Client) may(grant string) bool {
	return k.Grants == nil || slices.Contains(k.Grants, grant)
}

// knownScope refuses scopes that the provider does not know.
func knownScope(cfg *Config, scope []string) *oauthError {
	for _, s := range scope {
		if !slices.Contains(cfg.Scopes, s) {
			return refuse("invalid_scope", "the scope "+s+" is unknown")
		}
	}
	return nil
}

// registered finds a redirect among the client's. Strings are compared as they
// are, save for the port of a loopback address (RFC 8252 section 7.3).
func registered(client Client, redirect string) (*url.URL, bool) {
	u, err := url.Parse(redirect)
	if err != nil || redirect == "" {
		return nil, false
	}
	return u, slices.ContainsFunc(client.Redirects, func(r string) bool {
		return r == redirect || !client.ExactPort && loopback(u) && withoutPort(r) == withoutPort(redirect)
	})
}

func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// withoutPort leaves everything of a URI but its port.
func withoutPort(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return uri
	}
	u.Host = u.Hostname()
	return u.String()
}

// approve begins the session of a person who said yes.
func (p *Provider) approve(c *call, req authRequest, user User) {
	now := c.cfg.Now()
	s := newSession(req.client.ID, user, req.scope, req.form, now)
	s.nonce = req.form.Get("nonce")
	s.offline = c.cfg.OfflineByParameter && p.state.asksOffline(s, req.form)
	text := p.state.newCode(s, req.form.Get("redirect_uri"), req.challenge, now.Add(c.cfg.Lifetimes.Code))
	p.send(c, req, url.Values{"code": {text}})
}

func (p *Provider) deny(c *call, req authRequest) {
	p.sendError(c, req, refuse("access_denied", "the person said no"))
}

func (p *Provider) sendError(c *call, req authRequest, e *oauthError) {
	p.send(c, req, url.Values{"error": {e.code}, "error_description": {e.description}})
}

// send leads the browser back to the client.
func (p *Provider) send(c *call, req authRequest, answer url.Values) {
	if req.form.Has("state") {
		answer.Set("state", req.form.Get("state"))
	}
	if !c.cfg.NoIssuerParameter {
		answer.Set("iss", p.Issuer)
	}
	for _, edit := range c.cfg.redirects {
		edit(answer)
	}
	c.w.Header().Set("Cache-Control", "no-store")
	if req.form.Get("response_mode") == "form_post" {
		formPostPage(c.w, req.redirect.String(), answer)
		return
	}
	back := *req.redirect
	if back.RawQuery != "" {
		back.RawQuery += "&"
	}
	back.RawQuery += answer.Encode()
	c.w.Header().Set("Location", back.String())
	c.w.WriteHeader(http.StatusSeeOther)
}

// newSession is a login that has just succeeded.
func newSession(clientID string, user User, scope []string, form url.Values, now time.Time) *session {
	audience := form.Get("audience")
	if audience == "" {
		audience = form.Get("resource")
	}
	return &session{
		Session:  Session{ClientID: clientID, Username: user.PreferredUsername, Scope: scope},
		user:     user,
		audience: audience,
		authTime: now,
	}
}
