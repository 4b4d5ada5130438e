// Package exchange runs the real kubecred-exchange on loopback, with keys, state, authorities
// and a directory of the tests' own, and plays those who talk to it.
package exchange

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/pki"
	"github.com/kubecred/kubecred/e2e/internal/proc"
)

// What the exchange is configured with.
const (
	Client      = "kubernetes" // kubecred's default; the ID is an audience too, which no cluster takes
	Prefix      = "corp:"      // before each user name
	GroupPrefix = "corp-group:"

	Settler = "settler" // a user who is there from the start

	Here   = "here"   // a cluster that asks for reviews, and for which there are certificates
	There  = "there"  // another
	Verify = "verify" // the audience of tokens that a cluster verifies itself
)

// Caller is the bearer token by which a cluster asks for reviews.
func Caller(cluster string) string { return "the API server of " + cluster + ", and nobody else" }

func clusters() []string { return []string{Here, There} }

// Options say what is to be run.
type Options struct {
	Program string // kubecred-exchange
	LDAP    string // the section directory.ldap as one line of YAML; "" is a file of users
	// Algorithm is how it signs tokens; "" is its default.
	Algorithm string
	// CAs sign client certificates, by cluster; where it is nil each has a new one.
	CAs map[string]*pki.Authority
}

// Exchange is one that was started.
type Exchange struct {
	Issuer string
	CA     []byte                    // PEM, what signed its serving certificate
	CAs    map[string]*pki.Authority // what signs client certificates, by cluster

	program string
	dir     string
	process *proc.Process
	http    *http.Client

	mu    sync.Mutex
	users []User
}

// Start runs an exchange and waits until it answers.
func Start(ctx context.Context, o Options) (*Exchange, error) {
	dir, err := os.MkdirTemp("", "kubecred-exchange-")
	if err != nil {
		return nil, err
	}
	x := &Exchange{dir: dir, program: o.Program, CAs: o.CAs}
	if x.CAs == nil {
		x.CAs = map[string]*pki.Authority{}
	}
	if err = errors.Join(x.furnish(o), x.Put(User{Name: Settler})); err == nil {
		err = x.Resume(ctx)
	}
	if err != nil {
		x.Stop()
		return nil, err
	}
	return x, nil
}

// Stop ends the exchange and forgets all that it knew.
func (x *Exchange) Stop() {
	x.process.Stop()
	os.RemoveAll(x.dir)
}

// Halt ends the exchange and keeps what it knew.
func (x *Exchange) Halt() { x.process.Stop() }

// Resume starts it with what it knew, at the address that it had.
func (x *Exchange) Resume(ctx context.Context) (err error) {
	x.process, err = proc.Start(proc.Spec{Path: x.program, Dir: x.dir, Args: []string{"serve", "--config", x.config()}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return x.process.Ready(ctx, x.ready)
}

func (x *Exchange) path(name string) string { return filepath.Join(x.dir, name) }

func (x *Exchange) config() string { return x.path("exchange.yaml") }

// ready asks for readiness, and for what clusters fetch.
func (x *Exchange) ready(ctx context.Context) error {
	for _, path := range []string{"/readyz", "/.well-known/openid-configuration", "/keys"} {
		status, body, err := x.do(ctx, http.MethodGet, path, "", "", "")
		if err != nil || status != http.StatusOK {
			return errors.Join(fmt.Errorf("%s: %d: %s", path, status, body), err)
		}
	}
	return nil
}

// Operate runs one of the operators' commands.
func (x *Exchange) Operate(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, x.program, append(args, "--config", x.config())...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%v: %w: %s", args, err, out)
	}
	return string(out), nil
}

// Checked is how check ended, and what it printed.
type Checked struct {
	Status         int
	Stdout, Stderr string
}

// Check looks somebody up with the service's configuration and another directory.
func (x *Exchange) Check(ctx context.Context, ldap, user string) (Checked, error) {
	file := x.path("check-" + rand.Text() + ".yaml")
	if err := os.WriteFile(file, configuration(strings.TrimPrefix(x.Issuer, "https://"), Options{LDAP: ldap}), 0o600); err != nil {
		return Checked{}, err
	}
	defer os.Remove(file)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, x.program, "check", "--user", user, "--config", file)
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		err = ctx.Err()
	}
	return Checked{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}, err
}

// furnish writes all that serve reads.
func (x *Exchange) furnish(o Options) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	x.Issuer = "https://" + address
	authority, err := pki.NewAuthority("e2e exchange")
	if err != nil {
		return err
	}
	serving, err := authority.Server()
	if err != nil {
		return err
	}
	x.CA = authority.PEM
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(x.CA)
	x.http = client(roots)
	files := map[string][]byte{
		"tls.crt": serving.Cert, "tls.key": serving.Key, "exchange.yaml": configuration(address, o),
	}
	for _, name := range clusters() {
		files["caller-"+name] = []byte(Caller(name))
		if files["ca-"+name+".crt"], files["ca-"+name+".key"], err = x.authority(name); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(x.path(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (x *Exchange) authority(cluster string) (cert, key []byte, err error) {
	if x.CAs[cluster] == nil {
		if x.CAs[cluster], err = pki.NewAuthority("e2e clients of " + cluster); err != nil {
			return nil, nil, err
		}
	}
	key, err = x.CAs[cluster].KeyPEM()
	return x.CAs[cluster].PEM, key, err
}

// configuration lets the exchange keep what the tests do apart: nobody's failures count for another,
// though all come from one address.
func configuration(address string, o Options) []byte {
	directory := "usersFile: users.yaml"
	if o.LDAP != "" {
		directory = "ldap: " + o.LDAP
	}
	text := fmt.Sprintf(`issuer: https://%s
listen: {address: %q, certificateFile: tls.crt, keyFile: tls.key, drain: 1s}
directory: {%s}
clients:
- id: %s
  audiences: [%s, %s, %s]
clusters:
`, address, address, directory, Client, Here, There, Verify)
	for _, name := range clusters() {
		text += fmt.Sprintf(`- name: %[1]s
  audience: %[1]s
  callers: {tokenFile: caller-%[1]s}
  certificateAuthority: {certificateFile: ca-%[1]s.crt, keyFile: ca-%[1]s.key}
`, name)
	}
	keys := "keysFolder: keys"
	if o.Algorithm != "" {
		keys += ", algorithm: " + o.Algorithm
	}
	return fmt.Appendf(nil, `%sidentity: {prefix: %q, groupPrefix: %q}
limits: {failuresPerAddress: 1000}
tokens: {%s}
state: {file: state/state.db}
audit: {file: audit.log}
log: {level: debug}
`, text, Prefix, GroupPrefix, keys)
}

// freeAddress finds a loopback address that nothing listens on, which the exchange keeps over its restarts.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Restore puts a copy of the state in the state's place; the exchange must not run.
func (x *Exchange) Restore(backup string) error {
	text, err := os.ReadFile(backup)
	if err != nil {
		return err
	}
	return os.WriteFile(x.path("state/state.db"), text, 0o600)
}

// Kept is the folder of all that it keeps and tells: keys, state, audit, log.
func (x *Exchange) Kept() string { return x.dir }
