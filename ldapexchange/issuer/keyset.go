package issuer

import (
	"bytes"
	"cmp"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// key is one signing key.
type key struct {
	id        string // RFC 7638 thumbprint
	algorithm Algorithm
	signer    crypto.Signer
	access    []byte    // what signs access tokens
	signsFrom time.Time // zero: its file does not say
	path      string
	headers   [2]string // as they begin a token, by Kind
	seen      *seen
}

func newKey(signer crypto.Signer, algorithm Algorithm, signsFrom time.Time, path string) (*key, error) {
	k := &key{algorithm: algorithm, signer: signer, signsFrom: signsFrom, path: path, seen: new(seen)}
	sum, err := (&jose.JSONWebKey{Key: signer.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	k.id = base64.RawURLEncoding.EncodeToString(sum)
	if k.access, err = accessKey(signer); err != nil {
		return nil, err
	}
	for _, kind := range []Kind{IDToken, AccessToken} {
		// The order of fields is the structure's; every version of the program
		// that shares keys or lives with another's tokens writes the same.
		header, err := json.Marshal(struct {
			Algorithm Algorithm `json:"alg"`
			Key       string    `json:"kid"`
			Type      string    `json:"typ"`
		}{k.algorithmFor(kind), k.id, kind.typ()})
		if err != nil {
			return nil, err
		}
		k.headers[kind] = base64.RawURLEncoding.EncodeToString(header)
	}
	return k, nil
}

// keySet is what a reading of the folder gave. It does not change.
type keySet struct {
	found      []*key // in the folder, by the time from which they sign
	keys       []*key // of those, the ones that are published
	headers    map[string]headed
	jwks       []byte
	algorithms []string
}

// headed is what a token's header says, all of it.
type headed struct {
	key  *key
	kind Kind
}

// handOn gives keys that are read again what they have seen: Tend reads the
// folder more often than an API server asks about the same token.
func (s *keySet) handOn(keys []*key) {
	for _, k := range keys {
		if i := slices.IndexFunc(s.found, func(old *key) bool { return old.id == k.id }); i >= 0 {
			k.seen = s.found[i].seen
		}
	}
}

func sortKeys(keys []*key) {
	slices.SortFunc(keys, func(a, b *key) int {
		return cmp.Or(a.signsFrom.Compare(b.signsFrom), cmp.Compare(a.path, b.path))
	})
}

func newKeySet(keys []*key, o Options) (*keySet, error) {
	s := &keySet{found: keys, keys: alive(keys, o.Now()), headers: map[string]headed{}}
	var published jose.JSONWebKeySet
	for _, k := range s.keys {
		for kind, header := range k.headers {
			s.headers[header] = headed{k, Kind(kind)}
		}
		if !slices.Contains(s.algorithms, string(k.algorithm)) {
			s.algorithms = append(s.algorithms, string(k.algorithm))
		}
		published.Keys = append(published.Keys, jose.JSONWebKey{
			Key: k.signer.Public(), KeyID: k.id, Algorithm: string(k.algorithm), Use: "sig",
		})
	}
	slices.Sort(s.algorithms)
	out := new(bytes.Buffer)
	err := json.NewEncoder(out).Encode(published)
	s.jwks = out.Bytes()
	return s, err
}

// alive returns the keys that may have signed a token that still lives, or
// will sign. One of them signs. How long tokens lived when a key signed is known
// no more, since that may have been configured anew: so it is the longest.
func alive(keys []*key, now time.Time) []*key {
	for i := len(keys) - 1; i > 0; i-- {
		if followedAt := keys[i].signsFrom; !followedAt.IsZero() && !now.Before(followedAt.Add(MaxTokenLife+Leeway)) {
			return keys[i:]
		}
	}
	return keys
}

// signing returns the newest key whose time has come. A clock that went back
// finds none, and takes the first.
func (s *keySet) signing(now time.Time) *key {
	for _, k := range slices.Backward(s.keys) {
		if !k.signsFrom.After(now) {
			return k
		}
	}
	return s.keys[0]
}
