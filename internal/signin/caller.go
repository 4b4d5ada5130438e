package signin

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Caller is who runs this program, as far as that can be told.
type Caller struct {
	// Parent names the client that started this process, and no other process
	// ever. Empty is no client: a person or a script runs the program itself.
	Parent string
	// Call stands for the parent and all that it said: the arguments, and
	// what the client told of itself. Zero is a caller of whom nothing
	// follows when they ask again.
	Call [sha256.Size]byte
	// Attended: a person sits at a terminal and may be asked.
	Attended bool
}

// A client whose request was refused (401) runs its plugin again, and does not
// tell it why. But a client keeps a credential until it expires, so one and
// the same caller who asks again for what they were given, long before its
// end, has probably been refused with it: the issuer's keys were exchanged, or
// the token was revoked. One renewal then may save a person a login. The guess
// can be wrong, as with a process that has many contexts and asks for each, so
// what it may cost is bounded: one renewal in every guessWindow, which asks no
// person and keeps nobody waiting.

// guessWindow is how often a refusal is guessed for one entry.
const guessWindow = 10 * time.Minute

// handed notes that the caller has c now, and reports whether they had it
// before, and so were probably refused with it.
func (f *Flow) handed(c Credential) bool {
	return f.Caller.Call != [sha256.Size]byte{} && f.Store.Handed(f.handing(c))
}

// handing stands for one credential in the hands of one caller.
func (f *Flow) handing(c Credential) [sha256.Size]byte {
	text := append(f.ID[:], f.Caller.Call[:]...)
	text = binary.BigEndian.AppendUint64(text, uint64(c.Issued.UnixNano()))
	text = binary.BigEndian.AppendUint64(text, uint64(c.Expiry.UnixNano()))
	return sha256.Sum256(text)
}

const (
	// asideLimit bounds a renewal that nobody needs yet.
	asideLimit = 2 * time.Second
	// earlyWindow is how long a failed early renewal is left alone.
	earlyWindow = time.Minute
)

// renewAside tries to renew a credential that still lives, and returns one
// that lives whatever goes wrong. It waits for nobody: who holds the lock is
// renewing it already.
func (f *Flow) renewAside(ctx context.Context, w *Work) Credential {
	ctx, cancel := context.WithTimeout(ctx, asideLimit)
	defer cancel()
	unlock, ok, err := f.Store.TryLock(f.ID)
	if err != nil || !ok {
		f.Log.Info("renewal left to another", "entry", f.ID, "error", err)
		return w.held.Credential
	}
	defer unlock()
	again, err := f.load(ctx)
	switch {
	case err != nil || !again.Credential.lives(f.Now()):
		return w.held.Credential
	case f.handing(again.Credential) != f.handing(w.held.Credential), f.memo().tried(w.why, f.Now()):
		return again.Credential // another was faster
	case !f.keeps(ctx):
		return again.Credential
	case w.why == refused && !f.note(func(m *memo) { m.Guessed = moment{f.Now()} }):
		return again.Credential // nothing would bound what guesses cost
	}
	cred, err := f.refresh(ctx, again)
	if err != nil {
		f.Log.Info("renewal failed", "entry", f.ID, "because", string(w.why), "error", err)
		f.note(func(m *memo) { m.Early = moment{f.Now()} })
		return again.Credential
	}
	return cred
}

// keeps reports whether a renewed session could be stored. One that cannot is
// lost, with a provider that rotates: a high price for what nobody needs yet.
func (f *Flow) keeps(ctx context.Context) bool {
	_, err := f.Store.Prepare(ctx)
	if err != nil {
		f.Log.Info("renewal left alone", "entry", f.ID, "error", err)
	}
	return err == nil
}
