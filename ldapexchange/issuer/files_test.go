package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/private"
)

func pemOf(t *testing.T, kind string, headers map[string]string, der []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: der})
}

func pkcs8(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pemOf(t, "PRIVATE KEY", nil, der, err)
}

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyFilesOfOthers(t *testing.T) {
	t.Parallel()
	now := newClock()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	_, edKey, edErr := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err, edErr); err != nil {
		t.Fatal(err)
	}
	p256, p384 := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P384())
	sec1, sec1Err := x509.MarshalECPrivateKey(p256)
	right := pkcs8(t, p256)
	tests := []struct {
		name  string
		data  []byte
		mode  os.FileMode
		wrong string
	}{
		{"PKCS #8", right, 0o600, ""},
		{"PKCS #1", pemOf(t, "RSA PRIVATE KEY", nil, x509.MarshalPKCS1PrivateKey(rsaKey), nil), 0o600, ""},
		{"SEC 1", pemOf(t, "EC PRIVATE KEY", nil, sec1, sec1Err), 0o600, ""},
		{"with a time", append([]byte("a word\nSigns-From: 2026-11-24T07:00:00Z \n"), right...), 0o600, ""},
		{"Ed25519", pkcs8(t, edKey), 0o600, "does not take"},
		{"P-384", pkcs8(t, p384), 0o600, "does not take"},
		{"encrypted", pemOf(t, "ENCRYPTED PRIVATE KEY", nil, []byte("x"), nil), 0o600, "encrypted"},
		{"encrypted, the old way", pemOf(t, "RSA PRIVATE KEY", map[string]string{"Proc-Type": "4,ENCRYPTED"}, []byte("x"), nil), 0o600, "encrypted"},
		{"a public key", pemOf(t, "PUBLIC KEY", nil, []byte("x"), nil), 0o600, "not a private key"},
		{"a wrong time", append([]byte("Signs-From: today\n"), right...), 0o600, "Signs-From"},
		{"empty", nil, 0o600, "not one private key"},
		{"cut", right[:len(right)/2], 0o600, "not one private key"},
		{"damaged", pemOf(t, "PRIVATE KEY", nil, []byte("damaged"), nil), 0o600, "cannot be read"},
		{"two in one", append(append([]byte{}, right...), right...), 0o600, "not one private key"},
		{"huge", make([]byte, maxKeyFile+1), 0o600, "larger"},
		{"the world's", right, 0o644, "0644"},
		{"the group's", right, 0o640, "0640"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options(t, now, ES256)
			path := filepath.Join(o.Dir, "key.pem")
			if err := errors.Join(os.Mkdir(o.Dir, 0o700), os.WriteFile(path, tt.data, 0o600), os.Chmod(path, tt.mode)); err != nil {
				t.Fatal(err)
			}
			k, err := Open(o)
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), tt.wrong) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := k.Verify(mustSign(t, k, claims(now))); err != nil {
				t.Error(err)
			}
		})
	}
}

// Keys that do not say since when they sign do in the order of their names,
// and none of them is thought to have ended.
func TestKeysWithoutATime(t *testing.T) {
	t.Parallel()
	now := newClock()
	o := options(t, now, ES256)
	o.ReadOnly = true
	if err := os.Mkdir(o.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"2.pem", "1.key", "3.pem"} {
		if err := os.WriteFile(filepath.Join(o.Dir, name), pkcs8(t, ecKey(t, elliptic.P256())), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"README", ".hidden.pem", "tls.crt"} {
		if err := os.WriteFile(filepath.Join(o.Dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	k := mustOpen(t, o)
	keys, signing := k.List()
	if len(keys) != 3 || signing != keys[2].ID || filepath.Base(keys[2].Path) != "3.pem" || filepath.Base(keys[0].Path) != "1.key" {
		t.Errorf("%+v, %s signs", keys, signing)
	}
	twice := filepath.Join(o.Dir, "4.pem")
	data, err := os.ReadFile(filepath.Join(o.Dir, "1.key"))
	if err := errors.Join(err, os.WriteFile(twice, data, 0o400)); err != nil {
		t.Fatal(err)
	}
	if err := k.Reload(); err == nil || !strings.Contains(err.Error(), twice) {
		t.Errorf("the same key twice: %v", err)
	}
}

func TestOpenMakesAPrivateFolder(t *testing.T) {
	t.Parallel()
	now := newClock()
	k := mustOpen(t, options(t, now, ES256))
	keys, _ := k.List()
	if info, err := os.Stat(k.o.Dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(keys[0].Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.Chmod(k.o.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var unsafe *private.UnsafeError
	if _, err := Open(k.o); !errors.As(err, &unsafe) || unsafe.Path != k.o.Dir {
		t.Errorf("%v", err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"no folder":                       func(o *Options) { o.Dir = "" },
		"no issuer":                       func(o *Options) { o.Issuer = "" },
		"an issuer that is no URL":        func(o *Options) { o.Issuer = "exchange" },
		"an issuer with a query":          func(o *Options) { o.Issuer += "?a=b" },
		"an issuer with a fragment":       func(o *Options) { o.Issuer += "#" },
		"an issuer without TLS":           func(o *Options) { o.Issuer = "http://exchange.example" },
		"an issuer without a host":        func(o *Options) { o.Issuer = "https://:443/" },
		"an issuer with a password":       func(o *Options) { o.Issuer = "https://a:b@exchange.example" },
		"a long life":                     func(o *Options) { o.TokenLife = MaxTokenLife + time.Second },
		"a negative life":                 func(o *Options) { o.TokenLife = -1 },
		"published for longer than it is": func(o *Options) { o.RotateEvery = o.PublishAhead },
	} {
		o := options(t, newClock(), ES256)
		change(&o)
		if _, err := Open(o); err == nil || strings.Contains(err.Error(), "a:b") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIssuersOfLoopback(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{"http://127.0.0.1:8080", "http://[::1]:8080/path", "http://localhost", "https://exchange.example:8443/a"} {
		o := options(t, newClock(), ES256)
		o.Issuer = issuer
		if k := mustOpen(t, o); k.Issuer() != issuer {
			t.Errorf("%s became %s", issuer, k.Issuer())
		}
	}
}

// Whatever is in a key file, the answer is a key or an error that shows
// nothing of it.
func FuzzKeyFile(f *testing.F) {
	der, err := x509.MarshalPKCS8PrivateKey(ecKey(f, elliptic.P256()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	f.Add(append([]byte("Signs-From: 2026-11-24T07:00:00Z\n"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...))
	f.Add([]byte("canary-5ecret"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "key.pem")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := readKey(path, private.Ours)
		if err != nil {
			if !strings.HasPrefix(err.Error(), path) || strings.Contains(err.Error(), "canary") {
				t.Error(err)
			}
			return
		}
		if _, err := k.sign(IDToken, "x"); err != nil {
			t.Error(err)
		}
	})
}
