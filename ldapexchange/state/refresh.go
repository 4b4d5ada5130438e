package state

// Refresh tokens. One is
//
//	kcrt_ base64url( session 32 bytes | secret 32 | tag 16 )
//
// The session finds the entry, in which the SHA-256 of the secret that is good
// now lies. The tag is an HMAC under a key of the session's over all before it:
// it tells a token that we issued once from one that somebody made up, without
// a list of those that were. So a spent token is known for as long as its
// session lives, and a stranger who knows a session's ID, which is in tokens,
// cannot end it by a guess. Who reads the store can make tags but no secrets:
// can end sessions, which whoever reads it may do anyway, but not use them.
//
// The next secret is an HMAC of the one before, under a salt that the rotation
// draws and stores. So the answer to a token that was just spent can be given
// once more, which the store alone could not: see Grace. (Who has both the
// store and the token before the good one can do so too.)

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/kubecred/kubecred/internal/secret"
)

const (
	tokenPrefix = "kcrt_" // lets scanners of leaked secrets find it
	idSize      = 32      // of a session: 16 bytes of its user's hash, 16 random
	secretSize  = 32
	tagSize     = 16
	tokenSize   = idSize + secretSize + tagSize
)

// refreshToken is one in its parts.
type refreshToken struct {
	session [idSize]byte
	secret  [secretSize]byte
	tag     [tagSize]byte
}

// parseRefresh reads a token's form, and says whether it has one.
func parseRefresh(text secret.Text) (t refreshToken, ok bool) {
	encoded, ok := strings.CutPrefix(text.Reveal(), tokenPrefix)
	if !ok || len(encoded) != base64.RawURLEncoding.EncodedLen(tokenSize) || strings.ContainsAny(encoded, "\r\n") {
		return t, false
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return t, false
	}
	data = data[copy(t.session[:], data):]
	data = data[copy(t.secret[:], data):]
	copy(t.tag[:], data)
	return t, true
}

func (t refreshToken) text(tagKey []byte) secret.Text {
	tag := t.mark(tagKey)
	return secret.New(tokenPrefix + base64.RawURLEncoding.EncodeToString(append(t.signed(), tag...)))
}

func (t refreshToken) signed() []byte {
	return append(append(make([]byte, 0, tokenSize), t.session[:]...), t.secret[:]...)
}

func (t refreshToken) mark(tagKey []byte) []byte {
	mac := hmac.New(sha256.New, tagKey)
	mac.Write(t.signed())
	return mac.Sum(nil)[:tagSize]
}

// issued: the session's key made the tag.
func (t refreshToken) issued(tagKey []byte) bool {
	return subtle.ConstantTimeCompare(t.tag[:], t.mark(tagKey)) == 1
}

func (t refreshToken) hash() []byte {
	sum := sha256.Sum256(t.secret[:])
	return sum[:]
}

// next is the token that follows this one under a salt.
func (t refreshToken) next(salt []byte) refreshToken {
	mac := hmac.New(sha256.New, t.secret[:])
	mac.Write([]byte("kubecred refresh token"))
	mac.Write(salt)
	n := refreshToken{session: t.session}
	copy(n.secret[:], mac.Sum(nil))
	return n
}

func randomBytes(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.Read(data) // never fails: crypto/rand's own promise
	return data
}

// userHash is the part of a key that stands for a user.
func userHash(user string) []byte {
	sum := sha256.Sum256([]byte("kubecred user\x00" + user))
	return sum[:idSize/2]
}
