package settings

// Certificate authorities: files and data together, as int128/kubelogin
// combines them, told apart by their certificates and not by their paths.

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
)

// setCA reads the certificate authorities into the settings.
func (r *resolution) setCA() error {
	var bundle authorities
	for _, path := range r.picked[keyCA].list {
		data, err := r.readCA(path)
		if err == nil {
			err = bundle.add(data)
		}
		if err != nil {
			return r.badCA(keyCA, printable(path, 200), err)
		}
	}
	for _, encoded := range r.picked[keyCAData].list {
		data, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return r.wrong(keyCAData, Invalid, "is not base64")
		}
		if err := bundle.add(data); err != nil {
			return r.badCA(keyCAData, "the data", err)
		}
	}
	r.settings.CAPEM, r.settings.identity.authorities = bundle.pem, bundle.digests()
	r.settings.AddSystemRoots = r.picked[keySystemRoots].on && bundle.pem != nil
	return nil
}

// readCA reads a file. One that the policy names must be as safe as the policy.
func (r *resolution) readCA(path string) ([]byte, error) {
	by := byAnyone
	if r.picked[keyCA].forced {
		by = byAdministrator
	}
	return r.files.read(path, maxCA, by)
}

func (r *resolution) badCA(k key, what string, err error) error {
	bad := r.wrong(k, Invalid, what)
	bad.Err = cause(err)
	var e *Error
	switch {
	case errors.As(err, &e):
		bad.Problem, bad.Err = e.Problem, e.Err
	case errors.Is(err, fs.ErrNotExist):
		bad.Problem = Unreadable
	}
	return bad
}

var errNoCertificate = errors.New("holds no PEM certificate")

// authorities collects certificates.
type authorities struct {
	pem  []byte
	sums []string
}

// add takes the certificates of data and leaves everything else: comments, and
// keys that do not belong there.
func (a *authorities) add(data []byte) error {
	if len(a.pem)+len(data) > maxCA {
		return errTooLarge
	}
	found := false
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		found = true
		a.pem = append(a.pem, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
		sum := sha256.Sum256(block.Bytes)
		a.sums = append(a.sums, string(sum[:]))
	}
	if !found {
		return errNoCertificate
	}
	return nil
}

// digests returns the certificates' hashes as a sorted set.
func (a *authorities) digests() []string { return sortedSet(a.sums) }
