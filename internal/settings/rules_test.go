package settings

import (
	"slices"
	"testing"
)

func TestRulesOfThePolicy(t *testing.T) {
	p := newPlace(t)
	if rules, err := p.Rules(); err != nil || len(rules) != 0 {
		t.Errorf("no policy: %q, %v", rules, err)
	}
	p.write(p.Policy, `issuers: [https://a.example, "https://*.b.example"]
exchanges: [https://x.example]
deny-grants: [password, device-code]
deny-browser-command: true
deny-insecure: true
token-cache-storage: keyring
kernel-keyring: off
certificate-authority: [/etc/ca.pem]
add-system-roots: true
proxy: http://proxy.example:3128
`)
	want := []string{
		"allows issuers https://a.example, https://*.b.example", "allows exchanges https://x.example", "denies password", "denies device-code",
		"denies browser-command", "denies insecure options", "storage keyring", "kernel-keyring off", "certificate-authority /etc/ca.pem",
		"and the system's certificate authorities", "proxy http://proxy.example:3128",
	}
	if rules, err := p.Rules(); err != nil || !slices.Equal(rules, want) {
		t.Errorf("%q, %v", rules, err)
	}
	p.write(p.Policy, "deny: everything\n")
	if _, err := p.Rules(); err == nil {
		t.Error("a policy that cannot be read has rules")
	}
}
