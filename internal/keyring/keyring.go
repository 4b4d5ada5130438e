// Package keyring is the one door to the places that keep data keys: the
// operating system's keyring and, on Linux, the kernel's.
//
// A data key is 256 random bits under which the cache seals its files. It is
// the only thing that lies in a keyring: it is small, so macOS's line of 4,096
// bytes and Windows' 2,560 never matter, and a hit costs one small read.
//
// Rules:
//
//   - A key's ID is its fingerprint, and a key lies under its own ID. Two keys
//     never share a name, so a new one cannot overwrite an old one whatever a
//     keyring that is locked or hidden answered before.
//   - Every call ends within a deadline, though go-keyring knows none: what
//     does not answer is left behind in its goroutine.
//   - Nothing is started that nobody asked for: no dbus-launch, and no prompt
//     where no person is.
//
// The guarantee ends at the user: software that runs as the same user can ask
// the same keyring.
package keyring

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/kubecred/kubecred/internal/secret"
)

// KeySize is the length of a data key in bytes.
const KeySize = 32

// ID names a data key: the first 16 bytes of a SHA-256 over a label and the
// key. It is no secret; 128 bits do not lead back to 256 random ones.
type ID [16]byte

// String returns 32 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads what String wrote.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != hex.EncodedLen(len(id)) {
		return ID{}, errors.New("a key ID has 32 hexadecimal digits")
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil || id.String() != s {
		return ID{}, errors.New("a key ID has lower-case hexadecimal digits only")
	}
	return id, nil
}

// Key is a data key. It does not print itself.
type Key struct {
	id       ID
	material secret.Text
}

// NewKey makes a key of fresh randomness.
func NewKey() Key {
	raw := make([]byte, KeySize)
	rand.Read(raw) // never fails, says crypto/rand
	return keyOf(raw)
}

// KeyFromBytes makes a key of what Bytes returned.
func KeyFromBytes(raw []byte) (Key, error) {
	if len(raw) != KeySize {
		return Key{}, fmt.Errorf("a data key has %d bytes, not %d", KeySize, len(raw))
	}
	return keyOf(raw), nil
}

func keyOf(raw []byte) Key {
	sum := sha256.Sum256(append([]byte("kubecred data key\x00"), raw...))
	return Key{id: ID(sum[:16]), material: secret.New(string(raw))}
}

// ID returns the key's fingerprint.
func (k Key) ID() ID { return k.id }

// Bytes returns the key itself. It MUST NOT reach a log, an error or a file
// that was not asked for by name.
func (k Key) Bytes() []byte { return []byte(k.material.Reveal()) }

// Equal reports whether both are the same key, in constant time.
func (k Key) Equal(other Key) bool { return k.material.Equal(other.material) }
