package loopback

import (
	"errors"
	"net"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func TestParseListenAddress(t *testing.T) {
	notLoopback, malformed := &NotLoopbackError{}, &AddressError{}
	tests := []struct {
		text string
		host string
		want any
	}{
		{"127.0.0.1:8000", "127.0.0.1", nil},
		{"localhost:8000", "localhost", nil},
		{"LocalHost.:8000", "localhost", nil},
		{"[::1]:8000", "::1", nil},
		{"[0:0:0:0:0:0:0:1]:8000", "::1", nil},
		{"127.8.8.8:8000", "127.8.8.8", nil},
		// kubelogin's documentation has 0.0.0.0 for containers; whoever reaches
		// the port could then answer.
		{"0.0.0.0:8000", "", notLoopback},
		{":8000", "", notLoopback},
		{"[::]:8000", "", notLoopback},
		{"192.168.0.1:8000", "", notLoopback},
		{"example.com:8000", "", notLoopback},
		{"localhost.example.com:8000", "", notLoopback},
		{"localhost", "", malformed},
		{"localhost:http", "", malformed},
		{"localhost:-1", "", malformed},
		{"localhost:65536", "", malformed},
		{"", "", malformed},
		{"::1:8000", "", malformed},
	}
	for _, tt := range tests {
		a, err := parseListenAddress(tt.text)
		if a.host != tt.host || reflect.TypeOf(err) != reflect.TypeOf(tt.want) {
			t.Errorf("%q: %+v, %v", tt.text, a, err)
		}
	}
}

func TestHostsAndRedirectURL(t *testing.T) {
	tests := []struct {
		listen, registered string
		hosts              string
		redirect           string // with 4711 for the port that the system chose
	}{
		{"127.0.0.1:8000", "", "127.0.0.1 ::1", "http://localhost:8000"},
		{"localhost:18000", "", "127.0.0.1 ::1", "http://localhost:18000"},
		{"[::1]:8000", "", "127.0.0.1 ::1", "http://localhost:8000"},
		{"127.0.0.1:0", "", "127.0.0.1 ::1", "http://localhost:4711"},
		{"127.0.0.2:8000", "", "127.0.0.2", "http://127.0.0.2:8000"},
		{"127.0.0.1:8000", "http://localhost:8000/cb", "127.0.0.1 ::1", "http://localhost:8000/cb"},
		{"127.0.0.1:8000", "http://127.0.0.1:8000/", "127.0.0.1", "http://127.0.0.1:8000/"},
		{"localhost:8000", "http://127.0.0.1:8000/", "127.0.0.1 ::1", "http://127.0.0.1:8000/"},
		{"127.0.0.1:0", "http://127.0.0.1/cb", "127.0.0.1", "http://127.0.0.1:4711/cb"},
		{"127.0.0.1:0", "http://[::1]/cb", "127.0.0.1", "http://[::1]:4711/cb"},
		{"127.0.0.1:8000", "https://dev.example/cb?x=1", "127.0.0.1", "https://dev.example/cb?x=1"},
	}
	for _, tt := range tests {
		a, err := parseListenAddress(tt.listen)
		if err != nil {
			t.Fatal(err)
		}
		var registered *url.URL
		if tt.registered != "" {
			registered, _ = url.Parse(tt.registered)
		}
		if got := strings.Join(a.hosts(registered, true), " "); got != tt.hosts {
			t.Errorf("%s for %q binds %s, want %s", tt.listen, tt.registered, got, tt.hosts)
		}
		port := int(a.port)
		if port == 0 {
			port = 4711
		}
		if got := a.redirectURL(registered, port, false).String(); got != tt.redirect {
			t.Errorf("%s for %q redirects to %s, want %s", tt.listen, tt.registered, got, tt.redirect)
		}
	}
}

func TestWithoutIPv6(t *testing.T) {
	a := address{localhost, 8000}
	if got := a.hosts(nil, false); len(got) != 1 || got[0] != "127.0.0.1" {
		t.Errorf("binds %v", got)
	}
}

func TestReachable(t *testing.T) {
	both := []address{{localhost, 8000}, {localhost, 18000}}
	tests := []struct {
		registered string
		want       []address
	}{
		{"http://localhost:8000/", both[:1]},
		{"http://127.0.0.1:18000/", both[1:]},
		{"http://localhost:9999/", both}, // a forwarded port
		{"http://localhost/", both},
		{"http://dev.example:8000/", both},
	}
	for _, tt := range tests {
		registered, _ := url.Parse(tt.registered)
		if got := reachable(both, registered); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v", tt.registered, got)
		}
	}
	if got := reachable(both, nil); len(got) != 2 {
		t.Errorf("without a registered URL: %v", got)
	}
}

