package cmd

// A password that is kept somewhere and was refused is not sent again until it
// changes, by no process and for no entry: a file that is out of date must not
// lock an account. What is remembered is a salted hash that takes long to
// compute, sealed as entries are. With --token-cache-storage=none nothing is,
// and only signin's pauses are between the tries.

import (
	"bytes"
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/signin"
)

// refusalRounds make a guess cost a fifth of a second or so: the refused
// password may be nearly the right one.
const refusalRounds = 600_000

// refusal is what is sealed of a refused password.
type refusal struct {
	Refused *refusedHash `json:"refused"`
}

type refusedHash struct {
	Rounds int    `json:"rounds"`
	Salt   []byte `json:"salt"`
	Sum    []byte `json:"sum"`
}

// refusalID is one for a user name at an address, whatever the entry.
func refusalID(to *url.URL, name string) cache.ID {
	address := to.Scheme + "://" + strings.ToLower(to.Host) + strings.TrimSuffix(to.Path, "/")
	return cache.NewID(fmt.Appendf(nil, "kubecred refused password 1\n%d:%s\n%d:%s\n", len(address), address, len(name), name))
}

// isRefusal tells a refusal from an entry.
func isRefusal(r cache.Record) bool {
	if !bytes.HasPrefix(r.Payload, []byte(`{"refused"`)) {
		return false
	}
	var held refusal
	return json.Unmarshal(r.Payload, &held) == nil && held.Refused != nil
}

// staleError is a kept password that was refused before.
type staleError struct{ host string }

func (e *staleError) Error() string {
	return e.host + " refused this very password before, so it is not sent again"
}

// Is makes it the signin.ErrNotBegun that it is: nothing was sent.
func (*staleError) Is(target error) bool { return target == signin.ErrNotBegun }

// sendKept signs in with a password that is kept, one process at a time, unless
// it was refused before. A person who asks for a login by name may know better.
func (p *passwords) sendKept(ctx context.Context, to *url.URL, name string, password secret.Text, sign func(string, secret.Text) error) error {
	id := refusalID(to, name)
	unlock, err := p.store.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	if !p.deliberate && p.refusedBefore(ctx, id, password) {
		return &staleError{to.Host}
	}
	err = judged(sign(name, password), true)
	ctx = context.WithoutCancel(ctx)
	switch _, wrong := err.(*wrongPasswordError); {
	case wrong:
		p.noteRefusal(ctx, id, password)
	case err == nil:
		if err := p.store.Remove(ctx, id); err != nil {
			p.app.log.Info("a refused password could not be forgotten", "error", err)
		}
	}
	return err
}

func (p *passwords) refusedBefore(ctx context.Context, id cache.ID, password secret.Text) bool {
	record, err := p.store.Load(ctx, id)
	var held refusal
	if err != nil || json.Unmarshal(record.Payload, &held) != nil || held.Refused == nil {
		return false
	}
	sum, err := hash(password, held.Refused.Salt, held.Refused.Rounds)
	return err == nil && subtle.ConstantTimeCompare(sum, held.Refused.Sum) == 1
}

func (p *passwords) noteRefusal(ctx context.Context, id cache.ID, password secret.Text) {
	salt := make([]byte, sha256.Size)
	rand.Read(salt) // never fails
	rounds := p.app.hashRounds
	sum, err := hash(password, salt, rounds)
	var data []byte
	if err == nil {
		data, err = json.Marshal(refusal{&refusedHash{rounds, salt, sum}})
	}
	if err == nil {
		err = p.store.Save(ctx, id, cache.Record{Payload: data})
	}
	if err != nil {
		p.app.log.Info("a refused password could not be remembered", "error", err)
	}
}

func hash(password secret.Text, salt []byte, rounds int) ([]byte, error) {
	return pbkdf2.Key(sha256.New, password.Reveal(), salt, rounds, sha256.Size)
}
