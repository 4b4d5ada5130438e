package server

// Certificates: POST /v1/credentials, the native profile.

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/term"
	"github.com/kubecred/kubecred/ldapexchange"
)

// bearer is somebody who may have a certificate, until when, and through which
// client; nil is a password, which no client stands between.
type bearer struct {
	who    Identity
	until  time.Time
	client *Client
}

func (s *Server) credentials(c *call) *refusal {
	c.audited = true
	if c.r.URL.RawQuery != "" || c.r.URL.ForceQuery {
		return malformed("parameters belong into the body, not into the URL")
	}
	body, r := c.body("application/json")
	if r != nil {
		return r
	}
	asked, err := ldapexchange.ParseCredentialRequest(body)
	if err != nil {
		return malformed(term.Clean(err.Error(), maxTold))
	}
	target := s.clusters[asked.Cluster]
	if target == nil || target.CA == nil {
		return &refusal{status: http.StatusBadRequest, code: "invalid_target", description: "the exchange issues no certificates for this cluster", reason: "cluster"}
	}
	c.say("cluster", target.Name)
	b, r := c.bearer()
	if r != nil {
		return r
	}
	if b.client != nil && !b.client.may(target.Audience) {
		return &refusal{status: http.StatusForbidden, code: "invalid_target", description: "the client may not ask for this cluster", reason: "audience"}
	}
	return c.certificate(target, b, asked)
}

// certificate issues for who the directory says it is now, and for no longer
// than the session.
func (c *call) certificate(target *cluster, b bearer, asked ldapexchange.CredentialRequest) *refusal {
	a, r := c.s.o.Names.account(b.who)
	if r != nil {
		return r.inHTTP()
	}
	c.sayAccount(a, "", "")
	life := min(target.CertificateLife, b.until.Sub(c.s.o.now()))
	if asked.Lifetime > 0 {
		life = min(life, asked.Lifetime)
	}
	if life < time.Second {
		return c.noBearer("no session")
	}
	chain, end, serial, err := target.CA.Issue([]byte(asked.CSR), Subject{a.name, a.id, a.groups}, life)
	switch {
	case errors.Is(err, ErrCSR):
		return &refusal{status: http.StatusBadRequest, code: "invalid_request", description: term.Clean(err.Error(), maxTold), reason: "csr"}
	case err != nil:
		return internal(err)
	}
	c.say("serial", serial)
	answer, err := ldapexchange.EncodeCertificate(string(chain), end)
	if err != nil {
		return internal(err)
	}
	c.send(http.StatusOK, "application/json", answer)
	return nil
}

// bearer reads the Authorization header: a name and a password, or an access
// token of the exchange's own.
func (c *call) bearer() (bearer, *refusal) {
	headers := c.r.Header.Values("Authorization")
	if len(headers) == 1 {
		switch scheme, value, _ := strings.Cut(headers[0], " "); strings.ToLower(scheme) {
		case "basic":
			return c.byBasic(value)
		case "bearer":
			return c.byAccessToken(strings.TrimSpace(value))
		}
	}
	return bearer{}, unauthorized("none", "invalid_token", "Basic or Bearer credentials are needed")
}

// byBasic reads RFC 7617 in UTF-8: a name ends at the first colon, and a
// password keeps its own, and its spaces.
func (c *call) byBasic(value string) (bearer, *refusal) {
	plain, err := base64.StdEncoding.DecodeString(value)
	name, password, colon := strings.Cut(string(plain), ":")
	if err != nil || !colon || name == "" || password == "" {
		return bearer{}, unauthorized("malformed", "invalid_grant", "the Basic credentials are malformed")
	}
	who, r := c.signIn(name, c.hide(password))
	if r != nil {
		return bearer{}, r.inHTTP()
	}
	return bearer{who: who, until: c.s.o.now().Add(c.s.o.SessionLife)}, nil
}

// byAccessToken takes a token that is for the exchange and nobody else. An ID
// token that some cluster was shown must not bring a certificate for another.
func (c *call) byAccessToken(token string) (bearer, *refusal) {
	claims, err := c.s.o.Signer.Verify(c.hide(token).Reveal())
	if err != nil {
		return bearer{}, c.noBearer("token")
	}
	c.sayClaims(claims)
	client, known := c.s.clients[claims.Client]
	if claims.Kind != AccessToken || claims.Audience != c.s.o.Issuer || !known {
		return bearer{}, c.noBearer("audience")
	}
	c.say("client", client.ID)
	revoked, err := c.s.o.Revocations.Revoked(c.r.Context(), claims)
	switch {
	case err != nil:
		return bearer{}, unavailable("state", err)
	case revoked:
		return bearer{}, c.noBearer("revoked")
	}
	session, err := c.s.o.Sessions.Get(c.r.Context(), claims.Session)
	switch {
	case errors.Is(err, ErrNoSession), errors.Is(err, ErrReused):
		return bearer{}, c.noBearer("no session")
	case err != nil:
		return bearer{}, unavailable("state", err)
	case session.User != claims.Subject, !session.Expiry.After(c.s.o.now()):
		return bearer{}, c.noBearer("no session")
	}
	who, r := c.stillThere(session)
	if r != nil {
		return bearer{}, r.inHTTP()
	}
	return bearer{who, session.Expiry, &client}, nil
}

func (c *call) noBearer(reason string) *refusal {
	return unauthorized(reason, "invalid_token", "the token is not good for this")
}

// unauthorized is 401, which says that other credentials may help.
func unauthorized(reason, code, description string) *refusal {
	challenge := `Basic realm="kubecred-exchange", charset="UTF-8"`
	if code == "invalid_token" {
		challenge = `Bearer error="invalid_token"`
	}
	return &refusal{status: http.StatusUnauthorized, code: code, description: description, reason: reason, challenge: challenge}
}

// inHTTP makes a token endpoint's "no" HTTP's own. Only 401 says that the
// password is wrong, or that the token is good no more; other credentials do
// not help an account that is locked.
func (r *refusal) inHTTP() *refusal {
	switch {
	case r.code != "invalid_grant":
		return r
	case r.reason == "credentials":
		return unauthorized(r.reason, r.code, r.description)
	case r.reason == "gone":
		return unauthorized(r.reason, "invalid_token", r.description)
	}
	return &refusal{status: http.StatusForbidden, code: "access_denied", description: r.description, reason: r.reason}
}
