package server

// A certificate that is read again while the service runs.

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync/atomic"
	"time"
)

// KeyPair is a certificate and its key from two PEM files.
type KeyPair struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

// LoadKeyPair reads the files for the first time.
func LoadKeyPair(certFile, keyFile string) (*KeyPair, error) {
	p := &KeyPair{certFile: certFile, keyFile: keyFile}
	return p, p.Reload()
}

// Reload reads the files again. With an error the pair stays what it was.
func (p *KeyPair) Reload() error {
	pair, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return errors.New("the certificate and its key cannot be used together, or cannot be read")
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return errors.New("the certificate is malformed")
		}
	}
	p.current.Store(&pair)
	return nil
}

// Certificate is for ServeOptions.
func (p *KeyPair) Certificate() (*tls.Certificate, error) { return p.current.Load(), nil }

// Leaf is the certificate in use.
func (p *KeyPair) Leaf() *x509.Certificate { return p.current.Load().Leaf }

// Expiry is the end of the certificate in use.
func (p *KeyPair) Expiry() time.Time { return p.current.Load().Leaf.NotAfter }
