package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
)

// Verify beside the bare signature that it verifies: a SHA-256 and the public
// key's work, the token cut already.
func BenchmarkVerify(b *testing.B) {
	for _, algorithm := range []Algorithm{ES256, RS256} {
		now := newClock()
		k := mustOpen(b, Options{Dir: b.TempDir() + "/keys", Issuer: issuerURL, Algorithm: algorithm, Now: now.now})
		token := mustSign(b, k, claims(now))
		b.Run(string(algorithm), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Verify(token); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(string(algorithm)+"/bare", func(b *testing.B) {
			cut := strings.LastIndexByte(token, '.')
			signature, err := base64.RawURLEncoding.DecodeString(token[cut+1:])
			if err != nil {
				b.Fatal(err)
			}
			text, verify := []byte(token[:cut]), bare(k.set.Load().keys[0].signer.Public(), signature)
			b.ReportAllocs()
			for b.Loop() {
				if !verify(sha256.Sum256(text)) {
					b.Fatal("not signed")
				}
			}
		})
	}
}

func bare(public crypto.PublicKey, signature []byte) func([32]byte) bool {
	if key, ok := public.(*rsa.PublicKey); ok {
		return func(digest [32]byte) bool {
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
		}
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return func(digest [32]byte) bool { return ecdsa.Verify(public.(*ecdsa.PublicKey), digest[:], r, s) }
}

func BenchmarkSign(b *testing.B) {
	for _, algorithm := range []Algorithm{ES256, RS256} {
		now := newClock()
		k := mustOpen(b, Options{Dir: b.TempDir() + "/keys", Issuer: issuerURL, Algorithm: algorithm, Now: now.now})
		b.Run(string(algorithm), func(b *testing.B) {
			for b.Loop() {
				if _, err := k.Sign(claims(now)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
