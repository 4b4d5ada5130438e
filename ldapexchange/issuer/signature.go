package issuer

// Signatures (RFC 7515, section 5). An ID token's is its key's, for verifiers
// everywhere. An access token's is an HMAC under a key that only the exchange
// can derive from it: nobody else has to verify one, no API server can be made
// to take one, since it refuses every shared secret, and making one costs a
// thousandth of RSA's time.

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"math/big"
)

// accessAlgorithm is HMAC with SHA-256 (RFC 7518, section 3.2).
const accessAlgorithm Algorithm = "HS256"

// algorithmFor is what signs a token of a kind.
func (k *key) algorithmFor(kind Kind) Algorithm {
	if kind == AccessToken {
		return accessAlgorithm
	}
	return k.algorithm
}

// accessKey is the same in every process that has the key's file.
func accessKey(signer crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, err
	}
	return hkdf.Key(sha256.New, der, nil, "kubecred-exchange access token", sha256.Size)
}

func (k *key) sign(kind Kind, text string) ([]byte, error) {
	if kind == AccessToken {
		return k.mac(text), nil
	}
	digest := sha256.Sum256([]byte(text))
	private, ok := k.signer.(*ecdsa.PrivateKey)
	if !ok {
		return k.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	}
	r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 64) // RFC 7518, section 3.4
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature, nil
}

func (k *key) mac(text string) []byte {
	mac := hmac.New(sha256.New, k.access)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func (k *key) verify(kind Kind, text, encoded string) bool {
	signature, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return false
	}
	if kind == AccessToken {
		return hmac.Equal(signature, k.mac(text))
	}
	digest := sha256.Sum256([]byte(text))
	switch public := k.signer.Public().(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		return len(signature) == 64 && ecdsa.Verify(public, digest[:],
			new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	}
	return false
}
