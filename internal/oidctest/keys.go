package oidctest

// Signing keys: one is active, some are published, and the two need not agree.

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// Signing is how tokens are signed.
type Signing int

const (
	// SignRight uses the active key.
	SignRight Signing = iota
	// SignNone is alg "none", with no signature.
	SignNone
	// SignHS256 is HMAC with the public key, in PEM, as its secret.
	SignHS256
	// SignForeign uses a key nobody knows under the active key's ID.
	SignForeign
	// SignUnlisted uses a key nobody knows under an ID that is not published.
	SignUnlisted
	// SignBroken is a right signature with one bit changed.
	SignBroken
)

// signingKey is a private key with its name.
type signingKey struct {
	id  string
	alg jose.SignatureAlgorithm
	key crypto.Signer
}

// keys are a provider's keys.
type keys struct {
	mu        sync.Mutex
	alg       jose.SignatureAlgorithm
	active    signingKey
	published []signingKey
}

func newKeys(alg string) (*keys, error) {
	first, err := newSigningKey(jose.SignatureAlgorithm(alg))
	if err != nil {
		return nil, err
	}
	return &keys{alg: first.alg, active: first, published: []signingKey{first}}, nil
}

func newSigningKey(alg jose.SignatureAlgorithm) (signingKey, error) {
	var key crypto.Signer
	var err error
	switch alg {
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.RS256:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		err = fmt.Errorf("no signing algorithm %q here", alg)
	}
	return signingKey{rand.Text(), alg, key}, err
}

// public is the key as the key set shows it.
func (k signingKey) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.key.Public(), KeyID: k.id, Algorithm: string(k.alg), Use: "sig"}
}

// RotateKey signs with a new key from now on; the old ones stay published.
func (p *Provider) RotateKey() error { return p.keys.rotate(true) }

// ReplaceKey signs with a new key from now on and publishes no other, so that
// the tokens of before are good for nothing.
func (p *Provider) ReplaceKey() error { return p.keys.rotate(false) }

func (k *keys) rotate(keep bool) error {
	next, err := newSigningKey(k.alg)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !keep {
		k.published = nil
	}
	k.active, k.published = next, append(k.published, next)
	return nil
}

// set is the published JSON Web Key Set.
func (k *keys) set() jose.JSONWebKeySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, key := range k.published {
		set.Keys = append(set.Keys, key.public())
	}
	return set
}

// current is the active key.
func (k *keys) current() signingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.active
}

// sign makes a compact JWT of type typ.
func (k *keys) sign(how Signing, typ string, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	key := k.current()
	switch how {
	case SignNone:
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
		return header + "." + base64.RawURLEncoding.EncodeToString(payload) + ".", nil
	case SignHS256:
		secret, err := publicPEM(key.key.Public())
		if err != nil {
			return "", err
		}
		return compact(jose.HS256, secret, key.id, typ, payload)
	case SignForeign, SignUnlisted:
		foreign, err := newSigningKey(k.alg)
		if err != nil {
			return "", err
		}
		if how == SignForeign {
			foreign.id = key.id
		}
		key = foreign
	}
	token, err := compact(key.alg, key.key, key.id, typ, payload)
	if how == SignBroken {
		token = flipLast(token)
	}
	return token, err
}

// compact signs a payload.
func compact(alg jose.SignatureAlgorithm, key any, id, typ string, payload []byte) (string, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: id}},
		new(jose.SignerOptions).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// flipLast changes the signature without changing its length. The fourth
// character from the end carries six whole bits.
func flipLast(token string) string {
	i := len(token) - 4
	other := byte('A')
	if token[i] == other {
		other = 'B'
	}
	return token[:i] + string(other) + token[i+1:]
}

// publicPEM is what an attacker who forges with HS256 takes for the secret.
func publicPEM(key crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), err
}
