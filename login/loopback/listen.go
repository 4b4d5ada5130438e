package loopback

// Which sockets to open. A browser that is sent to "localhost" tries ::1 or
// 127.0.0.1 first, as it likes; a port counts as free only when both are ours,
// since another program on the other one would receive the code.

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/kubecred/kubecred/internal/httpclient"
)

const (
	localhost = "localhost"
	// anyPortTries bounds how often a port that the system chose for one
	// family may turn out to be taken in the other.
	anyPortTries = 16
)

// address is one that may be listened on.
type address struct {
	host string // localhost, or a loopback address in its canonical form
	port uint16
}

// parseListenAddress looks no name up: only localhost and literals are loopback.
func parseListenAddress(text string) (address, error) {
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		return address{}, &AddressError{text, "it must be host:port"}
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return address{}, &AddressError{text, "the port must be a number from 0 to 65535"}
	}
	if !httpclient.IsLoopback(host) {
		return address{}, &NotLoopbackError{text}
	}
	if ip := net.ParseIP(host); ip != nil {
		return address{ip.String(), uint16(port)}, nil
	}
	return address{localhost, uint16(port)}, nil
}

// both reports whether a browser that follows the redirect URL may come over
// either family.
func (a address) both(redirect *url.URL) bool {
	if a.host == localhost {
		return true
	}
	common := a.host == "127.0.0.1" || a.host == "::1"
	return common && (redirect == nil || strings.EqualFold(redirect.Hostname(), localhost))
}

// hosts are the addresses to bind for a.
func (a address) hosts(redirect *url.URL, ipv6 bool) []string {
	switch {
	case !a.both(redirect):
		return []string{a.host}
	case ipv6:
		return []string{"127.0.0.1", "::1"}
	default:
		return []string{"127.0.0.1"}
	}
}

// reachable leaves out the ports that a redirect URL on loopback would not
// reach: falling back to one of them, the login would wait for an answer that
// goes to whoever holds the registered port. Where none matches, something
// stands in between (a forwarded port, a container), and all are tried.
func reachable(addresses []address, registered *url.URL) []address {
	if registered == nil || !httpclient.IsLoopback(registered.Hostname()) {
		return addresses
	}
	var matching []address
	for _, a := range addresses {
		if strconv.Itoa(int(a.port)) == registered.Port() {
			matching = append(matching, a)
		}
	}
	if matching == nil {
		return addresses
	}
	return matching
}

// redirectURL is the redirect_uri for a listener at port. The default is
// the one that people have registered: localhost, no path (and never
// 127.0.0.1, which several providers treat as another URI).
func (a address) redirectURL(registered *url.URL, port int, tls bool) *url.URL {
	if registered != nil {
		u := *registered
		if a.port == 0 && u.Port() == "" {
			u.Host += ":" + strconv.Itoa(port)
		}
		return &u
	}
	host := a.host
	if a.both(nil) {
		host = localhost
	}
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort(host, strconv.Itoa(port))}
	if tls {
		u.Scheme = "https"
	}
	return u
}

// bind opens one socket on each host, all on one port, or none.
func bind(ctx context.Context, hosts []string, port uint16) ([]net.Listener, error) {
	var err error
	for range anyPortTries {
		var sockets []net.Listener
		if sockets, err = bindOnce(ctx, hosts, port); err == nil {
			return sockets, nil
		}
		if port != 0 || len(hosts) == 1 || ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func bindOnce(ctx context.Context, hosts []string, port uint16) ([]net.Listener, error) {
	var config net.ListenConfig
	var sockets []net.Listener
	for _, host := range hosts {
		socket, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
		if err != nil {
			closeAll(sockets)
			return nil, err
		}
		sockets = append(sockets, socket)
		port = portOf(socket) // the next family takes the same one
	}
	return sockets, nil
}

func portOf(socket net.Listener) uint16 {
	return uint16(socket.Addr().(*net.TCPAddr).Port) // a port fits
}

func closeAll(sockets []net.Listener) error {
	var err error
	for _, socket := range sockets {
		if e := socket.Close(); !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// hasIPv6 reports whether this machine has ::1. Where that cannot be told it
// is taken for absent.
func hasIPv6() bool {
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(net.IPv6loopback) {
			return true
		}
	}
	return false
}
