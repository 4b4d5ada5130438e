package httpclient

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// maxURL bounds an address that comes from outside, in bytes.
const maxURL = 8192

// ParseURL reads an address that secrets may be sent to or that a browser may
// open: https, or http on loopback (RFC 8252, section 8.3), with a host, and
// without user information, control characters or a fragment.
//
// Its error is a *URLError.
func ParseURL(raw string) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, &URLError{fmt.Sprintf("is longer than %d bytes", maxURL)}
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || (r >= 0x7f && r < 0xa0) || r == '\\' }) {
		return nil, &URLError{"contains a space, a backslash or a control character"}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, &URLError{"cannot be parsed"}
	}
	if err := check(u); err != nil {
		return nil, err
	}
	return u, nil
}

// URLError says why an address is refused. It does not repeat the address,
// which may carry a password.
type URLError struct{ Reason string }

func (e *URLError) Error() string { return "the URL " + e.Reason }

func check(u *url.URL) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return &URLError{"does not begin with https://"}
	case u.Hostname() == "" || u.Opaque != "":
		return &URLError{"names no host"}
	case u.User != nil:
		return &URLError{"contains a user name or a password"}
	case u.Fragment != "":
		return &URLError{"contains a fragment"}
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return &URLError{"begins with http://, which is for loopback only; it must begin with https://"}
	}
	return nil
}

// IsLoopback reports whether host, without a port, is this machine by name or
// by address. No name is looked up: "localhost" is the only one that counts
// (RFC 6761, section 6.3).
func IsLoopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
