package ldapexchange

// The key of a certificate, and what is checked of the certificate that an
// exchange gives for it.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

const (
	maxChain = 8 // certificates
	// skew is how far an exchange's clock may be ahead of ours.
	skew = 5 * time.Minute
)

// Key is a private key of this workstation's, on P-256.
type Key struct{ private *ecdsa.PrivateKey }

// NewKey makes a key.
func NewKey() (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return Key{private}, err
}

// PEM returns the key in PKCS #8, as client-go reads it.
func (k Key) PEM() (secret.Text, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return secret.Text{}, err
	}
	return secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))), nil
}

// CSR returns a PEM certificate signing request. It names nobody.
func (k Key) CSR() (string, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, k.private)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}

// Format implements fmt.Formatter: a private key would print itself.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, secret.Redacted) }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(secret.Redacted) }

// Certificate is what an exchange gave for a Key.
type Certificate struct {
	Chain  string // PEM, the leaf first
	Expiry time.Time

	// Who the leaf is for: its common name, and the number of its
	// organizations, which Kubernetes takes for groups.
	Name   string
	Groups int
}

// read checks a chain: its leaf belongs to the key, lives at now, and is a
// client's.
func (k Key) read(chainPEM string, now time.Time) (Certificate, error) {
	chain, err := parseChain(chainPEM)
	if err != nil {
		return Certificate{}, err
	}
	leaf := chain[0]
	public, _ := leaf.PublicKey.(*ecdsa.PublicKey)
	switch {
	case !k.private.PublicKey.Equal(public):
		return Certificate{}, errors.New("its certificate is for another key")
	case leaf.IsCA:
		return Certificate{}, errors.New("its certificate is an authority's")
	case !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth):
		return Certificate{}, errors.New("its certificate is not a client's")
	case leaf.Subject.CommonName == "":
		return Certificate{}, errors.New("its certificate does not say whom it is for")
	case leaf.NotBefore.Sub(now) > skew:
		return Certificate{}, fmt.Errorf("its certificate begins %s from now; is this machine's clock right?", leaf.NotBefore.Sub(now).Round(time.Second))
	case !now.Before(leaf.NotAfter):
		return Certificate{}, fmt.Errorf("its certificate ended %s ago; is this machine's clock right?", now.Sub(leaf.NotAfter).Round(time.Second))
	}
	return Certificate{strings.TrimSpace(chainPEM) + "\n", leaf.NotAfter, leaf.Subject.CommonName, len(leaf.Subject.Organization)}, nil
}

func parseChain(chainPEM string) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	rest := []byte(strings.TrimSpace(chainPEM))
	for len(rest) > 0 {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil || block.Type != "CERTIFICATE":
			return nil, errors.New("its certificate is not PEM, or something else stands beside it")
		case len(chain) == maxChain:
			return nil, fmt.Errorf("it holds more than %d certificates", maxChain)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("its certificate cannot be parsed")
		}
		chain = append(chain, certificate)
	}
	if len(chain) == 0 {
		return nil, errors.New("it holds no certificate")
	}
	return chain, nil
}
