package oidctest

// The token endpoint: who asks, by which grant, and what they get for it.

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// token answers a token request of any grant.
func (p *Provider) token(c *call) {
	client, e := p.authenticate(c)
	if e != nil {
		c.fail(e)
		return
	}
	grant := c.r.PostForm.Get("grant_type")
	redeem, known := map[string]func(*call, Client) (*session, *oauthError){
		GrantCode:              p.byCode,
		GrantRefresh:           p.byRefresh,
		GrantPassword:          p.byPassword,
		GrantClientCredentials: p.byClientCredentials,
		GrantDevice:            p.byDevice,
	}[grant]
	switch {
	case !known:
		e = refuse("unsupported_grant_type", "the grant is unknown")
	case !client.may(grant):
		e = refuse("unauthorized_client", "the client may not use this grant")
	default:
		var s *session
		if s, e = redeem(c, client); e == nil {
			p.issue(c, s, grant)
			return
		}
	}
	c.fail(e)
}

func (p *Provider) byCode(c *call, client Client) (*session, *oauthError) {
	form := c.r.PostForm
	return p.state.redeem(form.Get("code"), client.ID, form.Get("redirect_uri"), form.Get("code_verifier"), c.cfg.Now())
}

func (p *Provider) byRefresh(c *call, client Client) (*session, *oauthError) {
	scope := strings.Fields(c.r.PostForm.Get("scope"))
	if c.cfg.RefreshNeedsOpenID && !slices.Contains(scope, "openid") {
		return nil, refuse("invalid_scope", "the scope of a refresh must contain openid")
	}
	return p.state.spend(c.r.PostForm.Get("refresh_token"), client.ID, scope, !c.cfg.NoRotation, c.cfg.Now())
}

func (p *Provider) byPassword(c *call, client Client) (*session, *oauthError) {
	form := c.r.PostForm
	user, known := c.cfg.user(form.Get("username"))
	if !known || user.Password == "" || form.Get("password") != user.Password {
		return nil, refuse("invalid_grant", "the user name or the password is wrong")
	}
	scope := strings.Fields(form.Get("scope"))
	if e := knownScope(c.cfg, scope); e != nil {
		return nil, e
	}
	return p.state.add(newSession(client.ID, user, scope, form, c.cfg.Now())), nil
}

func (p *Provider) byClientCredentials(c *call, client Client) (*session, *oauthError) {
	if client.Auth == "" || client.Auth == AuthNone {
		// RFC 6749 section 4.4: confidential clients only.
		return nil, refuse("unauthorized_client", "a public client has no credentials")
	}
	form := c.r.PostForm
	scope := strings.Fields(form.Get("scope"))
	if e := knownScope(c.cfg, scope); e != nil {
		return nil, e
	}
	return p.state.add(newSession(client.ID, User{Sub: client.ID}, scope, form, c.cfg.Now())), nil
}

// issue answers with the tokens that a session is entitled to.
func (p *Provider) issue(c *call, s *session, grant string) {
	now, life := c.cfg.Now(), c.cfg.Lifetimes
	access, err := p.accessToken(c, s, grant)
	if err != nil {
		c.fail(failure(http.StatusInternalServerError, "server_error", err.Error()))
		return
	}
	p.state.newAccess(access, s, now.Add(life.AccessToken))
	body := map[string]any{
		"access_token": access,
		"token_type":   "Bearer",
		"expires_in":   int(life.AccessToken.Seconds()),
		"scope":        strings.Join(s.Scope, " "),
	}
	service := grant == GrantClientCredentials
	if slices.Contains(s.Scope, "openid") && (!service || c.cfg.ServiceIDToken) {
		if body["id_token"], err = p.idToken(c, s, grant, access); err != nil {
			c.fail(failure(http.StatusInternalServerError, "server_error", err.Error()))
			return
		}
	}
	entitled := c.cfg.AlwaysRefresh || s.offline || slices.Contains(s.Scope, "offline_access")
	if entitled && !service && (grant != GrantRefresh || !c.cfg.NoRotation) {
		body["refresh_token"] = p.state.newRefresh(s, now.Add(life.RefreshToken))
	}
	c.answer(http.StatusOK, body)
}

// idToken signs who the session is of (OpenID Connect Core section 2).
func (p *Provider) idToken(c *call, s *session, grant, access string) (string, error) {
	now := c.cfg.Now()
	claims := claimsOf(s.user, s.Scope)
	claims["iss"] = p.Issuer
	claims["aud"] = s.ClientID
	claims["iat"] = now.Unix()
	claims["exp"] = now.Add(c.cfg.Lifetimes.IDToken).Unix()
	claims["auth_time"] = s.authTime.Unix()
	claims["at_hash"] = atHash(access)
	// Core section 12.2: a refreshed ID token should have no nonce.
	if s.nonce != "" && grant != GrantRefresh {
		claims["nonce"] = s.nonce
	}
	for _, edit := range c.cfg.claims {
		edit(grant, claims)
	}
	return p.keys.sign(c.cfg.signing, "JWT", claims)
}

// accessToken is an opaque text, or a JWT of RFC 9068.
func (p *Provider) accessToken(c *call, s *session, grant string) (string, error) {
	if !c.cfg.JWTAccessTokens {
		return "access-" + rand.Text(), nil
	}
	now := c.cfg.Now()
	claims := claimsOf(s.user, s.Scope)
	claims["iss"] = p.Issuer
	claims["aud"] = p.Issuer
	if s.audience != "" {
		claims["aud"] = s.audience
	}
	claims["iat"] = now.Unix()
	claims["exp"] = now.Add(c.cfg.Lifetimes.AccessToken).Unix()
	claims["jti"] = rand.Text()
	claims["client_id"] = s.ClientID
	claims["scope"] = strings.Join(s.Scope, " ")
	return p.keys.sign(c.cfg.signing, "at+jwt", claims)
}

// claimsOf are what a scope lets a client know of a user (Core section 5.4).
func claimsOf(u User, scope []string) map[string]any {
	claims := map[string]any{}
	maps.Copy(claims, u.Extra)
	claims["sub"] = u.Sub
	if slices.Contains(scope, "email") && u.Email != "" {
		claims["email"], claims["email_verified"] = u.Email, true
	}
	if slices.Contains(scope, "profile") {
		if u.PreferredUsername != "" {
			claims["preferred_username"] = u.PreferredUsername
		}
		if u.Name != "" {
			claims["name"] = u.Name
		}
	}
	if slices.Contains(scope, "groups") && u.Groups != nil {
		claims["groups"] = u.Groups
	}
	return claims
}

// atHash is Core section 3.1.3.6 for the SHA-256 algorithms.
func atHash(access string) string {
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:sha256.Size/2])
}
