package cmd

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/settings"
)

func TestReadSecret(t *testing.T) {
	p := newPlace(t)
	a := p.app(nil, nil)
	for content, want := range map[string]string{
		"canary":                       "canary",
		"canary\n":                     "canary",
		"canary\r\n":                   "canary",
		"canary\n\n":                   "canary\n",
		" two words ":                  " two words ",
		"\tx\n":                        "\tx",
		"line\nline\n":                 "line\nline",
		strings.Repeat("x", maxSecret): strings.Repeat("x", maxSecret),
	} {
		got, err := a.readSecret(t.Context(), settings.Secret{File: p.write(content, "secret")})
		if err != nil || got.Reveal() != want {
			t.Errorf("%.20q: %.20q, %v", content, got.Reveal(), err)
		}
	}
	if got, err := a.readSecret(t.Context(), settings.Secret{Text: secret.New("as it is\n")}); err != nil || got.Reveal() != "as it is\n" {
		t.Errorf("%q, %v", got.Reveal(), err)
	}
	if got, err := a.readSecret(t.Context(), settings.Secret{}); err != nil || !got.Empty() {
		t.Errorf("none: %q, %v", got.Reveal(), err)
	}
}

func TestReadSecretRefuses(t *testing.T) {
	p := newPlace(t)
	a := p.app(nil, nil)
	for name, path := range map[string]string{
		"is empty":        p.write("", "empty"),
		"is empty ":       p.write(" \n\t\n", "blank"),
		"larger than":     p.write(strings.Repeat("canary", maxSecret), "large"),
		"no-such-file":    p.path("no-such-file"),
		"not a regular":   p.path(),
		"not a regular  ": os.DevNull,
	} {
		got, err := a.readSecret(t.Context(), settings.Secret{File: path})
		if err == nil || !got.Empty() || !strings.Contains(err.Error(), strings.TrimSpace(name)) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %q, %v", path, got.Reveal(), err)
		}
	}
}

// A command's output is a secret; what it says on stderr could be one, and no
// shell takes part.
func TestReadSecretOfACommand(t *testing.T) {
	onUnix(t)
	a := newPlace(t).app(nil, nil)
	for _, test := range []struct {
		command []string
		want    string
		fails   string
	}{
		{[]string{"/bin/echo", "a  b", "$HOME;x"}, "a  b $HOME;x", ""},
		{[]string{"/bin/sh", "-c", "printf secret; echo canary >&2"}, "secret", ""},
		{[]string{"/bin/sh", "-c", "printf secret; exit 3"}, "", "/bin/sh failed: exit status 3"},
		{[]string{"/bin/sh", "-c", "echo canary >&2; exit 3"}, "", "/bin/sh failed: exit status 3"},
		{[]string{"/bin/sh", "-c", "exit 0"}, "", "the output of /bin/sh is empty"},
		{[]string{"/bin/sh", "-c", "yes canary"}, "", "larger than"},
		{[]string{"/no/such/program"}, "", "/no/such/program"},
		{[]string{"/bin/sh", "-c", "read x && echo $x"}, "", "/bin/sh"}, // stdin is nobody's
	} {
		began := time.Now()
		got, err := a.readSecret(t.Context(), settings.Secret{Command: test.command})
		if test.fails == "" && (err != nil || got.Reveal() != test.want) {
			t.Errorf("%q: %q, %v", test.command, got.Reveal(), err)
		}
		if test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%q: %v, want %q", test.command, err, test.fails)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%q took %v", test.command, took)
		}
	}
}

func TestReadKey(t *testing.T) {
	p := newPlace(t)
	for name, pem := range map[string]string{
		"no PEM key":      "canary",
		"no private key":  "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n",
		"no private key ": "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n",
	} {
		_, err := readKey(p.write(pem, "key"))
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, kind := range []string{"PKCS #8", "PKCS #1", "SEC 1", "Ed25519"} {
		key, err := readKey(p.write(keyPEM(t, kind), "key"))
		if err != nil || key.Public() == nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func keyPEM(t *testing.T, kind string) string {
	t.Helper()
	var der []byte
	var err error
	name := "PRIVATE KEY"
	switch kind {
	case "PKCS #1":
		name = "RSA PRIVATE KEY"
		key, e := rsa.GenerateKey(rand.Reader, 2048)
		if e != nil {
			t.Fatal(e)
		}
		der = x509.MarshalPKCS1PrivateKey(key)
	case "Ed25519":
		_, key, e := ed25519.GenerateKey(rand.Reader)
		if e != nil {
			t.Fatal(e)
		}
		der, err = x509.MarshalPKCS8PrivateKey(key)
	default:
		key, e := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if e != nil {
			t.Fatal(e)
		}
		if kind == "SEC 1" {
			name = "EC PRIVATE KEY"
			der, err = x509.MarshalECPrivateKey(key)
		} else {
			der, err = x509.MarshalPKCS8PrivateKey(key)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: name, Bytes: der}))
}
