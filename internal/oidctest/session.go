package oidctest

// What comes after the tokens: userinfo, revocation (RFC 7009) and logout
// (OpenID Connect RP-Initiated Logout 1.0).

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

func (p *Provider) userinfo(c *call) {
	scheme, text, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	s, ok := p.state.holder(text, c.cfg.Now())
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		c.w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		c.answer(http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	c.answer(http.StatusOK, claimsOf(s.user, s.Scope))
}

func (p *Provider) revoke(c *call) {
	client, e := p.authenticate(c)
	if e == nil && c.r.PostForm.Get("token") == "" {
		e = refuse("invalid_request", "there is no token to revoke")
	}
	if e == nil {
		e = p.state.revoke(c.r.PostForm.Get("token"), client.ID)
	}
	if e != nil {
		c.fail(e)
		return
	}
	c.w.WriteHeader(http.StatusOK)
}

// endSession signs the person of an ID token out. The token may have expired
// but must be one of this provider's.
func (p *Provider) endSession(c *call) {
	sub, clientID, ok := p.hint(c.r.Form.Get("id_token_hint"))
	if !ok {
		c.refusalPage("the id_token_hint is not one of ours")
		return
	}
	back := c.r.Form.Get("post_logout_redirect_uri")
	if client, _ := c.cfg.client(clientID); back != "" && !slices.Contains(client.PostLogout, back) {
		c.refusalPage("the post_logout_redirect_uri is not registered")
		return
	}
	p.state.end(func(s *session) bool { return s.user.Sub == sub && s.ClientID == clientID })
	if back == "" {
		page(c.w, http.StatusOK, "<h1 id=\"signed-out\">You are signed out</h1>\n")
		return
	}
	if state := c.r.Form.Get("state"); state != "" {
		back += "?" + url.Values{"state": {state}}.Encode()
	}
	c.w.Header().Set("Location", back)
	c.w.WriteHeader(http.StatusSeeOther)
}

// hint reads an ID token of this provider, whenever it was issued.
func (p *Provider) hint(text string) (sub, clientID string, ok bool) {
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{p.keys.alg})
	if err != nil {
		return "", "", false
	}
	payload, err := signed.Verify(p.keys.set())
	if err != nil {
		return "", "", false
	}
	var claims struct{ Iss, Sub, Aud string }
	err = json.Unmarshal(payload, &claims)
	return claims.Sub, claims.Aud, err == nil && claims.Iss == p.Issuer
}
