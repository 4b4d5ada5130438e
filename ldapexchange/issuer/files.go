package issuer

// Key files: PKCS #8 in PEM, and above it the line "Signs-From: " with a time.
// (Not as a header within it, which OpenSSL does not read.) Keys that another
// made may lack the line, which makes them older than those that have it, and
// may be in the older forms that OpenSSL writes.

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/private"
)

const (
	signsFromLine = "Signs-From: "
	maxKeyFile    = 32 << 10
	maxKeys       = 64
	lockName      = ".lock"

	// rsaBits of a new key: 112 bits of strength (NIST SP 800-57 part 1), for a
	// key that signs for weeks tokens that live for minutes: nothing signed is
	// worth breaking later. 3072 bits were measured at three times as much a
	// login and five times a verification, and are 170 characters more in each
	// request. Who must have them brings keys, or takes ES256; up to 8192 bits
	// are read.
	rsaBits    = 2048
	maxRSABits = 8192
)

// read returns the keys in the folder in their order.
func (k *Keys) read() ([]*key, error) {
	entries, err := os.ReadDir(k.o.Dir)
	if err != nil {
		return nil, err
	}
	var keys []*key
	paths := map[string]string{}
	for _, entry := range entries {
		name := entry.Name()
		if ext := filepath.Ext(name); strings.HasPrefix(name, ".") || ext != ".pem" && ext != ".key" {
			continue
		}
		key, err := readKey(filepath.Join(k.o.Dir, name), k.policy())
		switch {
		case err != nil:
			return nil, err
		case paths[key.id] != "":
			return nil, fmt.Errorf("%s: the same key is in %s", key.path, paths[key.id])
		case len(keys) == maxKeys:
			return nil, fmt.Errorf("%s: there are more than %d keys in it", k.o.Dir, maxKeys)
		}
		paths[key.id] = key.path
		keys = append(keys, key)
	}
	sortKeys(keys)
	return keys, nil
}

func (k *Keys) policy() private.Policy {
	if k.o.ReadOnly {
		return private.Mounted
	}
	return private.Ours
}

func readKey(path string, policy private.Policy) (*key, error) {
	above, block, err := readPEM(path, policy)
	if err != nil {
		return nil, err
	}
	signer, err := parseSigner(block)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	algorithm, err := algorithmOf(signer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	from, err := parseSignsFrom(above)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return newKey(signer, algorithm, from, path)
}

func parseSignsFrom(above string) (time.Time, error) {
	for line := range strings.Lines(above) {
		if text, found := strings.CutPrefix(line, signsFromLine); found {
			from, err := time.Parse(time.RFC3339, strings.TrimSpace(text))
			if err != nil {
				return from, errors.New(signsFromLine + "is followed by no time as 2006-01-02T15:04:05Z")
			}
			return from, nil
		}
	}
	return time.Time{}, nil
}

// readPEM returns a private file's one block, and what stands above it.
func readPEM(path string, policy private.Policy) (string, *pem.Block, error) {
	data, err := private.Read(path, maxKeyFile, policy)
	if err != nil {
		return "", nil, err
	}
	above, _, _ := strings.Cut(string(data), "-----BEGIN")
	block, rest := pem.Decode(data)
	if block == nil || len(strings.TrimSpace(string(rest))) > 0 {
		return "", nil, fmt.Errorf("%s: it is not one private key in PEM", path)
	}
	return above, block, nil
}

// parseSigner reads a private key. Its errors hold nothing of the key.
func parseSigner(block *pem.Block) (crypto.Signer, error) {
	if block.Headers["Proc-Type"] != "" || block.Type == "ENCRYPTED PRIVATE KEY" {
		return nil, errors.New("the private key is encrypted; write it without a passphrase")
	}
	var parsed any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, errors.New("it is not a private key in PEM")
	}
	signer, ok := parsed.(crypto.Signer)
	if err != nil || !ok {
		return nil, errors.New("the private key cannot be read")
	}
	return signer, nil
}

func algorithmOf(signer crypto.Signer) (Algorithm, error) {
	switch public := signer.Public().(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < rsaBits || bits > maxRSABits {
			return "", fmt.Errorf("an RSA key of %d bits; %d to %d are taken", bits, rsaBits, maxRSABits)
		}
		return RS256, nil
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			return ES256, nil
		}
	}
	return "", errors.New("a key for an algorithm that the API server does not take here; RSA or ECDSA P-256 are taken")
}

// generate makes a key and writes its file.
func (k *Keys) generate(signsFrom time.Time) (*key, error) {
	signsFrom = signsFrom.UTC().Truncate(time.Second)
	signer, err := newSigner(k.o.Algorithm)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, err
	}
	made, err := newKey(signer, k.o.Algorithm, signsFrom, "")
	if err != nil {
		return nil, err
	}
	made.path = filepath.Join(k.o.Dir, signsFrom.Format("20060102T150405Z")+"-"+made.id[:12]+".pem")
	data := append([]byte(signsFromLine+signsFrom.Format(time.RFC3339)+"\n"),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
	return made, private.Write(made.path, data, k.step)
}

func newSigner(algorithm Algorithm) (crypto.Signer, error) {
	if algorithm == ES256 {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, rsaBits)
}
