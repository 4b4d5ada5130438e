package oidctest

// Client authentication at the token, device and revocation endpoints: exactly
// one method, and exactly the registered one.

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// claimed is who a request says it comes from, and by what proof.
type claimed struct{ id, method, proof string }

// authenticate finds the client of a request, and refuses one that does not
// prove itself in its own way.
func (p *Provider) authenticate(c *call) (Client, *oauthError) {
	if c.r.URL.RawQuery != "" {
		return Client{}, refuse("invalid_request", "parameters belong in the body, not in the address")
	}
	if e := repeated(c.r.PostForm); e != nil {
		return Client{}, e
	}
	who, e := claim(c.r)
	if e != nil {
		return Client{}, e
	}
	client, known := c.cfg.client(who.id)
	method := client.Auth
	if method == "" {
		method = AuthNone
	}
	bad := failure(http.StatusUnauthorized, "invalid_client", "the client is unknown or did not authenticate as registered")
	if !known || who.method != method {
		return Client{}, bad
	}
	switch method {
	case AuthBasic, AuthPost:
		if who.proof == "" || who.proof != client.Secret {
			return Client{}, bad
		}
	case AuthPrivateKeyJWT:
		if e := p.verifyAssertion(c, client, who.proof); e != nil {
			return Client{}, e
		}
	}
	return client, nil
}

// claim reads the one method that the request uses.
func claim(r *http.Request) (claimed, *oauthError) {
	var found []claimed
	form := r.PostForm
	if header := r.Header.Get("Authorization"); header != "" {
		id, secret, ok := basic(header)
		if !ok {
			return claimed{}, failure(http.StatusUnauthorized, "invalid_client", "the basic credentials are not form-encoded")
		}
		if other := form.Get("client_id"); other != "" && other != id {
			return claimed{}, refuse("invalid_request", "there are two different client IDs")
		}
		found = append(found, claimed{id, AuthBasic, secret})
	}
	if form.Has("client_secret") {
		found = append(found, claimed{form.Get("client_id"), AuthPost, form.Get("client_secret")})
	}
	if form.Has("client_assertion") {
		if form.Get("client_assertion_type") != assertionType {
			return claimed{}, refuse("invalid_request", "the client_assertion_type is unknown")
		}
		id := form.Get("client_id")
		if id == "" {
			id = subject(form.Get("client_assertion"))
		}
		found = append(found, claimed{id, AuthPrivateKeyJWT, form.Get("client_assertion")})
	}
	switch len(found) {
	case 0:
		return claimed{form.Get("client_id"), AuthNone, ""}, nil
	case 1:
		return found[0], nil
	}
	return claimed{}, refuse("invalid_request", "the client authenticates in more than one way")
}

// basic reads credentials that were form-encoded before they were joined, as
// RFC 6749 section 2.3.1 wants. Characters that an encoder would not have left
// alone show that there was none.
func basic(header string) (id, secret string, ok bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	rawID, rawSecret, ok := strings.Cut(string(text), ":")
	if !ok {
		return "", "", false
	}
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~*+%"
	if !only(rawID, plain) || !only(rawSecret, plain) {
		return "", "", false
	}
	id, err1 := url.QueryUnescape(rawID)
	secret, err2 := url.QueryUnescape(rawSecret)
	return id, secret, err1 == nil && err2 == nil
}

// only reports whether s consists of the characters in set.
func only(s, set string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(set, r) })
}

// repeated refuses a form that names a parameter twice (RFC 6749 section 3.1).
func repeated(form url.Values) *oauthError {
	for name, values := range form {
		// RFC 8707 lets resource repeat.
		if len(values) > 1 && name != "resource" {
			return refuse("invalid_request", "the parameter "+name+" is there more than once")
		}
	}
	return nil
}

// assertion is the body of a client assertion, RFC 7523 section 3.
type assertion struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	ID       string   `json:"jti"`
	Expires  int64    `json:"exp"`
}

// audience is one string or a list.
type audience []string

func (a *audience) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '[' {
		return json.Unmarshal(text, (*[]string)(a))
	}
	*a = make(audience, 1)
	return json.Unmarshal(text, &(*a)[0])
}

func assertionAlgorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA}
}

// subject reads who an assertion speaks for, before it is believed.
func subject(text string) string {
	signed, err := jose.ParseSignedCompact(text, assertionAlgorithms())
	if err != nil {
		return ""
	}
	var a assertion
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &a) != nil {
		return ""
	}
	return a.Subject
}

// verifyAssertion checks a private_key_jwt: signed by the client's key, meant
// for this provider, short-lived and new.
func (p *Provider) verifyAssertion(c *call, client Client, text string) *oauthError {
	bad := func(why string) *oauthError {
		return failure(http.StatusUnauthorized, "invalid_client", "the client assertion "+why)
	}
	signed, err := jose.ParseSignedCompact(text, assertionAlgorithms())
	if err != nil {
		return bad("cannot be read")
	}
	payload, err := signed.Verify(client.PublicKey)
	if err != nil {
		return bad("is not signed by the client's key")
	}
	var a assertion
	if err := json.Unmarshal(payload, &a); err != nil {
		return bad("has a malformed body")
	}
	now, expires := c.cfg.Now(), time.Unix(a.Expires, 0)
	meant := func(aud string) bool { return aud == p.Issuer || aud == p.endpoint(pathToken) }
	switch {
	case a.Issuer != client.ID || a.Subject != client.ID:
		return bad("has another issuer or subject")
	case !slices.ContainsFunc(a.Audience, meant):
		return bad("is meant for someone else")
	case !now.Before(expires) || expires.Sub(now) > time.Hour:
		return bad("has expired or lives too long")
	case a.ID == "" || !p.state.firstUse(a.ID):
		return bad("has no ID or one that was used")
	}
	return nil
}
