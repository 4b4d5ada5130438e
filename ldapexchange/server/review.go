package server

// TokenReview: the API server asks whose token it was shown. Written against
// the published API (authentication.k8s.io/v1 and v1beta1); client-go is not
// linked.
//
// What the answers are was measured with the API server's own webhook package:
// a refusal is 200 without status.error, which it may cache. A store that is
// away is 503 without Retry-After, which it asks once; with Retry-After it asks
// for half a minute, and 500 or 429 five times.

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// reviewRequest is what counts of a TokenReview. Other fields are the API's to
// add.
type reviewRequest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Token     string   `json:"token"`
		Audiences []string `json:"audiences"`
	} `json:"spec"`
}

// reviewAnswer is a TokenReview with a status. The spec, which holds the token,
// is not sent back.
type reviewAnswer struct {
	Kind       string       `json:"kind"`
	APIVersion string       `json:"apiVersion"`
	Status     reviewStatus `json:"status"`
}

type reviewStatus struct {
	Authenticated bool        `json:"authenticated"`
	User          *reviewUser `json:"user,omitempty"`
	Audiences     []string    `json:"audiences,omitempty"`
}

type reviewUser struct {
	Username string              `json:"username"`
	UID      string              `json:"uid,omitempty"`
	Groups   []string            `json:"groups,omitempty"`
	Extra    map[string][]string `json:"extra,omitempty"`
}

const (
	reviewKind = "TokenReview"
	reviewV1   = "authentication.k8s.io/v1"
	reviewBeta = "authentication.k8s.io/v1beta1"

	// credentialID is where audit logs look for the token's ID, and how the API
	// server writes it (k8s.io/apiserver/pkg/authentication/token/jwt).
	credentialID = "authentication.kubernetes.io/credential-id"

	maxAudiences = 64
)

func (s *Server) review(c *call) *refusal {
	c.audited = true
	target := s.clusters[c.r.PathValue("name")]
	if target == nil {
		return &refusal{status: http.StatusNotFound, code: "not_found", description: "there is no such cluster", reason: "cluster"}
	}
	c.say("cluster", target.Name)
	if !target.calls(c) {
		return &refusal{status: http.StatusUnauthorized, code: "invalid_token", description: "the caller is not known", reason: "caller", challenge: "Bearer"}
	}
	asked, r := c.reviewRequest()
	if r != nil {
		return r
	}
	answer := reviewAnswer{Kind: reviewKind, APIVersion: asked.APIVersion}
	claims, reason, err := c.judge(target, asked.Spec.Token)
	switch {
	case err != nil:
		return unavailable("state", err)
	case reason != "":
		c.reason = reason
	default:
		answer.Status = reviewStatus{true, claims.user(), asked.Spec.Audiences}
	}
	c.json(http.StatusOK, answer)
	return nil
}

// judge says whose token it is, or why it is nobody's. The cheap checks come
// first and the signature's cost is paid for what could be ours.
func (c *call) judge(target *cluster, token string) (claims Claims, reason string, err error) {
	if len(token) > c.s.o.MaxToken || strings.Count(token, ".") != 2 {
		return Claims{}, "token", nil
	}
	claims, err = c.s.o.Signer.Verify(token)
	if err != nil {
		return Claims{}, "token", nil
	}
	c.sayClaims(claims)
	switch {
	case claims.Kind != IDToken:
		return Claims{}, "kind", nil
	case claims.Audience != target.Audience:
		return Claims{}, "audience", nil
	case claims.Name == "":
		return Claims{}, "token", nil
	}
	revoked, err := c.s.o.Revocations.Revoked(c.r.Context(), claims)
	switch {
	case err != nil:
		return Claims{}, "", err
	case revoked:
		return Claims{}, "revoked", nil
	}
	return claims, "", nil
}

// user is whom the API server's own authenticator would make of the token, with
// the mappings that the documentation shows.
func (claims Claims) user() *reviewUser {
	u := &reviewUser{Username: claims.Name, UID: claims.Subject, Groups: claims.Groups}
	if claims.ID != "" {
		u.Extra = map[string][]string{credentialID: {"JTI=" + claims.ID}}
	}
	return u
}

// reviewRequest reads the body. What it does not understand it does not answer:
// a kind or a version that the API server did not ask for fails every login.
func (c *call) reviewRequest() (reviewRequest, *refusal) {
	body, r := c.body("application/json")
	if r != nil {
		return reviewRequest{}, r
	}
	asked, ok := parseReview(body)
	if !ok {
		return reviewRequest{}, malformed("the body is no TokenReview of authentication.k8s.io/v1 or v1beta1")
	}
	c.hide(asked.Spec.Token)
	return asked, nil
}

func parseReview(body []byte) (reviewRequest, bool) {
	var asked reviewRequest
	if json.Unmarshal(body, &asked) != nil || asked.Kind != reviewKind || len(asked.Spec.Audiences) > maxAudiences {
		return reviewRequest{}, false
	}
	return asked, asked.APIVersion == reviewV1 || asked.APIVersion == reviewBeta
}

// calls reports whether the request comes from the cluster's API server.
func (t *cluster) calls(c *call) bool {
	return t.InsecureAnyCaller || t.byToken(c.r) || t.byCertificate(c)
}

func (t *cluster) byToken(r *http.Request) bool {
	headers := r.Header.Values("Authorization")
	if t.CallerToken.Empty() || len(headers) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	given := sha256.Sum256([]byte(token))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(given[:], t.token[:]) == 1
}

// byCertificate verifies what the handshake only asked for: each cluster has
// authorities of its own. That the caller has the key, the handshake has shown.
func (t *cluster) byCertificate(c *call) bool {
	if t.CallerCAs == nil || c.r.TLS == nil || len(c.r.TLS.PeerCertificates) == 0 {
		return false
	}
	leaf := c.r.TLS.PeerCertificates[0]
	between := x509.NewCertPool()
	for _, certificate := range c.r.TLS.PeerCertificates[1:] {
		between.AddCert(certificate)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: t.CallerCAs, Intermediates: between, CurrentTime: c.s.o.now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	named := func(name string) bool {
		return name != "" && slices.Contains(t.CallerNames, name)
	}
	return err == nil && (len(t.CallerNames) == 0 || named(leaf.Subject.CommonName) || slices.ContainsFunc(leaf.DNSNames, named))
}
