package server

// Whose request it is, for the limits and the audit.

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress is the peer, or whom a trusted proxy names. X-Forwarded-For is
// read from its end, where the nearest proxy wrote: whatever a client wrote
// itself comes before the first address that is no trusted proxy's.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	at := peer.Addr().Unmap().WithZone("")
	if !within(at, trusted) {
		return at
	}
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(forwarded) {
		next, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			break // nobody wrote it whom we trust
		}
		if at = next.Unmap().WithZone(""); !within(at, trusted) {
			break
		}
	}
	return at
}

// parseHop takes an address with a port as well, as Azure's gateways write it.
func parseHop(hop string) (netip.Addr, bool) {
	if at, err := netip.ParseAddr(hop); err == nil {
		return at, true
	}
	at, err := netip.ParseAddrPort(hop)
	return at.Addr(), err == nil
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}
