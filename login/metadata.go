package login

// What a provider publishes about itself, and what must hold before any of it
// is used: a hostile authorization_endpoint became a command elsewhere
// (CVE-2025-6514), and an endpoint on http or on this machine would let a
// provider aim our requests at what only we can reach.

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kubecred/kubecred/internal/httpclient"
)

// Metadata is the part of a discovery document that this program uses
// (OpenID Connect Discovery 1.0, section 3; RFC 8414, section 2).
type Metadata struct {
	Issuer              string `json:"issuer"`
	Authorization       string `json:"authorization_endpoint"`
	Token               string `json:"token_endpoint"`
	DeviceAuthorization string `json:"device_authorization_endpoint"`
	JWKS                string `json:"jwks_uri"`
	Revocation          string `json:"revocation_endpoint"`
	UserInfo            string `json:"userinfo_endpoint"`
	// Credentials is where an exchange gives certificates for access tokens.
	Credentials string `json:"kubernetes_credentials_endpoint"`

	AuthMethods          []string `json:"token_endpoint_auth_methods_supported"`
	AuthSigningAlgs      []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	CodeChallengeMethods []string `json:"code_challenge_methods_supported"`
	ResponseModes        []string `json:"response_modes_supported"`
	GrantTypes           []string `json:"grant_types_supported"`
	Scopes               []string `json:"scopes_supported"`

	// IssParameter promises "iss" in every authorization response (RFC 9207).
	IssParameter bool `json:"authorization_response_iss_parameter_supported"`
}

// OffersCode reports whether the provider does authorization codes: it does
// where it does not list its grants.
func (m Metadata) OffersCode() bool {
	return m.Authorization != "" && (len(m.GrantTypes) == 0 || slices.Contains(m.GrantTypes, grantCode))
}

// OffersDevice reports whether the provider does device login.
func (m Metadata) OffersDevice() bool { return m.DeviceAuthorization != "" }

// check refuses a document whose endpoints are missing or may not be used by
// an issuer like ours.
func (m Metadata) check(issuer *url.URL) error {
	for _, e := range []struct {
		name, raw string
		required  bool
	}{
		{"jwks_uri", m.JWKS, true},
		{"token_endpoint", m.Token, true},
		{"authorization_endpoint", m.Authorization, false},
		{"device_authorization_endpoint", m.DeviceAuthorization, false},
		{"revocation_endpoint", m.Revocation, false},
		{"userinfo_endpoint", m.UserInfo, false},
		{"kubernetes_credentials_endpoint", m.Credentials, false},
	} {
		var err error
		if e.raw != "" {
			_, err = parseEndpoint(issuer, e.raw)
		} else if e.required {
			err = errors.New("it is missing")
		}
		if err != nil {
			return &ProviderError{discoveryName, e.name + ": " + err.Error(), nil}
		}
	}
	return nil
}

// parseEndpoint reads an address that an issuer gives. It must read the same
// as it leads, so it is in ASCII (letters of other scripts can look alike, or
// turn the text around). Its errors repeat nothing of it.
func parseEndpoint(issuer *url.URL, raw string) (*url.URL, error) {
	if strings.ContainsFunc(raw, func(r rune) bool { return r > '~' }) {
		return nil, errors.New("the URL contains a character that is not ASCII")
	}
	u, err := httpclient.ParseURL(raw)
	if err != nil {
		return nil, err
	}
	if _, err := strconv.ParseUint(u.Port(), 10, 16); err != nil && u.Port() != "" {
		return nil, errors.New("the URL's port is not a port")
	}
	switch {
	case issuer.Scheme == "https" && u.Scheme != "https":
		return nil, errors.New("the URL must begin with https://, as the issuer does")
	case httpclient.IsLoopback(u.Hostname()) && !httpclient.IsLoopback(issuer.Hostname()):
		return nil, errors.New("the URL is on this machine, and the issuer is not")
	}
	return u, nil
}
