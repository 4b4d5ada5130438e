// Package cache keeps sealed entries: opaque bytes with an expiry, one file
// each, shared by any number of processes of one user.
//
// An entry is sealed with AES-256-GCM under a data key. The data key lies in
// the OS keyring; where Linux has none, in the kernel's; or, only when asked
// for by name, in a file beside the entries. Each of these homes has a folder
// of its own, so that no storage mode touches another's entries:
//
//	DIR/keyring/  DIR/kernel/  DIR/file/   entries, named by their ID
//	DIR/locks/                             lock files, never unlinked
//	DIR/notes/                             notes, where there is no runtime folder
//
// Rules:
//
//   - Load takes no lock and writes nothing. Save and Remove are called under
//     Lock, and after Lock an entry is read again.
//   - What cannot be opened is never overwritten and never deleted. Save
//     renames it aside. A newer format is refused.
//   - A keyring that is locked, absent or silent is an error and changes no
//     file; it is not a miss, and there is no silent way to a weaker home.
//
// Where the guarantee ends. Many processes on one machine: yes. Network file
// systems: no, their locks and renames promise less, and two machines that
// share a folder do not share a keyring. Backups, copied disks and other users
// see nothing in the homes keyring and kernel; in the home file they do if
// they can read the file. Software that runs as the same user, and root: no
// protection in any home.
package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// MaxPayload bounds what one entry holds, in bytes.
const MaxPayload = 1<<20 - 4096

// ID names an entry.
type ID [sha256.Size]byte

// NewID returns the ID of what canonical describes: an encoding, with its
// version, of everything that changes the credential.
func NewID(canonical []byte) ID { return sha256.Sum256(canonical) }

// String returns 64 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// LogValue is String: slog's JSON would write a list of numbers.
func (id ID) LogValue() slog.Value { return slog.StringValue(id.String()) }

// ParseID reads what String wrote.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != hex.EncodedLen(len(id)) {
		return ID{}, errors.New("an entry's ID has 64 hexadecimal digits")
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil || id.String() != s {
		return ID{}, errors.New("an entry's ID has lower-case hexadecimal digits only")
	}
	return id, nil
}

// Record is what an entry holds. The cache looks at neither field.
type Record struct {
	Payload []byte    // at most MaxPayload bytes
	Expiry  time.Time // of the credential, kept in UTC; zero is never
}

// Storage is a mode of storage, as a person names it.
type Storage string

// The modes. Auto is Keyring, and on Linux, where there is no keyring at all,
// the kernel's. None stores nothing.
const (
	Auto    Storage = "auto"
	Keyring Storage = "keyring"
	File    Storage = "file"
	None    Storage = "none"
)

// ParseStorage reads a mode. "" is Auto, "disk" is File (int128/kubelogin's
// word).
func ParseStorage(s string) (Storage, error) {
	switch mode := Storage(s); mode {
	case "":
		return Auto, nil
	case "disk":
		return File, nil
	case Auto, Keyring, File, None:
		return mode, nil
	}
	return "", fmt.Errorf("unknown storage %q: use auto, keyring, file or none", s)
}

// Home is where a data key lies; also the name of its folder.
type Home string

// The homes.
const (
	InKeyring Home = "keyring" // the OS keyring
	InKernel  Home = "kernel"  // the Linux kernel's, for 12 hours
	InFile    Home = "file"    // a file beside the entries
	Nowhere   Home = "none"    // nothing is stored
)
