package cache

// The format of an entry. The header is clear, all else is sealed:
//
//	8 bytes   "KUBECRED"
//	1         version
//	1         home of the data key
//	16        ID (fingerprint) of the data key
//	12        nonce, random
//	n + 16    AES-256-GCM of: Unix seconds (8 bytes, big endian),
//	          nanoseconds (4), payload
//
// The AES key is HKDF-SHA256 of the data key with the entry's ID as info, so
// that random nonces are counted per entry. The additional data is the header
// and the ID: a file that was renamed, swapped with another or moved to
// another home does not open.

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/kubecred/kubecred/internal/keyring"
)

const (
	magic      = "KUBECRED"
	version    = 1
	headerSize = len(magic) + 2 + len(keyring.ID{})
	expirySize = 12
	maxFile    = 1 << 20
)

var (
	errNotOurs = errors.New("it is not an entry")
	errDamaged = errors.New("it is damaged, or belongs to another entry")
)

// newerError carries the version of a format from the future.
type newerError int

func (newerError) Error() string { return "a newer format" }

func homeByte(h Home) byte {
	switch h {
	case InKeyring:
		return 1
	case InKernel:
		return 2
	case InFile:
		return 3
	}
	return 0
}

// parseHeader returns the ID of the data key. Errors: errNotOurs, newerError.
func parseHeader(data []byte) (keyring.ID, error) {
	if len(data) <= len(magic) || string(data[:len(magic)]) != magic {
		return keyring.ID{}, errNotOurs
	}
	if v := data[len(magic)]; v > version {
		return keyring.ID{}, newerError(v)
	}
	if len(data) < headerSize || data[len(magic)] != version {
		return keyring.ID{}, errNotOurs
	}
	return keyring.ID(data[headerSize-len(keyring.ID{}) : headerSize]), nil
}

func seal(key keyring.Key, home Home, id ID, r Record) ([]byte, error) {
	keyID := key.ID()
	header := slices.Concat([]byte(magic), []byte{version, homeByte(home)}, keyID[:])
	aead, err := entryCipher(key, id)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, 0, expirySize+len(r.Payload))
	plain = binary.BigEndian.AppendUint64(plain, uint64(r.Expiry.Unix()))
	plain = binary.BigEndian.AppendUint32(plain, uint32(r.Expiry.Nanosecond()))
	plain = append(plain, r.Payload...)
	return aead.Seal(header, nil, plain, additional(header, id)), nil
}

// open is seal undone. Its only errors are errDamaged and parseHeader's.
func open(key keyring.Key, home Home, id ID, data []byte) (Record, error) {
	keyID, err := parseHeader(data)
	if err != nil {
		return Record{}, err
	}
	header := data[:headerSize]
	if keyID != key.ID() || header[len(magic)+1] != homeByte(home) {
		return Record{}, errDamaged
	}
	aead, err := entryCipher(key, id)
	if err != nil {
		return Record{}, errDamaged
	}
	plain, err := aead.Open(nil, nil, data[headerSize:], additional(header, id))
	if err != nil || len(plain) < expirySize {
		return Record{}, errDamaged
	}
	seconds := int64(binary.BigEndian.Uint64(plain))
	nanoseconds := int64(binary.BigEndian.Uint32(plain[8:]))
	return Record{Payload: plain[expirySize:], Expiry: time.Unix(seconds, nanoseconds).UTC()}, nil
}

func additional(header []byte, id ID) []byte { return slices.Concat(header, id[:]) }

func entryCipher(key keyring.Key, id ID) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key.Bytes(), nil, "kubecred entry\x00"+string(id[:]), keyring.KeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
