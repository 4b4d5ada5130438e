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
func ParseURL(raw string) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, fmt.Errorf("the URL is longer than %d bytes", maxURL)
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || (r >= 0x7f && r < 0xa0) || r == '\\' }) {
		return nil, fmt.Errorf("the URL contains a space, a backslash or a control character")
	}
	u, err := url.Parse(raw)
	if err != nil {
		// url.Error repeats the address, which may carry a password.
		return nil, fmt.Errorf("the URL cannot be parsed")
	}
	return u, check(u)
}

func check(u *url.URL) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("the URL must begin with https://")
	case u.Hostname() == "" || u.Opaque != "":
		return fmt.Errorf("the URL names no host")
	case u.User != nil:
		return fmt.Errorf("the URL contains user information")
	case u.Fragment != "":
		return fmt.Errorf("the URL contains a fragment")
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return fmt.Errorf("http is for loopback only: the URL must begin with https://")
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
