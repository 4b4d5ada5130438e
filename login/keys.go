package login

// The provider's public keys. go-oidc's own key set would fetch without
// bounds and hide whether the network or the signature failed; ours hands
// go-oidc only the keys that can have signed the token at hand.
//
// The set is fetched before a code or a refresh token is spent, and once more
// when a token names a key that is not in it, but not at every such token.

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

const (
	maxKeys = 100
	// maxModulus bounds the work of one verification, in bits.
	maxModulus = 8192
	// staleAfter is how old a key set must be for an unknown key to be worth
	// another fetch.
	staleAfter = 5 * time.Second
)

type keySet struct {
	from endpoint
	http *http.Client
	now  func() time.Time

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	fetched time.Time // zero: never
}

// Algorithms fetches the provider's keys and returns the algorithms by which
// what they signed can be verified, each once and in the order of their names.
func (c *Client) Algorithms(ctx context.Context) ([]string, error) {
	if err := c.keys.load(ctx); err != nil {
		return nil, err
	}
	var found []string
	for _, alg := range algorithms() {
		if len(c.keys.matching("", string(alg))) > 0 {
			found = append(found, string(alg))
		}
	}
	slices.Sort(found)
	return found, nil
}

// load fetches the set unless it is there.
func (k *keySet) load(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.fetched.IsZero() {
		return nil
	}
	return k.fetch(ctx)
}

// find returns the keys that may have signed a token with that header.
func (k *keySet) find(ctx context.Context, kid, alg string) ([]crypto.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found := k.matching(kid, alg)
	if len(found) == 0 && (k.fetched.IsZero() || k.now().Sub(k.fetched) > staleAfter) {
		if err := k.fetch(ctx); err != nil {
			return nil, err
		}
		found = k.matching(kid, alg)
	}
	if len(found) == 0 {
		return nil, &VerifyError{"signature", "it is signed with a key that the provider does not publish"}
	}
	return found, nil
}

// fetch replaces the set. Keys that cannot be read are left out, as RFC 7517,
// section 5, asks.
func (k *keySet) fetch(ctx context.Context) error {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := get(ctx, k.http, k.from, &set); err != nil {
		return err
	}
	if len(set.Keys) > maxKeys {
		return &ProviderError{k.from.name, fmt.Sprintf("it holds %d keys, and %d is the most that is read", len(set.Keys), maxKeys), nil}
	}
	k.keys = nil
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil {
			k.keys = append(k.keys, key)
		}
	}
	k.fetched = k.now()
	return nil
}

func (k *keySet) matching(kid, alg string) (found []crypto.PublicKey) {
	for _, key := range k.keys {
		switch {
		case kid != "" && key.KeyID != kid:
		case key.Use != "" && key.Use != "sig":
		case key.Algorithm != "" && key.Algorithm != alg:
		case !signs(key.Key, alg):
		default:
			found = append(found, key.Key)
		}
	}
	return found
}

// signs reports whether key is a public key of the right kind for alg.
func signs(key any, alg string) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return (strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")) && key.N.BitLen() <= maxModulus
	case *ecdsa.PublicKey:
		return alg == string(assertionAlg(key, nil))
	}
	return false
}
