package keyring

import (
	"encoding/base64"
	"strings"
)

// How a key lies in an OS keyring. Names and values are [A-Za-z0-9._-] only:
// on macOS go-keyring sends them through one shell-like line.
const (
	service     = "kubecred"
	valuePrefix = "kc1."
	// macOSPrefix is what go-keyring puts before a value on macOS. It takes
	// it off again unless the security tool printed a warning before it.
	macOSPrefix = "go-keyring-base64:"
)

func itemName(id ID) string { return "data-key-" + id.String() }

func encodeValue(k Key) string {
	return valuePrefix + base64.RawURLEncoding.EncodeToString(k.Bytes())
}

// decodeValue finds the key with the ID in an item's text. The fingerprint
// decides; noise around the value on macOS does no harm.
func decodeValue(text string, id ID) (Key, bool) {
	if _, after, found := strings.Cut(text, macOSPrefix); found {
		line, _, _ := strings.Cut(after, "\n")
		inner, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		if err != nil {
			return Key{}, false
		}
		text = string(inner)
	}
	encoded, found := strings.CutPrefix(strings.TrimSpace(text), valuePrefix)
	if !found {
		return Key{}, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return Key{}, false
	}
	key, err := KeyFromBytes(raw)
	return key, err == nil && key.ID() == id
}
