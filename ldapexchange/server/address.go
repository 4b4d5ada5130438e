package server

// Whose request it is, for the limits and the audit.

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// clientAddress is the peer, or whom a trusted proxy names. X-Forwarded-For is
// read from its end, where the nearest proxy wrote: whatever a client wrote
// itself comes before the first address that is no trusted proxy's.
func clientAddress(r *http.Request, trusted []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	at := peer.Addr().Unmap().WithZone("")
	if !within(at, trusted) {
		return at.String()
	}
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(forwarded) {
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break // nobody wrote it whom we trust
		}
		if at = next.Unmap().WithZone(""); !within(at, trusted) {
			break
		}
	}
	return at.String()
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// network is what failures are counted by: an IPv6 host has a /64 of addresses
// to choose from.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() {
		return address
	}
	prefix, err := a.Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}

// folded is a typed name as the limits know it. Directories take many
// spellings for one (RFC 4518: case, compatibility forms, spaces, characters
// that map to nothing; Active Directory drops accents too), and each would be
// another few guesses. To take two names for one costs nothing but a shared
// count.
func folded(name string) string {
	var out strings.Builder
	for _, r := range norm.NFKD.String(name) {
		switch {
		case unicode.IsSpace(r):
			out.WriteByte(' ')
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r), unicode.IsControl(r):
		default:
			out.WriteRune(unicode.ToLower(unicode.ToUpper(r)))
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}
