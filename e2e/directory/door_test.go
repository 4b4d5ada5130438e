package directory

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/kubecred/kubecred/e2e/internal/pki"
)

// door stands before a server, and sees every message.
type door struct {
	request func(*ber.Packet) *ber.Packet // what becomes of one
	lost    func(answer *ber.Packet) bool // whether the connection ends instead of it
}

// open opens it until the test ends, and returns its URL and its authority. The
// server's certificate says localhost.
func (d door) open(t *testing.T, address string, ca []byte) (url string, own []byte) {
	t.Helper()
	authority, err := pki.NewAuthority("e2e door")
	must(t, err)
	serving, err := authority.Server()
	must(t, err)
	certificate, err := tls.X509KeyPair(serving.Cert, serving.Key)
	must(t, err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go d.serve(client, address, &tls.Config{RootCAs: roots, ServerName: "localhost"})
		}
	}()
	return "ldaps://" + listener.Addr().String(), authority.PEM
}

func (d door) serve(client net.Conn, address string, config *tls.Config) {
	defer client.Close()
	server, err := tls.Dial("tcp", address, config)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer client.Close()
		pass(server, client, func(answer *ber.Packet) *ber.Packet {
			if d.lost != nil && d.lost(answer) {
				return nil
			}
			return answer
		})
	}()
	pass(client, server, d.request)
}

// pass passes messages on until one end is closed or one message becomes none.
func pass(from, to net.Conn, change func(*ber.Packet) *ber.Packet) {
	for {
		message, err := ber.ReadPacket(from)
		if err == nil && change != nil {
			message = change(message)
		}
		if err != nil || message == nil {
			return
		}
		if _, err := to.Write(message.Bytes()); err != nil {
			return
		}
	}
}
