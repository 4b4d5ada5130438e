package loopback

import (
	"context"
	"net"
	"strconv"
)

// Busy reports which of the addresses that Listen would try with o cannot be
// listened on now, and how many it would try. Each is bound for a moment and
// given back. Its errors are Listen's about o, but for *BusyError.
func Busy(ctx context.Context, o Options) (busy []string, tried int, err error) {
	addresses, registered, err := o.check()
	if err != nil {
		return nil, 0, err
	}
	if _, err := o.tlsConfig(); err != nil {
		return nil, 0, err
	}
	ipv6 := hasIPv6()
	usable := reachable(addresses, registered)
	for _, a := range usable {
		sockets, err := bind(ctx, a.hosts(registered, ipv6), a.port)
		if err != nil {
			busy = append(busy, net.JoinHostPort(a.host, strconv.Itoa(int(a.port))))
		}
		_ = closeAll(sockets)
	}
	return busy, len(usable), nil
}
