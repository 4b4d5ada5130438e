package pki

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
)

func TestServerIsTrustedByItsAuthorityAlone(t *testing.T) {
	ours, err := NewAuthority("ours")
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewAuthority("other")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ours.Server()
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := verify(t, pair, ours, host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if verify(t, pair, other, host) == nil {
			t.Errorf("%s: another authority vouches for it", host)
		}
	}
}

func verify(t *testing.T, pair Pair, root *Authority, host string) error {
	t.Helper()
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root.PEM)
	_, err = certificate.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
	return err
}
