package signin

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/secret"
)

// Credential is what a cluster accepts: a token, or a certificate and its
// key, or both.
type Credential struct {
	Token             secret.Text
	ClientCertificate string // PEM, leaf first
	ClientKey         secret.Text
	Issued            time.Time
	Expiry            time.Time // zero: never
}

const (
	// least is how long a credential must live on to be of any use: its
	// timestamp is whole seconds and a little early (package execcred).
	least = 2 * time.Second
	// earlyBy is when to renew: Python's client asks again five minutes before
	// the end, so a later renewal would serve it the same credential again
	// and again.
	earlyBy = 5*time.Minute + 10*time.Second
)

func (c Credential) empty() bool { return c.Token.Empty() && c.ClientCertificate == "" }

// lives reports whether c can be used at now. A credential that says it was
// issued in the future (a clock set back) lives by its end alone.
func (c Credential) lives(now time.Time) bool {
	return !c.empty() && (c.Expiry.IsZero() || c.Expiry.Sub(now) > least)
}

// wantsRenewal reports whether less than min(5m10s, a third of its lifetime)
// remains.
func (c Credential) wantsRenewal(now time.Time) bool {
	if c.Expiry.IsZero() {
		return false
	}
	return c.Expiry.Sub(now) < min(earlyBy, c.Expiry.Sub(c.Issued)/3)
}

// entry is what the cache seals: a grant.
type entry Grant

// wire is an entry's form inside its sealed file. Fields may be added; their
// meaning must not change.
type wire struct {
	Token       string    `json:"token,omitempty"`
	Certificate string    `json:"certificate,omitempty"`
	Key         string    `json:"key,omitempty"`
	Issued      time.Time `json:"issued"`
	Session     []byte    `json:"session,omitempty"`
	About       []byte    `json:"about,omitempty"`
}

func (e entry) encode() (cache.Record, error) {
	payload, err := json.Marshal(wire{
		Token:       e.Credential.Token.Reveal(),
		Certificate: e.Credential.ClientCertificate,
		Key:         e.Credential.ClientKey.Reveal(),
		Issued:      e.Credential.Issued.UTC(),
		Session:     e.Session,
		About:       e.About,
	})
	return cache.Record{Payload: payload, Expiry: e.Credential.Expiry}, err
}

// decode reads what encode wrote. A payload that cannot be read is an empty
// entry, and so a miss: the seal was good, so no one tampered, and a login
// writes it anew.
func decode(r cache.Record) entry {
	var w wire
	if json.Unmarshal(r.Payload, &w) != nil {
		return entry{}
	}
	return entry{
		Credential: Credential{
			Token:             secret.New(w.Token),
			ClientCertificate: w.Certificate,
			ClientKey:         secret.New(w.Key),
			Issued:            w.Issued,
			Expiry:            r.Expiry,
		},
		Session: w.Session,
		About:   w.About,
	}
}

// Write returns what Read reads, of a grant that came from elsewhere than an
// Authenticator.
func Write(g Grant) (cache.Record, error) { return entry(g).encode() }

// Read returns what a cached record holds, for status and logout.
func Read(r cache.Record) (Grant, error) {
	e := decode(r)
	if e.Credential.empty() && len(e.Session) == 0 && len(e.About) == 0 {
		return Grant{}, fmt.Errorf("the entry holds nothing that this version can read")
	}
	return Grant(e), nil
}
