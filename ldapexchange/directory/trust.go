package directory

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// file is a file that is read again when it changes.
type file struct {
	path    string
	limit   int64
	seen    os.FileInfo // of what was read last, whether it was good or bad
	missing bool        // as was told
}

// changed returns the file's content if it is another than at the last call.
func (f *file) changed() (data []byte, changed bool, err error) {
	info, err := os.Stat(f.path)
	if err != nil {
		again := f.missing
		f.seen, f.missing = nil, true
		return nil, !again, err
	}
	f.missing = false
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.Size() == info.Size() && f.seen.ModTime().Equal(info.ModTime()) {
		return nil, false, nil
	}
	f.seen = info
	data, err = f.read()
	return data, true, err
}

func (f *file) read() ([]byte, error) {
	opened, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	data, err := io.ReadAll(io.LimitReader(opened, f.limit+1))
	if err == nil && int64(len(data)) > f.limit {
		err = fmt.Errorf("%s is larger than %d bytes", f.path, f.limit)
	}
	return data, err
}

// maxCA bounds a file of authorities, in bytes.
const maxCA = 2 << 20

// trust makes TLS configurations, and new ones when the file of authorities
// changes. Sessions that were made under the old one are not resumed.
type trust struct {
	insecure bool
	reloaded func(error)

	mu   sync.Mutex
	file *file // nil: the system's authorities
	base *tls.Config
}

func newTrust(path string, insecure bool, reloaded func(error)) (*trust, error) {
	t := &trust{insecure: insecure, reloaded: reloaded}
	if path == "" {
		t.use(nil)
		return t, nil
	}
	t.file = &file{path: path, limit: maxCA}
	data, _, err := t.file.changed()
	if err == nil {
		err = t.load(data)
	}
	if err != nil {
		return nil, &ConfigError{"caFile", err.Error()}
	}
	return t, nil
}

// config returns the configuration for a server of that name.
func (t *trust) config(name string) (*tls.Config, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reload()
	config := t.base.Clone()
	config.ServerName = name
	return config, nil
}

// reload keeps what was there where the new file is bad.
func (t *trust) reload() {
	if t.file == nil {
		return
	}
	data, changed, err := t.file.changed()
	if !changed {
		return
	}
	if err == nil {
		err = t.load(data)
	}
	t.reloaded(err)
}

func (t *trust) load(data []byte) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bytes.TrimSpace(data)) {
		return errors.New("holds no certificate in PEM")
	}
	t.use(roots)
	return nil
}

func (t *trust) use(roots *x509.CertPool) {
	t.base = &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            roots,
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
		InsecureSkipVerify: t.insecure, //nolint:gosec // the setting's name says it
	}
}
