// Package providers knows how OpenID Providers differ where the difference
// changes what kubecred does: what to ask for, what to register, and which
// claims to map.
//
// A preset holds nothing that kubecred does not act upon: each value becomes a
// flag of get-token, a line of the API server's configuration, or a line that
// kubecred setup shows. docs/providers/ has a page for each, and a test holds
// page and preset together.
//
// The guarantee ends at the provider's own configuration: an administrator may
// have renamed a claim or taken a scope away. So setup signs in with the preset
// and shows the claims that came.
package providers

import (
	"strconv"
	"strings"
)

// Preset is what one provider needs.
type Preset struct {
	Name  string // one word, as people type it
	Title string // as its makers write it

	// Issuers are patterns of its issuers' addresses (see For); none where an
	// address does not tell.
	Issuers []string

	// RedirectHost is the host of the redirect URIs to register; "" where
	// nothing is registered, since any loopback address is taken.
	RedirectHost string
	// Ports are the ports to register, those that kubecred listens at; nil
	// where the provider does not look at the port.
	Ports []int

	// Scopes are asked for besides openid.
	Scopes []string
	// ExtraParams are added to the authorization request; there is one at most.
	ExtraParams map[string]string
	// ClientSecret says that even a program on a person's machine needs the
	// client's secret.
	ClientSecret bool
	// DeviceGrant says that there is a device login, once Hints are followed.
	DeviceGrant bool

	// UsernameClaim and GroupsClaim are those of the ID token to map;
	// GroupsClaim is "" where it can have none.
	UsernameClaim, GroupsClaim string

	// Hints are what to click in the provider's console, in order.
	Hints []string
	// Notes are what surprises people, a sentence each.
	Notes []string
	// Doc is the page, from the project's root.
	Doc string
}

// All returns every preset.
func All() []Preset {
	var all []Preset
	for _, rows := range [][]row{selfHosted(), hosted()} {
		for _, r := range rows {
			all = append(all, r.preset())
		}
	}
	return all
}

// Named returns the preset of that name.
func Named(name string) (Preset, bool) {
	for _, p := range All() {
		if p.Name == name {
			return p, true
		}
	}
	return Preset{}, false
}

// For returns the preset of the provider at an issuer's address, as far as the
// address tells: a provider under a domain of one's own is only found by name.
func For(issuer string) (Preset, bool) {
	at, ok := parse(issuer)
	for _, p := range All() {
		for _, pattern := range p.Issuers {
			if ok && at.matches(pattern) {
				return p, true
			}
		}
	}
	return Preset{}, false
}

// Redirects returns the redirect URIs to register.
func (p Preset) Redirects() []string {
	switch {
	case p.RedirectHost == "":
		return nil
	case p.Ports == nil:
		return []string{"http://" + p.RedirectHost}
	}
	var uris []string
	for _, port := range p.Ports {
		uris = append(uris, "http://"+p.RedirectHost+":"+strconv.Itoa(port))
	}
	return uris
}

// Args returns the flags of get-token that the preset adds to those that name
// the issuer and the client.
func (p Preset) Args() []string {
	var args []string
	if len(p.Scopes) > 0 {
		args = append(args, "--oidc-extra-scope="+strings.Join(p.Scopes, ","))
	}
	for name, value := range p.ExtraParams { // one at most
		args = append(args, "--oidc-auth-request-extra-params="+name+"="+value)
	}
	return args
}
