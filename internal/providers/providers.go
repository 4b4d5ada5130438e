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
	"maps"
	"net"
	"slices"
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
	// ExtraParams are added to the authorization request.
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

// All returns every preset, as the pages list them.
func All() []Preset {
	return []Preset{keycloak(), dex(), entra(), okta(), google(), gitlab(), auth0(), cognito(), ping()}
}

// Named returns the preset of that name.
func Named(name string) (Preset, bool) {
	return find(func(p Preset) bool { return p.Name == name })
}

// For returns the preset of the provider at an issuer's address, as far as the
// address tells: a provider under a domain of one's own is only found by name.
func For(issuer string) (Preset, bool) {
	at, ok := parse(issuer)
	if !ok {
		return Preset{}, false
	}
	return find(func(p Preset) bool { return slices.ContainsFunc(p.Issuers, at.matches) })
}

func find(match func(Preset) bool) (Preset, bool) {
	all := All()
	i := slices.IndexFunc(all, match)
	if i < 0 {
		return Preset{}, false
	}
	return all[i], true
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
		uris = append(uris, "http://"+net.JoinHostPort(p.RedirectHost, strconv.Itoa(port)))
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
	for _, name := range slices.Sorted(maps.Keys(p.ExtraParams)) {
		args = append(args, "--oidc-auth-request-extra-params="+name+"="+p.ExtraParams[name])
	}
	return args
}
