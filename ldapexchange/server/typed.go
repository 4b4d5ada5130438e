package server

// What was typed for a user name. People type passwords there, so that it is
// told only once the directory knows the name.

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// nameKey is of the process and lies nowhere else: with what lies on a disk
// nobody can try passwords against the digests of an audit.
type nameKey [sha256.Size]byte

func newNameKey() *nameKey {
	k := new(nameKey)
	_, _ = rand.Read(k[:]) // never fails: crypto/rand's own promise
	return k
}

// digest stands for a name in the audit, until the process ends: four bytes are
// enough to see that failures are of one name, however its case was typed.
func (k *nameKey) digest(name string) string {
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte(strings.ToLower(strings.TrimSpace(name[:min(len(name), maxName)]))))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// sayTyped tells of a sign-in's name by its digest, and keeps it out of the log.
func (c *call) sayTyped(name string) {
	c.hide(name)
	c.say("name_digest", c.s.nameKey.digest(name))
}

// sayKnown tells the name itself where the directory knows it: as the directory
// has it, or, of an account that may not sign in, as it was typed.
func (c *call) sayKnown(typed string, who Identity, r *refusal) {
	switch {
	case r == nil:
		c.say("name", who.Name)
	case r.isAccounts() && r.reason != "gone":
		c.say("name", typed)
	}
}
