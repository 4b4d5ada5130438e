package oidctest

// The faults and hostilities that have a name, each from edits.go's and
// faults.go's parts, and tables of them for tests that try them all.

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// NoIDTokenOnRefresh leaves the ID token out of refreshes, as Entra ID and
// older PingFederate may.
func NoIDTokenOnRefresh() Option {
	return OnGrant(GrantRefresh, func(a *Answer) { delete(a.Body, "id_token") })
}

// NoIDToken never issues one.
func NoIDToken() Option { return Drop(Token, "id_token") }

// NoRefreshToken never issues one.
func NoRefreshToken() Option { return Drop(Token, "refresh_token") }

// NoExpiresIn leaves the access token's lifetime out.
func NoExpiresIn() Option { return Drop(Token, "expires_in") }

// NoPKCEAdvertised accepts S256 and does not say so, as Entra ID does.
func NoPKCEAdvertised() Option { return Drop(Discovery, "code_challenge_methods_supported") }

// NoRevocation has no revocation endpoint, as Dex.
func NoRevocation() Option { return Drop(Discovery, "revocation_endpoint") }

// NoDeviceEndpoint has no device login, as Cognito.
func NoDeviceEndpoint() Option { return Drop(Discovery, "device_authorization_endpoint") }

// GoogleDevice answers verification_url in the place of verification_uri.
func GoogleDevice() Option {
	return func(c *Config) {
		Rename(Device, "verification_uri", "verification_url")(c)
		Drop(Device, "verification_uri_complete")(c)
	}
}

// OtherIssuer lets the discovery document name another issuer.
func OtherIssuer(issuer string) Option { return Set(Discovery, "issuer", issuer) }

// SlashedIssuer adds a slash to the issuer in the discovery document.
func SlashedIssuer() Option {
	return Edit(Discovery, func(a *Answer) { a.Body["issuer"] = fmt.Sprint(a.Body["issuer"], "/") })
}

// EndpointAt lets the discovery document name another address for one of its
// members, such as authorization_endpoint.
func EndpointAt(member, address string) Option { return Set(Discovery, member, address) }

// GrowingKeys adds n keys to the key set at each request, every one the active
// key under a name that is not used.
func GrowingKeys(n int) Option {
	var size atomic.Int64
	return Edit(JWKS, func(a *Answer) {
		list, _ := a.Body["keys"].([]any)
		if len(list) == 0 {
			return
		}
		text, err := json.Marshal(list[0])
		if err != nil {
			return
		}
		for i := range size.Add(int64(n)) {
			var another map[string]any
			if json.Unmarshal(text, &another) != nil {
				return
			}
			another["kid"] = fmt.Sprintf("grown-%d", i)
			list = append(list, another)
		}
		a.Body["keys"] = list
	})
}

// EchoSecrets repeats the request's secrets and some escape codes in the error
// descriptions of the token endpoint.
func EchoSecrets() Option {
	return Break(Token, func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		description := "\x1b[31mrefused\x1b[0m\a\r\n" + "user\u202e" + r.PostForm.Encode()
		for name := range r.PostForm {
			description += " " + r.PostForm.Get(name)
		}
		description += " " + r.Header.Get("Authorization")
		Refuse(http.StatusBadRequest, "invalid_grant", description, nil)(w, r, nil)
	})
}

// ControlText is what nothing that reaches a terminal may carry: colors, a
// title, a bell, a carriage return, bidirectional overrides, and a C1 control.
const ControlText = "a\x1b[31mb\x1b]0;title\a\rc\u202ed\u2066e\u009bf\x00g"

// HostileURLs are addresses that must never be opened, fetched or run.
func HostileURLs() []string {
	return []string{
		"",
		"javascript:alert(1)",
		"file:///etc/passwd",
		"ftp://example.com/",
		"http://example.com/authorize",
		"https://user:password@example.com/",
		"https://example.com/\x1b[31m",
		"https://example.com/\r\nHost: evil",
		"https://example.com/\u202e",
		"-oProxyCommand=touch /tmp/x",
		"--help",
		"$(touch /tmp/x)",
		"https://",
		"//example.com/authorize",
		"/authorize",
		"https://example.com:99999/",
		"https://[::1",
		"calc.exe",
		"\\\\example.com\\share",
		"https://example.com/" + strings.Repeat("a", 100<<10),
	}
}

// OddNumbers are values to put where an interval or a lifetime belongs.
func OddNumbers() map[string]any {
	return map[string]any{
		"string":   "5",
		"word":     "soon",
		"negative": -1,
		"zero":     0,
		"huge":     json.Number("99999999999999999999"),
		"float":    1.5,
		"exponent": json.Number("1e300"),
		"null":     nil,
		"true":     true,
		"list":     []int{5},
	}
}

// WrongTokens are ways in which an ID token can be wrong, by name. Each is to
// be refused at a login; auth_time alone only where max_age was asked for.
func WrongTokens() map[string]Option {
	wrong := map[string]Option{
		"iss another":             Claim("iss", "https://evil.example"),
		"iss with a slash":        EditClaims(func(_ string, c map[string]any) { c["iss"] = fmt.Sprint(c["iss"], "/") }),
		"iss missing":             Claim("iss", nil),
		"aud another":             Claim("aud", "another-client"),
		"aud missing":             Claim("aud", nil),
		"aud several without azp": EditClaims(func(_ string, c map[string]any) { c["aud"] = []any{c["aud"], "another-client"} }),
		"azp another":             Claim("azp", "another-client"),
		"nonce another":           Claim("nonce", "another-nonce"),
		"nonce missing":           Claim("nonce", nil),
		"at_hash another":         Claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"sub missing":             Claim("sub", nil),
		"sub empty":               Claim("sub", ""),
		"sub a number":            Claim("sub", 7),
		"exp missing":             Claim("exp", nil),
		"exp a string":            Claim("exp", "tomorrow"),
		"exp past":                moved("exp", -2*time.Hour),
		"nbf far ahead":           EditClaims(func(_ string, c map[string]any) { c["nbf"] = shift(c["iat"], time.Hour) }),
		"iat a day ahead":         moved("iat", 24*time.Hour),
		"iat missing":             Claim("iat", nil),
		"auth_time of 1970":       Claim("auth_time", 0),
	}
	maps.Copy(wrong, map[string]Option{
		"alg none":                      SignWith(SignNone),
		"alg HS256 with the public key": SignWith(SignHS256),
		"key foreign":                   SignWith(SignForeign),
		"key unlisted":                  SignWith(SignUnlisted),
		"signature broken":              SignWith(SignBroken),
		"not a JWT":                     Set(Token, "id_token", "not.a.jwt"),
		"a number":                      Set(Token, "id_token", 7),
	})
	return wrong
}

// moved shifts a claim that is a time.
func moved(name string, by time.Duration) Option {
	return EditClaims(func(_ string, c map[string]any) { c[name] = shift(c[name], by) })
}

func shift(claim any, by time.Duration) any {
	seconds, _ := claim.(int64)
	return seconds + int64(by.Seconds())
}

// SubjectChanges lets refreshes speak of someone else (Core section 12.2).
func SubjectChanges() Option {
	return EditClaims(func(grant string, c map[string]any) {
		if grant == GrantRefresh {
			c["sub"] = "someone-else"
		}
	})
}
