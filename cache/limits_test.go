package cache

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
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

// narrowRing has the limits of Windows (2,560 bytes) and of macOS (a line of
// 4,096).
type narrowRing map[string]string

func (r narrowRing) Get(service, user string) (string, error) {
	value, ok := r[service+" "+user]
	if !ok {
		return "", ring.ErrNotFound
	}
	return value, nil
}

func (r narrowRing) Set(service, user, value string) error {
	line := len("add-generic-password -U -s  -a  -w go-keyring-base64:\n") + len(service) + len(user) + (len(value)+2)/3*4
	if len(value) > 2560 || line > 4096 {
		return ring.ErrSetDataTooBig
	}
	r[service+" "+user] = value
	return nil
}

// Test 5: any size fits on every system.
func TestBigCredentialsFitANarrowKeyring(t *testing.T) {
	t.Parallel()
	narrow := narrowRing{}
	if narrow.Set("s", "u", strings.Repeat("x", 3000)) == nil {
		t.Fatal("the fake keyring takes anything")
	}
	dir := filepath.Join(t.TempDir(), "kubecred")
	reopen := func() *Store {
		return openStore(t, Options{Dir: dir, Storage: Keyring, Keys: keyring.NewOS(keyring.Options{Ring: narrow})})
	}
	for name, payload := range map[string]string{
		"a token with 2,000 groups": strings.Repeat("eyJhbGciOiJFUzI1NiJ9.groups-and-more", 64<<10/36+1),
		"an RSA-4096 pair":          rsaPair(t),
		"one byte":                  "x",
	} {
		id := NewID([]byte(name))
		mustSave(t, reopen(), id, record(payload))
		wantLoad(t, reopen(), id, record(payload))
	}
	if len(narrow) != 1 {
		t.Errorf("%d items in the keyring, want the data key alone", len(narrow))
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
