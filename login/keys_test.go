package login

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// What a provider's keys can have signed, by their kind and by what they say.
func TestAlgorithms(t *testing.T) {
	const ed25519 = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	const p384 = `{"kty":"EC","crv":"P-384","x":"iGFU_z6xyCiVvIeTzSAlKGpT4GwKELw-mT2UZ-2NRIGBkoIPTxC9P51qOXlZSPqx","y":"qI8mDk5mqFpNi8EuA5ZWbDxYSPRaZzwjGq1yLiAg4xfpGgH0b-QlsNYYRPgeTGNH"}`
	for name, test := range map[string]struct {
		options []oidctest.Option
		want    string
	}{
		"ES256":    {nil, "ES256"},
		"RS256":    {[]oidctest.Option{oidctest.RS256()}, "RS256"},
		"none":     {[]oidctest.Option{oidctest.Set(oidctest.JWKS, "keys", []any{})}, ""},
		"Ed25519":  {[]oidctest.Option{oidctest.Set(oidctest.JWKS, "keys", []any{json.RawMessage(ed25519)})}, ""},
		"a secret": {[]oidctest.Option{oidctest.Set(oidctest.JWKS, "keys", []any{map[string]any{"kty": "oct", "k": "AAAA"}})}, ""},
		"no key":   {[]oidctest.Option{oidctest.Set(oidctest.JWKS, "keys", []any{json.RawMessage(p384), 7})}, ""},
		"unsaid": {[]oidctest.Option{oidctest.RS256(), oidctest.Edit(oidctest.JWKS, func(a *oidctest.Answer) {
			var keys []map[string]any
			text, _ := json.Marshal(a.Body["keys"])
			_ = json.Unmarshal(text, &keys)
			delete(keys[0], "alg")
			a.Body["keys"] = keys
		})}, "PS256 PS384 PS512 RS256 RS384 RS512"},
	} {
		t.Run(name, func(t *testing.T) {
			c := discovered(t, oidctest.Start(t, test.options...))
			got, err := c.Algorithms(within(t))
			if err != nil || !slices.Equal(got, strings.Fields(test.want)) {
				t.Errorf("%v, %v; want %s", got, err, test.want)
			}
		})
	}
	p := oidctest.Start(t, oidctest.Break(oidctest.JWKS, oidctest.Status(503, 0)))
	_, err := discovered(t, p).Algorithms(within(t))
	wantError[*NetworkError](t, err)
}
