package directory

// Passwords as a file of users keeps them: bcrypt ($2y$…) and argon2id in the
// PHC string format ($argon2id$…). The bounds keep out what is guessed fast, and
// what one login could stop a server with.

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/kubecred/kubecred/internal/secret"
)

// hash is a password's.
type hash interface {
	// matches reports whether the password is the right one.
	matches(password string) bool
	// cost tells dear hashes from cheap ones of the same kind; kinds are not
	// compared but for argon2id being dearer.
	cost() int
}

const (
	minBcrypt = 10
	maxBcrypt = 15
	// maxBcryptPassword is what bcrypt looks at, in bytes; a longer password
	// would be right as soon as its beginning is.
	maxBcryptPassword = 72

	minArgonMemory, maxArgonMemory = 7168, 256 << 10 // KiB
	maxArgonTime, maxArgonThreads  = 10, 16
	minArgonSalt, maxArgonBytes    = 8, 64
	minArgonKey                    = 16
)

// parseHash reads a hash. Its error repeats nothing of it.
func parseHash(text string) (hash, error) {
	switch {
	case strings.HasPrefix(text, "$argon2id$"):
		return parseArgon(text)
	case strings.HasPrefix(text, "$2a$"), strings.HasPrefix(text, "$2b$"), strings.HasPrefix(text, "$2y$"):
		return parseBcrypt(text)
	case strings.HasPrefix(text, "$"):
		return nil, errors.New("is of a kind that is not supported; bcrypt and argon2id are")
	}
	return nil, errors.New("is no hash; make one with `htpasswd -nBC 12 NAME`")
}

type bcryptHash struct {
	text []byte
	n    int
}

func parseBcrypt(text string) (hash, error) {
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil || len(text) != 60 {
		return nil, errors.New("is not a bcrypt hash")
	}
	if cost < minBcrypt || cost > maxBcrypt {
		return nil, fmt.Errorf("has a bcrypt cost of %d; %d to %d are accepted", cost, minBcrypt, maxBcrypt)
	}
	return bcryptHash{[]byte(text), cost}, nil
}

func (h bcryptHash) matches(password string) bool {
	right := bcrypt.CompareHashAndPassword(h.text, []byte(password)[:min(len(password), maxBcryptPassword)]) == nil
	return right && len(password) <= maxBcryptPassword
}

func (h bcryptHash) cost() int { return h.n }

type argonHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func parseArgon(text string) (hash, error) {
	bad := errors.New("is not an argon2id hash in the PHC string format")
	parts := strings.Split(text, "$") // "", argon2id, v=19, m=…,t=…,p=…, salt, key
	if len(parts) != 6 || parts[2] != "v=19" {
		return nil, bad
	}
	var h argonHash
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil ||
		parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", h.memory, h.time, h.threads) {
		return nil, bad
	}
	var err, err2 error
	h.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.key, err2 = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err != nil || err2 != nil {
		return nil, bad
	}
	return h, h.check()
}

func (h argonHash) check() error {
	outside := func(n, low, high int) bool { return n < low || n > high }
	switch {
	case outside(int(h.memory), minArgonMemory, maxArgonMemory):
		return fmt.Errorf("takes %d KiB of memory; %d to %d are accepted", h.memory, minArgonMemory, maxArgonMemory)
	case outside(int(h.time), 1, maxArgonTime):
		return fmt.Errorf("takes %d rounds; 1 to %d are accepted", h.time, maxArgonTime)
	case outside(int(h.threads), 1, maxArgonThreads):
		return fmt.Errorf("takes %d threads; 1 to %d are accepted", h.threads, maxArgonThreads)
	case outside(len(h.salt), minArgonSalt, maxArgonBytes), outside(len(h.key), minArgonKey, maxArgonBytes):
		return errors.New("has a salt or a key that is too short or too long")
	}
	return nil
}

func (h argonHash) matches(password string) bool {
	key := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1
}

// cost is above every bcrypt's.
func (h argonHash) cost() int { return 100 + int(h.memory)*int(h.time) }

// hashPassword makes a hash for a user in memory.
func hashPassword(password secret.Text, cost int) (hash, error) {
	text, err := bcrypt.GenerateFromPassword([]byte(password.Reveal()), cost)
	return bcryptHash{text, cost}, err
}

// decoyOf makes a hash that costs what h does and that nobody has the password of.
func decoyOf(h hash) hash {
	switch h := h.(type) {
	case argonHash:
		h.salt, h.key = []byte(rand.Text()), make([]byte, len(h.key))
		rand.Read(h.key)
		return h
	case bcryptHash:
		// The digest is the last 31 characters; the cost and the salt stay.
		const digest = 31
		text := append([]byte(nil), h.text[:len(h.text)-digest]...)
		for range digest {
			text = append(text, '.')
		}
		return bcryptHash{text, h.n}
	}
	return h
}

// hashing bounds the hashes that are computed at once: more would take no less
// time, and each of argon2id's takes its memory.
type hashing chan struct{}

func newHashing() hashing { return make(hashing, runtime.GOMAXPROCS(0)) }

func (h hashing) matches(ctx context.Context, of hash, password string) (bool, error) {
	if of == nil { // there are no users at all
		return false, nil
	}
	select {
	case h <- struct{}{}:
		defer func() { <-h }()
		return of.matches(password), nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
