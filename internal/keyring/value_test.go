package keyring

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
)

func TestValueAndNamesFitEverywhere(t *testing.T) {
	key := NewKey()
	value, name := encodeValue(key), itemName(key.ID())
	plain := regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	for _, s := range []string{service, name, value} {
		if !plain.MatchString(s) {
			t.Errorf("%q has other characters than [A-Za-z0-9._-]", s)
		}
	}
	if len(value) > 2560 {
		t.Errorf("%d bytes are too many for Windows", len(value))
	}
	line := "add-generic-password -U -s " + service + " -a " + name + " -w " +
		macOSPrefix + base64.StdEncoding.EncodeToString([]byte(value)) + "\n"
	if len(line) > 4096 {
		t.Errorf("%d bytes are too many for a line on macOS", len(line))
	}
}

func TestDecodeValue(t *testing.T) {
	key := NewKey()
	value := encodeValue(key)
	mac := macOSPrefix + base64.StdEncoding.EncodeToString([]byte(value))
	tests := []struct {
		name, text string
		id         ID
		want       bool
	}{
		{"as written", value, key.ID(), true},
		{"with space around it", " " + value + "\n", key.ID(), true},
		{"macOS, noise before", "security: warning: odd\n" + mac, key.ID(), true},
		{"macOS, noise after", mac + "\nsecurity: warning: odd", key.ID(), true},
		{"another key's ID", value, NewKey().ID(), false},
		{"another key", encodeValue(NewKey()), key.ID(), false},
		{"cut off", value[:len(value)-2], key.ID(), false},
		{"one character changed", strings.Replace(value, value[10:11], string(value[10]^1), 1), key.ID(), false},
		{"another version", "kc2." + value[4:], key.ID(), false},
		{"empty", "", key.ID(), false},
		{"macOS, damaged", macOSPrefix + "!!", key.ID(), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := decodeValue(test.text, test.id)
			if ok != test.want || ok && !got.Equal(key) {
				t.Errorf("decodeValue = %v", ok)
			}
		})
	}
}

func FuzzParseID(f *testing.F) {
	id := NewKey().ID().String()
	f.Add(id)
	f.Add(strings.ToUpper(id))
	f.Add(id[1:])
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseID(s); err == nil && id.String() != s {
			t.Errorf("%q was read as %s", s, id)
		}
	})
}

func FuzzDecodeValue(f *testing.F) {
	key := keyOf([]byte(strings.Repeat("k", KeySize)))
	id := key.ID()
	f.Add(encodeValue(key), id[:])
	f.Add(macOSPrefix+base64.StdEncoding.EncodeToString([]byte(encodeValue(key))), id[:])
	f.Add("kc1.", id[:])
	f.Fuzz(func(t *testing.T, text string, raw []byte) {
		var id ID
		copy(id[:], raw)
		if got, ok := decodeValue(text, id); ok && (got.ID() != id || len(got.Bytes()) != KeySize) {
			t.Error("a key that is not the one of that ID")
		}
	})
}
