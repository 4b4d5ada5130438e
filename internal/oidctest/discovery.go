package oidctest

// The provider describes itself: OpenID Connect Discovery 1.0 with RFC 8414's
// names for what came later, and its keys.

import "net/http"

func (p *Provider) discovery(c *call) {
	auth := []string{AuthNone, AuthBasic, AuthPost, AuthPrivateKeyJWT}
	doc := map[string]any{
		"issuer":                                           p.Issuer,
		"authorization_endpoint":                           p.endpoint(pathAuthorize),
		"token_endpoint":                                   p.endpoint(pathToken),
		"jwks_uri":                                         p.endpoint(pathJWKS),
		"userinfo_endpoint":                                p.endpoint(pathUserinfo),
		"device_authorization_endpoint":                    p.endpoint(pathDevice),
		"revocation_endpoint":                              p.endpoint(pathRevoke),
		"end_session_endpoint":                             p.endpoint(pathEndSession),
		"scopes_supported":                                 c.cfg.Scopes,
		"response_types_supported":                         []string{"code"},
		"response_modes_supported":                         []string{"query", "form_post"},
		"grant_types_supported":                            []string{GrantCode, GrantRefresh, GrantPassword, GrantClientCredentials, GrantDevice},
		"subject_types_supported":                          []string{"public"},
		"id_token_signing_alg_values_supported":            []string{string(p.keys.alg)},
		"code_challenge_methods_supported":                 []string{"S256"},
		"token_endpoint_auth_methods_supported":            auth,
		"token_endpoint_auth_signing_alg_values_supported": assertionAlgorithms(),
		"revocation_endpoint_auth_methods_supported":       auth,
	}
	if !c.cfg.NoIssuerParameter {
		doc["authorization_response_iss_parameter_supported"] = true
	}
	c.answer(http.StatusOK, doc)
}

func (p *Provider) jwks(c *call) {
	list := []any{}
	for _, key := range p.keys.set().Keys {
		list = append(list, key)
	}
	c.answer(http.StatusOK, map[string]any{"keys": list})
}
