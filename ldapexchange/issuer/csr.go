package issuer

// The certificate request (PKCS #10, RFC 2986): of what a client sends, only
// its public key counts, and that it has the private one.

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
)

// maxCSR holds an RSA key of 8192 bits with names to spare, in bytes of PEM.
const maxCSR = 16 << 10

// parseCSR returns the public key of a request that its private key signed.
// The key's strength comes before its signature, whose price grows with it.
func parseCSR(data []byte) (crypto.PublicKey, error) {
	if len(data) > maxCSR {
		return nil, badCSR("it is larger than %d bytes", maxCSR)
	}
	block, rest := pem.Decode(data)
	if block == nil || len(strings.TrimSpace(string(rest))) > 0 || len(block.Headers) > 0 ||
		block.Type != "CERTIFICATE REQUEST" && block.Type != "NEW CERTIFICATE REQUEST" {
		return nil, badCSR("it is not one PEM block of type CERTIFICATE REQUEST")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, badCSR("it cannot be read") // x509's text may quote the request
	}
	if err := checkStrength(request.PublicKey); err != nil {
		return nil, badCSR("%v", err)
	}
	if request.CheckSignature() != nil {
		return nil, badCSR("it is not signed by its own key with SHA-256 or better")
	}
	return request.PublicKey, nil
}

func badCSR(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCSR, fmt.Sprintf(format, args...))
}

// checkStrength wants a key that the API server's TLS verifies: crypto/tls
// takes RSA up to 8192 bits, the NIST curves from P-256, and Ed25519.
func checkStrength(public crypto.PublicKey) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < rsaBits || bits > maxRSABits {
			return fmt.Errorf("an RSA key of %d bits; %d to %d are taken", bits, rsaBits, maxRSABits)
		}
		if key.E < 65537 || key.E%2 == 0 {
			return fmt.Errorf("an RSA key whose exponent is not 65537 or a larger odd number")
		}
		return nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() || key.Curve == elliptic.P384() || key.Curve == elliptic.P521() {
			return nil
		}
	case ed25519.PublicKey:
		return nil
	}
	return fmt.Errorf("a key of a kind that is not taken; RSA, ECDSA P-256, P-384, P-521 and Ed25519 are")
}
