package cache

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/keyring"
	ring "github.com/zalando/go-keyring"
)

// narrowRing takes what fits, and has go-keyring's error for the rest.
type narrowRing struct {
	items map[string]string
	fits  func(service, user, value string) bool
}

func (r narrowRing) Get(service, user string) (string, error) {
	value, ok := r.items[service+" "+user]
	if !ok {
		return "", ring.ErrNotFound
	}
	return value, nil
}

func (r narrowRing) Set(service, user, value string) error {
	if !r.fits(service, user, value) {
		return ring.ErrSetDataTooBig
	}
	r.items[service+" "+user] = value
	return nil
}

// fitsWindows: a credential's blob has at most 2,560 bytes.
func fitsWindows(_, _, value string) bool { return len(value) <= 2560 }

// fitsMacOS: the line for the security tool has at most 4,096 bytes, and the
// value stands there in base64.
func fitsMacOS(service, user, value string) bool {
	line := "add-generic-password -U -s " + service + " -a " + user + " -w go-keyring-base64:" +
		base64.StdEncoding.EncodeToString([]byte(value)) + "\n"
	return len(line) <= 4096
}

// Test 5: any size fits on every system.
func TestBigCredentialsFitANarrowKeyring(t *testing.T) {
	t.Parallel()
	payloads := map[string]string{
		"a token with 2,000 groups": strings.Repeat("eyJhbGciOiJFUzI1NiJ9.groups-and-more", 64<<10/36+1),
		"an RSA-4096 pair":          rsaPair(t),
		"one byte":                  "x",
	}
	for system, fits := range map[string]func(service, user, value string) bool{"Windows": fitsWindows, "macOS": fitsMacOS} {
		t.Run(system, func(t *testing.T) {
			narrow := narrowRing{map[string]string{}, fits}
			if narrow.Set("s", "u", payloads["an RSA-4096 pair"]) == nil {
				t.Fatal("the fake keyring takes anything")
			}
			dir := filepath.Join(t.TempDir(), "kubecred")
			reopen := func() *Store {
				return openStore(t, Options{Dir: dir, Storage: Keyring, Keys: keyring.NewOS(keyring.Options{Ring: narrow})})
			}
			for name, payload := range payloads {
				id := NewID([]byte(name))
				mustSave(t, reopen(), id, record(payload))
				wantLoad(t, reopen(), id, record(payload))
			}
			if len(narrow.items) != 1 {
				t.Errorf("%d items in the keyring, want the data key alone", len(narrow.items))
			}
		})
	}
}

func rsaPair(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, certErr := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	private, keyErr := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(certErr, keyErr); err != nil {
		t.Fatal(err)
	}
	return string(slices.Concat(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	))
}

func TestKeyringIsReadOnceForManyEntries(t *testing.T) {
	counted := &counter{Memory: keyring.NewMemory()}
	dir := filepath.Join(t.TempDir(), "kubecred")
	s := openStore(t, Options{Dir: dir, Storage: Keyring, Keys: counted})
	for _, name := range []string{"a", "b", "c"} {
		mustSave(t, s, NewID([]byte(name)), record(name))
	}
	counted.gets = 0
	fresh := openStore(t, Options{Dir: dir, Storage: Keyring, Keys: counted})
	if items, err := fresh.List(context.Background()); err != nil || len(items) != 3 || counted.gets != 1 {
		t.Errorf("%d items, %v, after %d reads of the keyring", len(items), err, counted.gets)
	}
}

type counter struct {
	*keyring.Memory
	gets int
}

func (c *counter) Get(ctx context.Context, id keyring.ID) (keyring.Key, error) {
	c.gets++
	return c.Memory.Get(ctx, id)
}
