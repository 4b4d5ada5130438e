// Package consent remembers to which hosts a person agreed to send a password.
//
// A kubeconfig may come from someone else and name a host of theirs. So before
// the first password goes to a host, the terminal names it and the person
// agrees; nothing that a kubeconfig says takes the place of that. The file is
// the person's own: one address a line, and a line that is removed is consent
// withdrawn.
//
// An address counts with its path: a host may serve many issuers, some of them
// in anyone's hands.
package consent

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// maxFile bounds the file, in bytes: thousands of hosts.
const maxFile = 1 << 20

const header = "# Where kubecred may send your password. Remove a line to be asked again.\n"

// Hosts is the file at Path. It need not exist.
type Hosts struct{ Path string }

// Given reports whether the person agreed to u before. A file that cannot be read gives no consent.
func (h Hosts) Given(u *url.URL) (bool, error) {
	// A pipe would be waited for without an end.
	info, err := os.Stat(h.Path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New(h.Path + " is not a regular file")
	}
	if err != nil {
		return false, err
	}
	f, err := os.Open(h.Path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	want := canonical(u)
	lines := bufio.NewScanner(io.LimitReader(f, maxFile))
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == want {
			return true, nil
		}
	}
	return false, lines.Err()
}

// Give remembers that the person agreed to u.
func (h Hosts) Give(u *url.URL) error {
	if err := os.MkdirAll(filepath.Dir(h.Path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(h.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	line := canonical(u) + "\n"
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		line = header + line
	}
	// One write: two processes that append at once do not mix their lines.
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}

// canonical writes out the default port and drops a slash at the end, so that
// two spellings are one address. Query and fragment do not count.
func canonical(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	host := net.JoinHostPort(strings.ToLower(u.Hostname()), port)
	return u.Scheme + "://" + host + strings.TrimSuffix(u.EscapedPath(), "/")
}
