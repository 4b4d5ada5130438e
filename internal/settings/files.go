package settings

// Files that settings are read from. Whoever opens one says who may have
// written it; a pipe or a device is refused before it can block or never end.

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxPolicy = 256 << 10 // bytes, and of a configuration file
	maxCA     = 2 << 20   // bytes, of all certificate authorities together
)

// Files says where settings lie on this machine.
type Files struct {
	Home    string // what ~ stands for; "" where it is not known
	User    string // the person's configuration file
	Machine string // the machine's
	Policy  string // the administrator's policy
	Cache   string // the default of token-cache-dir
	Runtime string // ends with the person's session; "" where there is none

	// Nil but in tests.
	open  func(path string) (*os.File, error)
	check func(*os.File, fs.FileInfo, writer) error
}

// SystemFiles returns the places of this machine and this user. What cannot
// be found out is "".
func SystemFiles() *Files {
	f := new(Files)
	f.Home, _ = os.UserHomeDir()
	if dir, err := os.UserConfigDir(); err == nil {
		f.User = filepath.Join(dir, "kubecred", "config.yaml")
	}
	if dir, err := os.UserCacheDir(); err == nil {
		f.Cache = filepath.Join(dir, "kubecred")
	}
	f.Runtime = runtimeFolder()
	f.Machine = filepath.Join(machineFolder(), "config.yaml")
	f.Policy = filepath.Join(machineFolder(), "policy.yaml")
	return f
}

// writer says who may have written a file.
type writer uint8

const (
	byAnyone        writer = iota
	byUser                 // the user who runs this, or an administrator
	byAdministrator        // root; on Windows Administrators, SYSTEM or TrustedInstaller
)

var (
	errNotRegular = errors.New("is not a regular file")
	errTooLarge   = errors.New("is too large")
	errEmpty      = errors.New("is empty")
)

// read returns what path holds, at most max bytes. The checks are made on the
// opened file, so that it cannot be exchanged between check and use. Errors:
// fs.ErrNotExist, *Error{Unreadable or Untrusted}.
func (f *Files) read(path string, max int64, by writer) ([]byte, error) {
	file, err := f.opened(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, &Error{Problem: Unreadable, Err: cause(err)}
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		return nil, &Error{Problem: Unreadable, Err: cause(err)}
	}
	if err := f.owner(file, info, by); err != nil {
		return nil, &Error{Problem: Untrusted, Err: err}
	}
	data, err := io.ReadAll(io.LimitReader(file, max+1))
	if err == nil && int64(len(data)) > max {
		err = errTooLarge
	}
	if err != nil {
		return nil, &Error{Problem: Unreadable, Err: cause(err)}
	}
	return data, nil
}

// cause leaves the path out, which the caller names.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// opened does not wait where path is a named pipe.
func (f *Files) opened(path string) (*os.File, error) {
	if f.open != nil {
		return f.open(path)
	}
	return os.OpenFile(path, os.O_RDONLY|nonblock, 0)
}

func (f *Files) owner(file *os.File, info fs.FileInfo, by writer) error {
	switch {
	case by == byAnyone:
		return nil
	case f.check != nil:
		return f.check(file, info, by)
	}
	return checkOwner(file, info, by)
}

// expand makes a path absolute: ~ is the home folder, and a relative path
// starts at base or, where that is "", at the working folder.
func (f *Files) expand(path, base string) (string, error) {
	if rest, ok := strings.CutPrefix(path, "~"); ok {
		if rest != "" && !os.IsPathSeparator(rest[0]) {
			return "", errors.New("only ~ and ~/ stand for a home folder")
		}
		if f.Home == "" {
			return "", errors.New("~ is used, but the home folder is not known")
		}
		return filepath.Join(f.Home, rest), nil
	}
	if filepath.IsAbs(path) {
		return path, nil
	}
	if base != "" {
		return filepath.Join(base, path), nil
	}
	return filepath.Abs(path)
}
