// Package pki makes the tests' own certificate authority and what it signs.
// Nothing of it outlives a day, and none of it is trusted by the system.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// Authority signs certificates. Its own certificate is what clients trust.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	PEM  []byte // the certificate
}

// Pair is a certificate and its key, in PEM. The certificate may be followed by intermediates.
type Pair struct {
	Cert, Key []byte
	leaf      *x509.Certificate
}

// NewAuthority makes a self-signed root.
func NewAuthority(name string) (*Authority, error) {
	return newAuthority(name, nil)
}

// Intermediate makes an authority below this one.
func (a *Authority) Intermediate(name string) (*Authority, error) {
	return newAuthority(name, a)
}

func newAuthority(name string, parent *Authority) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := certificate(name)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	a := &Authority{key: key, cert: template}
	if parent == nil {
		parent = a
	}
	a.cert, a.PEM, err = parent.sign(template, key)
	return a, err
}

// KeyPEM is the authority's key, for a service that issues certificates itself.
func (a *Authority) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// Server makes a certificate for localhost and the loopback addresses.
func (a *Authority) Server() (Pair, error) {
	template := certificate("localhost")
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = []string{"localhost"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	return a.issue(template)
}

// Client makes a certificate that Kubernetes reads a user and groups from.
func (a *Authority) Client(user string, groups ...string) (Pair, error) {
	template := certificate(user)
	template.Subject.Organization = groups
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(template)
}

func (a *Authority) issue(template *x509.Certificate) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, err
	}
	leaf, cert, err := a.sign(template, key)
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return Pair{Cert: cert, Key: keyPEM, leaf: leaf}, err
}

func (a *Authority) sign(template *x509.Certificate, key crypto.Signer) (*x509.Certificate, []byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

func certificate(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Minute),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

// SPKI is the digest by which Chromium can be told to trust this one key.
func (p Pair) SPKI() string {
	sum := sha256.Sum256(p.leaf.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// NotAfter is when the certificate ends.
func (p Pair) NotAfter() time.Time { return p.leaf.NotAfter }
