package cache

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/keyring"
)

func sealed(t testing.TB, key keyring.Key, r Record) []byte {
	t.Helper()
	data, err := seal(key, InFile, entry, r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSealedIsOpenedAsItWas(t *testing.T) {
	key := keyring.NewKey()
	for _, r := range []Record{
		{},
		{Payload: []byte{0}, Expiry: time.Unix(0, 0)},
		{Payload: []byte("token"), Expiry: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.FixedZone("", 3600))},
		{Payload: bytes.Repeat([]byte("x"), MaxPayload), Expiry: time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)},
	} {
		data := sealed(t, key, r)
		if len(data) > maxFile {
			t.Errorf("a file of %d bytes for a payload of %d", len(data), len(r.Payload))
		}
		got, err := open(key, InFile, entry, data)
		if err != nil || !bytes.Equal(got.Payload, r.Payload) || !got.Expiry.Equal(r.Expiry) || got.Expiry.IsZero() != r.Expiry.IsZero() {
			t.Errorf("open = %d bytes, %v, %v; want %d bytes, %v", len(got.Payload), got.Expiry, err, len(r.Payload), r.Expiry)
		}
	}
}

func TestNothingButTheKeyIDIsClear(t *testing.T) {
	key := keyring.NewKey()
	r := record("payload-canary")
	one, two := sealed(t, key, r), sealed(t, key, r)
	if !bytes.Equal(one[:headerSize], two[:headerSize]) || bytes.Equal(one[headerSize:], two[headerSize:]) {
		t.Error("the header should repeat, the rest never")
	}
	for _, clear := range []string{"payload-canary", string(entry[:]), entry.String(), string(key.Bytes())} {
		if bytes.Contains(one, []byte(clear)) {
			t.Errorf("%q is clear", clear)
		}
	}
}

func TestAnyChangeIsFound(t *testing.T) {
	key := keyring.NewKey()
	good := sealed(t, key, record("token"))
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if i == len(magic) {
			bad[i] = 0 // the version; a later one is its own error
		}
		if _, err := open(key, InFile, entry, bad); err == nil {
			t.Errorf("byte %d was changed and it opens", i)
		}
	}
	for n := range len(good) {
		if _, err := open(key, InFile, entry, good[:n]); err == nil {
			t.Errorf("cut to %d bytes it opens", n)
		}
	}
	if _, err := open(key, InFile, entry, append(bytes.Clone(good), 0)); err == nil {
		t.Error("with a byte more it opens")
	}
}

func TestAnotherEntryHomeOrKeyDoesNotOpen(t *testing.T) {
	key := keyring.NewKey()
	data := sealed(t, key, record("token"))
	if _, err := open(key, InFile, NewID([]byte("other")), data); !errors.Is(err, errDamaged) {
		t.Errorf("under another entry's name: %v", err)
	}
	if _, err := open(key, InKeyring, entry, data); !errors.Is(err, errDamaged) {
		t.Errorf("in another home: %v", err)
	}
	if _, err := open(keyring.NewKey(), InFile, entry, data); !errors.Is(err, errDamaged) {
		t.Errorf("with another key: %v", err)
	}
	moved := bytes.Clone(data)
	moved[len(magic)+1] = homeByte(InKeyring)
	if _, err := open(key, InKeyring, entry, moved); !errors.Is(err, errDamaged) {
		t.Errorf("with the home's byte changed: %v", err)
	}
}

func TestNewerFormatIsToldApart(t *testing.T) {
	var newer newerError
	data := sealed(t, keyring.NewKey(), record("token"))
	data[len(magic)] = version + 1
	for _, newerData := range [][]byte{data, data[:len(magic)+1]} {
		if _, err := parseHeader(newerData); !errors.As(err, &newer) || newer != version+1 {
			t.Errorf("parseHeader: %v", err)
		}
	}
}

// Whatever lies in the folder, reading it is safe, and only what was sealed
// under the key for this entry opens.
func FuzzOpen(f *testing.F) {
	key, err := keyring.KeyFromBytes([]byte(strings.Repeat("k", keyring.KeySize)))
	if err != nil {
		f.Fatal(err)
	}
	good := sealed(f, key, record("token"))
	f.Add(good)
	f.Add(good[:headerSize])
	f.Add([]byte(magic + "\x02"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := open(key, InFile, entry, data)
		var newer newerError
		switch {
		case err == nil && !bytes.Equal(r.Payload, []byte("token")):
			t.Errorf("a forged entry opens: %q", r.Payload)
		case err != nil && !errors.Is(err, errDamaged) && !errors.Is(err, errNotOurs) && !errors.As(err, &newer):
			t.Errorf("an unknown error: %v", err)
		}
	})
}
