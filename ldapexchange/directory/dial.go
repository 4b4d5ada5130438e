package directory

// From a host to a connection that may carry a password. go-ldap gets the
// connection only after TLS stands, so that no bind can be sent before it, nor
// after a StartTLS that failed.

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// host is one server.
type host struct {
	address string // host:port
	name    string // what its certificate must say
	ldaps   bool

	mu   sync.Mutex
	idle []*conn   // the service's own, bound and ready
	down time.Time // until when it is asked last
}

func newHost(u *url.URL, serverName string) (*host, error) {
	h := &host{name: serverName, ldaps: u.Scheme == "ldaps"}
	port := u.Port()
	switch {
	case u.Scheme != "ldaps" && u.Scheme != "ldap":
		return nil, &ConfigError{"urls", "expects ldaps:// or ldap://"}
	case port == "" && h.ldaps:
		port = "636"
	case port == "":
		port = "389"
	}
	if h.name == "" {
		h.name = u.Hostname()
	}
	h.address = net.JoinHostPort(u.Hostname(), port)
	return h, nil
}

// open dials a host and encrypts the connection, each step within its time.
func (l *LDAP) open(ctx context.Context, h *host) (*conn, error) {
	plain, err := (&net.Dialer{Timeout: l.o.DialTimeout}).DialContext(ctx, "tcp", h.address)
	if err != nil {
		return nil, &UnavailableError{h.address, "dial", &brokenError{err}}
	}
	if !h.ldaps && l.o.InsecurePlaintext {
		return newConn(plain), nil
	}
	secured, err := l.secure(ctx, h, plain)
	if err != nil {
		plain.Close()
		return nil, &UnavailableError{h.address, "TLS", &brokenError{err}}
	}
	return newConn(secured), nil
}

func (l *LDAP) secure(ctx context.Context, h *host, plain net.Conn) (net.Conn, error) {
	config, err := l.trust.config(h.name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.o.TLSTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { plain.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if !h.ldaps {
		if err := startTLS(plain); err != nil {
			return nil, err
		}
	}
	secured := tls.Client(plain, config)
	return secured, secured.HandshakeContext(ctx)
}

// startTLS asks for TLS (RFC 4511, section 4.14). It reads the answer's own
// bytes and none behind it: what somebody put there in plain text would be
// taken for TLS and end the handshake.
func startTLS(plain net.Conn) error {
	const id, extendedRequest, extendedResponse = 1, 23, 24
	message := ber.NewSequence("")
	message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	request := ber.Encode(ber.ClassApplication, ber.TypeConstructed, extendedRequest, nil, "")
	request.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, "1.3.6.1.4.1.1466.20037", ""))
	message.AppendChild(request)
	if _, err := plain.Write(message.Bytes()); err != nil {
		return err
	}
	answer, err := ber.ReadPacket(io.LimitReader(plain, 4096))
	if err != nil {
		return err
	}
	if len(answer.Children) < 2 || answer.Children[0].Value != int64(id) || answer.Children[1].Tag != extendedResponse ||
		answer.Children[1].ClassType != ber.ClassApplication || len(answer.Children[1].Children) == 0 {
		return errNotLDAP
	}
	if answer.Children[1].Children[0].Value != int64(0) {
		return errors.New("the server refused StartTLS")
	}
	return nil
}
