// Package config reads the configuration of kubecred-exchange.
//
// Its rules: an unknown key, a key given twice and a value of the wrong type
// are errors that name the line, and all of them are told at once. No complaint
// repeats a value. A secret is named by its file or a command and never stands
// in the configuration. What endangers has "insecure" in its name. Relative
// paths start at the folder of the file.
//
// What a file says is read here and made sense of in check.go; whether the
// files that it names are there, and the directory answers, the program finds
// out when it uses them (and kubecred-exchange check tells).
package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Config is a whole configuration, with its defaults filled in.
type Config struct {
	Issuer         string
	Listen         Listen
	Metrics        *Metrics // nil: no listener of its own, and no metrics
	Directory      Directory
	Clients        []Client
	Clusters       []Cluster
	Tokens         Tokens
	Identity       Identity
	Limits         Limits
	TrustedProxies []string // CIDRs whose X-Forwarded-For counts
	State          State
	Audit          Audit
	Log            Log

	Path  string   // the file itself, absolute
	Files []string // every file that it names to be read, absolute; and itself
}

// Listen is where the service answers.
type Listen struct {
	Address           string
	CertificateFile   string // PEM
	KeyFile           string
	InsecurePlainHTTP bool // MUST NOT be used but on loopback; check.go sees to it
	Drain             time.Duration
	Connections       int
}

// Metrics is where Prometheus asks, in plain HTTP: nothing secret is told, but
// whoever reaches it learns how busy the service is.
type Metrics struct {
	Address string
}

// Client is a public OAuth 2 client.
type Client struct {
	ID        string
	Audiences []string // that it may ask for besides its own ID
}

// Cluster is one that asks for reviews, or that certificates are issued for.
type Cluster struct {
	Name     string
	Audience string // of the tokens that it accepts
	Callers  Callers
	CA       *Authority // nil: no certificates for this cluster
}

// Callers says how a cluster's API server shows who it is. Either will do
// where both are given.
type Callers struct {
	TokenFile      string // a bearer token
	ClientCAFile   string // PEM of the authority of its client certificate
	ClientNames    []string
	InsecureAnyone bool // MUST NOT be used where others can reach the service
}

// Authority issues certificates.
type Authority struct {
	CertificateFile, KeyFile string // PEM
	Lifetime                 time.Duration
}

// Tokens says how tokens are made and how long they live.
type Tokens struct {
	Lifetime     time.Duration
	Session      time.Duration // a person types a password again after this
	Algorithm    string
	KeysFolder   string
	KeysReadOnly bool          // another writes them
	Rotation     time.Duration // 0: only by command
	MaxSize      int64         // bytes of one token
}

// Identity says which names and groups of the directory become a cluster's.
type Identity struct {
	Prefix              string // before every user name
	GroupPrefix         string
	Lowercase           bool     // names are folded, so that ALICE and alice are one
	Groups              []string // patterns; only what one matches is kept; nil keeps all
	MaxGroups           int
	InsecureAllowSystem bool // names and groups that begin with system:
}

// Limits bounds what one user, one address and one request may do.
type Limits struct {
	FailuresPerUser    int
	FailuresPerAddress int
	Window             time.Duration
	Body               int64
}

// State is where sessions and revocations are kept.
type State struct {
	File          string
	ControlFolder string // of the socket for commands
}

// Audit is one line a decision.
type Audit struct {
	File string // "" is standard output
}

// Log is for operators.
type Log struct {
	Level string
}

// maxFile bounds a configuration, in bytes.
const maxFile = 1 << 20

// Load reads the file at path. Its errors are of type *Error, or a list of
// them that errors.As finds the first of.
func Load(path string) (*Config, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, &Error{File: printable(path), Problem: "has no absolute path"}
	}
	data, err := readFile(absolute)
	if err != nil {
		return nil, &Error{File: path, Problem: err.Error()}
	}
	c, p := parse(data, filepath.Dir(absolute))
	if err := p.in(path); err != nil {
		return nil, err
	}
	c.Path, c.Files = absolute, append(c.Files, absolute)
	return c, nil
}

// parse reads data; relative paths start at base.
func parse(data []byte, base string) (*Config, problems) {
	root, wrong := document(data)
	if wrong != nil {
		return nil, problems{wrong}
	}
	c := defaults()
	r := &reader{base: base, lines: map[string]int{}}
	r.section("", root, c.fields())
	if len(r.problems) == 0 { // else one mistake would be told twice
		c.check(r)
	}
	c.Files = r.files
	return c, r.problems
}

// readFile takes regular files of a bounded size only: a pipe would block.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is not a regular file")
	}
	if err != nil {
		return nil, cause(err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errors.New("is too large")
	}
	return data, cause(err)
}

// cause leaves the path out, which the caller names.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
