package intake

import (
	"crypto/tls"
	"encoding/pem"
	"strings"

	"github.com/kubecred/kubecred/internal/secret"
)

// Certificate takes in a client certificate with its chain, and its key. What
// else lies between the PEM blocks is left out, since clients refuse it in an
// exec credential. Errors: ErrTooLong, ErrHalfPair, ErrCertificate, ErrKey,
// ErrEncryptedKey, ErrMismatch.
func Certificate(certificate, key []byte) (Credential, error) {
	switch {
	case len(certificate) == 0 && len(key) == 0:
		return Credential{}, nil
	case len(certificate) > maxCredential, len(key) > maxCredential:
		return Credential{}, ErrTooLong
	case len(certificate) == 0, len(key) == 0:
		return Credential{}, ErrHalfPair
	}
	chain := certificates(certificate)
	if len(chain) == 0 {
		return Credential{}, ErrCertificate
	}
	private, err := privateKey(key)
	if err != nil {
		return Credential{}, err
	}
	pair, err := tls.X509KeyPair(chain, private)
	switch {
	case err != nil && strings.Contains(err.Error(), "does not match"):
		return Credential{}, ErrMismatch
	case err != nil && strings.Contains(err.Error(), "private key"):
		return Credential{}, ErrKey
	case err != nil || pair.Leaf == nil:
		return Credential{}, ErrCertificate
	}
	return Credential{
		Kind: ClientCertificate, Certificate: string(chain), Key: secret.New(string(private)),
		Expiry: pair.Leaf.NotAfter.UTC(), Who: pair.Leaf.Subject.CommonName,
	}, nil
}

// certificates returns the certificates of data and nothing else.
func certificates(data []byte) (chain []byte) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return chain
		}
		if block.Type == "CERTIFICATE" {
			chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
		}
	}
}

// privateKey returns the first private key of data. An EC key may have its
// parameters in front of it.
func privateKey(data []byte) ([]byte, error) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return nil, ErrKey
		}
		switch {
		case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
		case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"): // PKCS #8, RFC 1423
			return nil, ErrEncryptedKey
		default:
			return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}), nil
		}
	}
}
