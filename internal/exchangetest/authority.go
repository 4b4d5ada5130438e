package exchangetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/kubecred/kubecred/ldapexchange"
)

// authority signs clients' certificates for as long as the test runs.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "exchangetest"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{key, certificate}, err
}

// certify answers a CredentialRequest for whom claims describe.
func (a *authority) certify(body []byte, claims map[string]any, lifetime time.Duration) ([]byte, error) {
	request, err := ldapexchange.ParseCredentialRequest(body)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(request.CSR))
	if block == nil {
		return nil, errors.New("the CSR is not PEM")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err == nil {
		err = csr.CheckSignature()
	}
	if err != nil {
		return nil, err
	}
	name, _ := claims["preferred_username"].(string)
	if name == "" {
		name, _ = claims["sub"].(string)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	end := time.Now().Add(lifetime)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{request.Cluster}},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: end, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.certificate, csr.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return ldapexchange.EncodeCertificate(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), end)
}

// CAPEM is the authority that its clients' certificates come from.
func (x *Exchange) CAPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: x.authority.certificate.Raw})
}

// Verify holds that a certificate and its key fit, and that this exchange
// issued the certificate for a client. It returns its common name.
func (x *Exchange) Verify(certificatePEM, keyPEM string) (string, error) {
	pair, err := tls.X509KeyPair([]byte(certificatePEM), []byte(keyPEM))
	if err != nil {
		return "", err
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AddCert(x.authority.certificate)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		return "", fmt.Errorf("the certificate is another authority's: %w", err)
	}
	return leaf.Subject.CommonName, nil
}
