package server

// What anyone may read: discovery and the public keys.

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// metadata is OpenID Connect Discovery 1.0, section 3, and RFC 8414. There is
// no authorization endpoint: nobody is sent to a browser.
type metadata struct {
	Issuer        string   `json:"issuer"`
	Token         string   `json:"token_endpoint"`
	Keys          string   `json:"jwks_uri"`
	Revocation    string   `json:"revocation_endpoint"`
	Grants        []string `json:"grant_types_supported"`
	Scopes        []string `json:"scopes_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	Subjects      []string `json:"subject_types_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	RevokeAuth    []string `json:"revocation_endpoint_auth_methods_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	Claims        []string `json:"claims_supported"`
	Credentials   string   `json:"kubernetes_credentials_endpoint,omitempty"`
}

func (s *Server) discovery(c *call) *refusal {
	m := metadata{
		Issuer: s.o.Issuer, Token: s.o.Issuer + "/token", Keys: s.o.Issuer + "/keys", Revocation: s.o.Issuer + "/revoke",
		Grants:        []string{"password", "refresh_token"},
		Scopes:        []string{"openid", "offline_access"},
		ResponseTypes: []string{},
		Subjects:      []string{"public"},
		AuthMethods:   []string{"none"},
		RevokeAuth:    []string{"none"},
		Algorithms:    s.o.Signer.Algorithms(),
		Claims:        []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "azp", "sid", "preferred_username", "email", "groups"},
	}
	if slices.ContainsFunc(s.o.Clusters, func(c Cluster) bool { return c.CA != nil }) {
		m.Credentials = s.o.Issuer + "/v1/credentials"
	}
	c.public(5 * time.Minute)
	c.json(http.StatusOK, m)
	return nil
}

// keys is the key set. It is kept for seconds only. For a planned rotation more
// would do, since a key is published before it signs. But one that replaces a
// leaked key signs at once, and an API server fetches the set for a key that it
// does not know only in the last 30 seconds of the set's age (keysExpiryDelta in
// github.com/coreos/go-oidc v2, jwks.go): until then it refuses everybody.
func (s *Server) keys(c *call) *refusal {
	set := s.o.Signer.JWKS()
	sum := sha256.Sum256(set)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	c.public(15 * time.Second)
	c.w.Header().Set("ETag", tag)
	if c.r.Header.Get("If-None-Match") == tag {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	c.send(http.StatusOK, "application/jwk-set+json", set)
	return nil
}

// public lets others keep the answer for so long.
func (c *call) public(age time.Duration) {
	c.w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(age.Seconds())))
}