func TestBothFamiliesOnOnePort(t *testing.T) {
	if !hasIPv6() {
		t.Skip("this machine has no ::1")
	}
	l := start(t, nil)
	port := strconv.Itoa(int(portOf(l.sockets[0])))
	if got := l.RedirectURL(); got != "http://localhost:"+port {
		t.Errorf("redirect URL %s", got)
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		got := get(t, browser(t), "http://"+net.JoinHostPort(host, port)+"/nothing")
		if got.status != 404 {
			t.Errorf("%s: %d", host, got.status)
		}
	}
}

// busy holds a port on one host, as another program would.
func busy(t *testing.T, host string) uint16 {
	t.Helper()
	socket, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { socket.Close() })
	return portOf(socket)
}

func at(port uint16) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))) }

func TestTheNextAddressWhenOneIsBusy(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		taken := busy(t, host)
		l := start(t, func(o *Options, _ *limits) { o.Addresses = []string{at(taken), "127.0.0.1:0"} })
		if portOf(l.sockets[0]) == taken {
			t.Errorf("a port that is busy on %s counted as free", host)
		}
		if socket, err := net.Listen("tcp", at(taken)); host == "::1" {
			if err != nil {
				t.Errorf("the port that was given up is still held: %v", err)
			} else {
				socket.Close()
			}
		}
	}
}

func TestAllBusy(t *testing.T) {
	first, second := at(busy(t, "127.0.0.1")), at(busy(t, "127.0.0.1"))
	_, err := Listen(t.Context(), Options{Addresses: []string{first, second}})
	var all *BusyError
	if !errors.As(err, &all) || all.Addresses[0] != first || all.Addresses[1] != second {
		t.Fatal(err)
	}
	var system *net.OpError
	if !errors.As(err, &system) || !strings.Contains(err.Error(), first+" or "+second) {
		t.Errorf("%v", err)
	}
}

func TestAnyPortGivesUp(t *testing.T) {
	// The second host is not this machine's, so that every try fails.
	sockets, err := bind(t.Context(), []string{"127.0.0.1", "192.0.2.1"}, 0)
	if err == nil {
		closeAll(sockets)
		t.Fatal("bound an address that is not here")
	}
}

func TestRefusedOptions(t *testing.T) {
	good := []string{"127.0.0.1:0"}
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"no address", Options{}, "there is none"},
		{"one bad address among good ones", Options{Addresses: []string{"127.0.0.1:0", "0.0.0.0:0"}}, "not on loopback"},
		{"redirect scheme", Options{Addresses: good, RedirectURL: "urn:ietf:wg:oauth:2.0:oob"}, "must begin with http"},
		{"redirect without host", Options{Addresses: good, RedirectURL: "http:///cb"}, "must name a host"},
		{"redirect with a control character", Options{Addresses: good, RedirectURL: "http://localhost/\x1b"}, "cannot be parsed"},
		{"open after: script", Options{Addresses: good, OpenURLAfter: "javascript:alert(1)"}, "must begin with http"},
		{"open after: user", Options{Addresses: good, OpenURLAfter: "https://u:canary@example.com"}, "no user"},
		{"open after: line break", Options{Addresses: good, OpenURLAfter: "https://example.com/\r\nX: y"}, "cannot be parsed"},
		{"certificate without key", Options{Addresses: good, CertFile: "x.pem"}, "certificate and its key"},
		{"certificate that is not there", Options{Addresses: good, CertFile: "/nowhere/x.pem", KeyFile: "/nowhere/y.pem"}, "cannot load"},
	}
	for _, tt := range tests {
		l, err := Listen(t.Context(), tt.o)
		if err == nil {
			l.Close()
			t.Errorf("%s: accepted", tt.name)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
