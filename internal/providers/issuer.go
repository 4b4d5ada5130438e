package providers

// Telling a provider by its issuer's address. A match gives the provider's name
// to people, so a look-alike (https://accounts.google.com.evil.example) must
// not match.

import (
	"net/url"
	"strings"
)

// address is an issuer's, taken apart.
type address struct {
	labels []string // of the host, in lower case; the last one with a port
	path   string
}

// parse accepts https alone, without user information, query or fragment: no
// issuer has those.
func parse(issuer string) (address, bool) {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" ||
		u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.RawPath != "" {
		return address{}, false
	}
	host := strings.ToLower(u.Host)
	return address{strings.Split(host, "."), u.Path}, !strings.Contains("."+host+".", "..")
}

// matches compares with a pattern of a host and perhaps a part of a path:
//
//	accounts.google.com          the host itself, without a port, with any path
//	*.okta.com                   the hosts below it
//	cognito-idp.*.amazonaws.com  one label in the star's place
//	/realms/                     any host, where the path has this part
func (a address) matches(pattern string) bool {
	host, path, below := strings.Cut(pattern, "/")
	if below && !strings.Contains(strings.TrimSuffix(a.path, "/")+"/", "/"+path) {
		return false
	}
	return host == "" || a.under(strings.Split(host, "."))
}

// under compares labels from the right: a star in front stands for one or more.
func (a address) under(want []string) bool {
	have := a.labels
	if want[0] == "*" && len(have) > len(want) {
		have = have[len(have)-len(want):]
	}
	for i := range have {
		if len(have) != len(want) || want[i] != "*" && want[i] != have[i] {
			return false
		}
	}
	return true
}
