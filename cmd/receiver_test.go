package cmd

import (
	"testing"

	"github.com/kubecred/kubecred/internal/settings"
)

// Whoever can host a discovery document at an issuer that a person trusts
// could name a token endpoint of their own: the password's receiver is asked
// about, not the issuer alone.
func TestReceiverOfAPassword(t *testing.T) {
	o := &passwords{s: &settings.Settings{IssuerURL: "https://issuer.example/realms/a"}}
	for endpoint, want := range map[string]string{
		"https://issuer.example/realms/a/token":      "https://issuer.example/realms/a",
		"https://issuer.example:8443/realms/a/token": "https://issuer.example:8443/realms/a/token",
		"https://evil.example/token":                 "https://evil.example/token",
		"http://issuer.example/realms/a/token":       "http://issuer.example/realms/a/token",
	} {
		if got, err := o.receiver(endpoint); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v", endpoint, got, err)
		}
	}
}
