package issuer

import (
	"crypto"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"
)

// Each kind of key that is taken signs in to a TLS server that asks for client
// certificates as the API server does (RequestClientCert, and Verify for
// client authentication), with TLS 1.2 and 1.3.
func TestCertificatesSignIn(t *testing.T) {
	t.Parallel()
	authority := newCA(t, time.Now(), nil, nil)
	issuing := mustOpenCA(t, authority.files(t, time.Now))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	server := serverCertificate(t)
	pool := x509.NewCertPool()
	pool.AddCert(authority.cert)
	for name, key := range map[string]crypto.Signer{
		"RSA": rsaKey(t, 2048), "P-256": ecKey(t, elliptic.P256()), "P-384": ecKey(t, elliptic.P384()),
		"P-521": ecKey(t, elliptic.P521()), "Ed25519": ed,
	} {
		chain, _, _, err := issuing.Issue(csr(t, key, nil), alice(), 0)
		if err != nil {
			t.Fatal(err)
		}
		client := tls.Certificate{PrivateKey: key}
		for _, c := range parseChain(t, chain) {
			client.Certificate = append(client.Certificate, c.Raw)
		}
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			sent, err := handshake(server, client, version)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if _, err := sent.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func serverCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key := ecKey(t, elliptic.P256())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// handshake returns the certificate that the client sent.
func handshake(server, client tls.Certificate, version uint16) (*x509.Certificate, error) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	deadline := time.Now().Add(30 * time.Second)
	if err := errors.Join(a.SetDeadline(deadline), b.SetDeadline(deadline)); err != nil {
		return nil, err
	}
	serving := tls.Server(a, &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequestClientCert, MaxVersion: version, SessionTicketsDisabled: true})
	calling := tls.Client(b, &tls.Config{Certificates: []tls.Certificate{client}, InsecureSkipVerify: true, MaxVersion: version})
	called := make(chan error, 1)
	go func() { called <- calling.Handshake() }()
	err := serving.Handshake()
	if err := errors.Join(err, <-called); err != nil {
		return nil, err
	}
	sent := serving.ConnectionState().PeerCertificates
	if len(sent) == 0 {
		return nil, errors.New("no certificate was sent")
	}
	return sent[0], nil
}
