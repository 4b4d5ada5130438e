package server

// Revocation (RFC 7009). Whatever the token was, the answer is 200 and tells
// nothing of it; only a store that cannot be written is told, so that the
// client tries again.

import (
	"context"
	"errors"
	"net/http"

	"github.com/kubecred/kubecred/internal/secret"
)

func (s *Server) revoke(c *call) *refusal {
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
	if f["token"] == "" {
		return malformed("token is missing")
	}
	if r := c.revokeToken(client, f["token"]); r != nil {
		return r
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// revokeToken does not ask what kind of token it is told to expect (RFC 7009,
// section 2.1): one of ours that is a JWT verifies, and a refresh token is none.
func (c *call) revokeToken(client Client, token string) *refusal {
	ctx := context.WithoutCancel(c.r.Context())
	if claims, err := c.s.o.Signer.Verify(token); err == nil {
		if claims.Client != client.ID {
			c.reason = "another client"
			return nil
		}
		c.sayClaims(claims)
		if err := c.s.o.Revocations.RevokeToken(ctx, claims.ID, claims.Expiry); err != nil {
			return unavailable("state", err)
		}
		return nil
	}
	session, err := c.s.o.Sessions.Find(ctx, secret.New(token))
	c.saySession(session)
	switch {
	case errors.Is(err, ErrNoSession), errors.Is(err, ErrReused):
		c.reason = "no session"
		return nil
	case err != nil:
		return unavailable("state", err)
	}
	if session.Client != client.ID {
		c.reason = "another client"
		return nil
	}
	return c.endSession(session.ID, nil)
}

func (c *call) sayClaims(claims Claims) {
	c.say("user", claims.Name)
	c.say("subject", claims.Subject)
	c.say("session", claims.Session)
	c.say("jti", claims.ID)
}
