// Package load runs kubecred-exchange as it is released, and asks it as fast as it answers.
package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/pki"
	"github.com/kubecred/kubecred/e2e/internal/proc"
)

const (
	client  = "kubernetes"
	cluster = "here"
	caller  = "the API server of here, and nobody else"
)

// Options say what is run.
type Options struct {
	Program string // kubecred-exchange
	// Directory is the section "directory" of the configuration, in one line of YAML. Relative paths start at
	// the folder of Files.
	Directory  string
	Files      map[string][]byte // what it names
	Listen     string            // further settings of the section "listen", in flow style: "connections: 100"
	Algorithm  string            // of the tokens; "" is the default
	Plain      bool              // no TLS
	Processors int               // GOMAXPROCS; 0 is as it comes
	// Wrap, where set, is a command that runs the service: it is given the folder of the state and the
	// service's own command line.
	Wrap []string
}

// Service is one that was started.
type Service struct {
	Endpoint
	o       Options
	dir     string
	process *proc.Process
}

// Start runs a service until Stop.
func Start(ctx context.Context, o Options) (*Service, error) {
	dir, err := os.MkdirTemp("", "kubecred-load-")
	if err != nil {
		return nil, err
	}
	s := &Service{o: o, dir: dir}
	if err = s.furnish(); err == nil {
		err = s.Resume(ctx)
	}
	if err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Stop ends it and forgets all that it knew.
func (s *Service) Stop() {
	s.process.Stop()
	os.RemoveAll(s.dir)
}

// Kill ends it as SIGKILL does, and keeps what is on the disk.
func (s *Service) Kill() { s.process.Kill() }

// Resume starts it with what is on the disk, at the address that it had.
func (s *Service) Resume(ctx context.Context) (err error) {
	command := []string{s.o.Program, "serve", "--config", s.path("exchange.yaml")}
	if len(s.o.Wrap) > 0 {
		command = slices.Concat(s.o.Wrap, []string{s.StateFolder()}, command)
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	spec := proc.Spec{Path: path, Args: command[1:], Dir: s.dir, Env: os.Environ()}
	if s.o.Processors > 0 {
		spec.Env = append(spec.Env, fmt.Sprintf("GOMAXPROCS=%d", s.o.Processors))
	}
	if s.process, err = proc.Start(spec); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return s.process.Ready(ctx, func(context.Context) error { return s.answers("/livez") })
}

// Pid is the process's number.
func (s *Service) Pid() int { return s.process.Pid() }

// Log is the end of what it told its operators.
func (s *Service) Log() string { return s.process.Tail() }

// StateFolder is where sessions are kept.
func (s *Service) StateFolder() string { return s.path("state") }

func (s *Service) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Service) furnish() error {
	address, err := FreeAddress()
	if err != nil {
		return err
	}
	files := map[string][]byte{"caller": []byte(caller)}
	scheme, listen := "http", "insecurePlainHTTP: true"
	var authority, cert, key []byte
	if !s.o.Plain {
		scheme, listen = "https", "certificateFile: tls.crt, keyFile: tls.key"
		if authority, cert, key, err = Certificates(); err != nil {
			return err
		}
		files["tls.crt"], files["tls.key"] = cert, key
	}
	if s.Endpoint, err = NewEndpoint(scheme+"://"+address, authority); err != nil {
		return err
	}
	files["exchange.yaml"] = s.configuration(address, listen)
	for name, content := range s.o.Files {
		files[name] = content
	}
	for name, content := range files {
		err = errors.Join(err, os.WriteFile(s.path(name), content, 0o600))
	}
	return errors.Join(err, os.Mkdir(s.StateFolder(), 0o700))
}

func (s *Service) configuration(address, listen string) []byte {
	algorithm := s.o.Algorithm
	if algorithm == "" {
		algorithm = "RS256"
	}
	if s.o.Listen != "" {
		listen += ", " + s.o.Listen
	}
	return fmt.Appendf(nil, `issuer: %s
listen: {address: %q, %s, drain: 1s}
directory: {%s}
clients:
- id: %s
clusters:
- name: %s
  audience: %s
  callers: {tokenFile: caller}
tokens: {keysFolder: keys, algorithm: %s}
state: {file: state/state.db, controlFolder: control}
audit: {file: audit.log}
`, s.URL, address, listen, s.o.Directory, client, cluster, client, algorithm)
}

// Certificates makes an authority and what serves loopback, in PEM.
func Certificates() (authority, cert, key []byte, err error) {
	ca, err := pki.NewAuthority("e2e load")
	if err != nil {
		return nil, nil, nil, err
	}
	pair, err := ca.Server()
	return ca.PEM, pair.Cert, pair.Key, err
}

// FreeAddress finds a loopback address that nothing listens on.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
