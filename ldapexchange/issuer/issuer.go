// Package issuer makes the exchange's credentials: signed tokens that say who
// somebody is, and client certificates that say the same to a cluster's TLS.
//
// Tokens are JWTs (RFC 7519). ID tokens are signed with RS256 or ES256, which the
// API server takes; never with EdDSA, which it does not, nor with a shared
// secret. Access tokens, which nobody else verifies, are: see signature.go. Keys
// are files in a folder. A key file says since when its key signs, and nothing
// else is kept: the newest key whose time has come signs, the ones after it
// are published already, and one before it stays published until the last
// token it can have signed has ended. So a rotation is one file more, and a process
// that is killed at any step of it leaves a set that works. Several processes
// may share a folder: see Keys.Tend.
//
// Certificates come from an authority that is given as files; see CA.
//
// Where the guarantee ends: who reads the key files signs as the exchange;
// their modes are looked at, nothing more. A token that is out stays good for
// a verifier that asks nobody (JWKS) until it ends; package state revokes it
// for those that ask. Times are to the second and trust this machine's clock.
package issuer

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Algorithm signs tokens.
type Algorithm string

// The algorithms. RS256 is the one that every verifier of OpenID Connect
// takes, kube-apiserver's --oidc-signing-algs by default no other.
const (
	RS256 Algorithm = "RS256"
	ES256 Algorithm = "ES256"
)

const (
	// Leeway is how far the clocks of two machines may be apart. A token
	// counts for as long beyond its end, so what revokes it is kept longer.
	Leeway = 30 * time.Second
	// MaxToken is a token's largest size in bytes. Headers end near 16 KiB in
	// proxies and load balancers; the rest is for what else is in them.
	MaxToken = 12 << 10
	// MaxTokenLife bounds Options.TokenLife. Keys stay published for as long
	// after they have signed.
	MaxTokenLife = time.Hour
)

// Options of Keys.
type Options struct {
	Dir       string        // the keys' own folder; made with mode 0700 if it is missing
	ReadOnly  bool          // it is mounted, and another makes the keys: nothing is written
	Issuer    string        // the exact iss: an https URL without query or fragment; http on loopback
	Algorithm Algorithm     // of new keys; empty is RS256
	TokenLife time.Duration // the longest life of a token; empty is 10 minutes
	// PublishAhead is how long a new key is published before it signs, so that
	// those who fetch the key set have it by then; empty is an hour.
	PublishAhead time.Duration
	// RotateEvery has Tend rotate; 0 never does.
	RotateEvery time.Duration
	// AllowSystemNames lets Sign name users and groups that begin with
	// "system:". MUST NOT be set where the directory's people can choose names.
	AllowSystemNames bool
	Now              func() time.Time // nil is time.Now
}

func (o *Options) complete() error {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Algorithm == "" {
		o.Algorithm = RS256
	}
	if o.TokenLife == 0 {
		o.TokenLife = 10 * time.Minute
	}
	if o.PublishAhead == 0 {
		o.PublishAhead = time.Hour
	}
	switch {
	case !isIssuer(o.Issuer):
		return errors.New("the issuer is not an https URL without query and fragment")
	case o.Dir == "":
		return errors.New("the keys need a folder")
	case o.Algorithm != RS256 && o.Algorithm != ES256:
		return fmt.Errorf("the algorithm %q is not RS256 or ES256", o.Algorithm)
	case o.TokenLife < time.Second || o.TokenLife > MaxTokenLife:
		return fmt.Errorf("a token's life of %s is not between 1s and %s", o.TokenLife, MaxTokenLife)
	case o.PublishAhead < 0 || o.RotateEvery < 0 || o.RotateEvery != 0 && o.RotateEvery <= o.PublishAhead:
		return errors.New("a key must be published for less time than it signs")
	}
	return nil
}

// isIssuer holds for what OpenID Connect Discovery 1.0, section 3, calls one,
// and on loopback also without TLS.
func isIssuer(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(text, "?#") {
		return false
	}
	address, err := netip.ParseAddr(u.Hostname())
	loopback := u.Hostname() == "localhost" || err == nil && address.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && loopback
}

// Keys sign and verify. Their methods may be called at the same time.
type Keys struct {
	o        Options
	set      atomic.Pointer[keySet]
	mu       sync.Mutex   // one change of the folder, or reading of it, at a time
	lastMiss atomic.Int64 // when a token of an unknown key last had the folder read, in Unix seconds
	step     func(string) // told of each step of a change; a seam for tests
}

// Open reads the folder, and makes a first key, which signs at once, where
// there is none and there may be one. Errors name the file that is wrong.
func Open(o Options) (*Keys, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	return open(&Keys{o: o, step: func(string) {}})
}

func open(k *Keys) (*Keys, error) {
	if !k.o.ReadOnly {
		if err := k.locked(k.ensureFirst); err != nil {
			return nil, err
		}
	}
	return k, k.Reload()
}

// Reload reads the folder again. After an error the keys are as they were.
func (k *Keys) Reload() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.reload()
}

func (k *Keys) reload() error {
	keys, err := k.read()
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fmt.Errorf("%s: there is no key in it", k.o.Dir)
	}
	if last := k.set.Load(); last != nil {
		last.handOn(keys)
	}
	set, err := newKeySet(keys, k.o)
	if err == nil {
		k.set.Store(set)
	}
	return err
}

// JWKS returns the key set (RFC 7517) to publish: every key that has signed a
// token that may still live, or will sign. The caller MUST NOT change it.
func (k *Keys) JWKS() []byte { return k.set.Load().jwks }

// Algorithms returns those of the published keys, for discovery.
func (k *Keys) Algorithms() []string { return k.set.Load().algorithms }

// Issuer returns the exact iss.
func (k *Keys) Issuer() string { return k.o.Issuer }
