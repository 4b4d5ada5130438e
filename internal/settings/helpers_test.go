package settings

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// place is a machine of the test's own.
type place struct {
	*Files
	t *testing.T
}

// newPlace returns a machine on which every owner is the right one.
func newPlace(t *testing.T) place {
	t.Helper()
	dir := t.TempDir()
	return place{t: t, Files: &Files{
		Home:    filepath.Join(dir, "home"),
		User:    filepath.Join(dir, "home", ".config", "kubecred", "config.yaml"),
		Machine: filepath.Join(dir, "etc", "config.yaml"),
		Policy:  filepath.Join(dir, "etc", "policy.yaml"),
		Cache:   filepath.Join(dir, "home", ".cache", "kubecred"),
		check:   func(*os.File, fs.FileInfo, writer) error { return nil },
	}}
}

// write puts content into path and returns the place, to be chained.
func (p place) write(path, content string) place {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return p
}

func args(t *testing.T, list ...string) *Flags {
	t.Helper()
	f, err := ParseArgs(list)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// env returns an environment of name, value pairs.
func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

const (
	issuerFlag = "--oidc-issuer-url=https://issuer.example"
	clientFlag = "--oidc-client-id=kubernetes"
)

// usual is what nearly every exec block says, and more.
func usual(t *testing.T, more ...string) *Flags {
	t.Helper()
	return args(t, append([]string{issuerFlag, clientFlag}, more...)...)
}

func mustResolve(t *testing.T, in Input) *Settings {
	t.Helper()
	if in.Files == nil {
		in.Files = newPlace(t).Files
	}
	s, err := Resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mustRefuse resolves and expects an *Error about the problem and the setting.
func mustRefuse(t *testing.T, in Input, problem Problem, setting string) *Error {
	t.Helper()
	if in.Files == nil {
		in.Files = newPlace(t).Files
	}
	s, err := Resolve(in)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("Resolve = %v, %v; want an *Error", s, err)
	}
	if e.Problem != problem || e.Setting != setting {
		t.Errorf("problem %q with %q, want %q with %q: %v", e.Problem, e.Setting, problem, setting, e)
	}
	if strings.Contains(e.Error(), canary) {
		t.Errorf("the error tells the secret: %v", e)
	}
	return e
}

const canary = "canary-5ecret"

// certificate returns a new self-signed certificate as PEM.
func certificate(t testing.TB) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "test CA"},
		NotAfter:     time.Now().Add(time.Hour),
		IsCA:         true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
