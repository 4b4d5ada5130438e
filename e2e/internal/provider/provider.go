// Package provider runs a certified OpenID Provider (npm oidc-provider) behind TLS, on loopback,
// with an authority of the test's own, and plays the people who sign in to it.
package provider

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/pki"
	"github.com/kubecred/kubecred/e2e/internal/proc"
)

// Password is everybody's.
const Password = "correct horse battery staple"

// Client is a registration, in the words of OpenID Connect Dynamic Client Registration.
type Client struct {
	ID            string   `json:"client_id"`
	Secret        string   `json:"client_secret,omitempty"`
	Type          string   `json:"application_type,omitempty"`
	AuthMethod    string   `json:"token_endpoint_auth_method,omitempty"`
	RedirectURIs  []string `json:"redirect_uris"`
	ResponseTypes []string `json:"response_types"`
	GrantTypes    []string `json:"grant_types"`
}

// Options say what the provider knows.
type Options struct {
	Clients   []Client
	Lifetimes map[string]int      // seconds that a client's tokens live; an hour where it is not named
	Groups    map[string][]string // a person's groups; "developers" where they are not named
}

// Provider is a running one.
type Provider struct {
	Issuer string
	CA     []byte // PEM
	SPKI   string // the digest of its serving key, for Chromium

	admin   string
	dir     string
	stdin   io.Closer
	process *proc.Process
}

// config is what provider.mjs reads from its standard input.
type config struct {
	Cert      string              `json:"cert"`
	Key       string              `json:"key"`
	Clients   []Client            `json:"clients"`
	Lifetimes map[string]int      `json:"lifetimes"`
	Groups    map[string][]string `json:"groups"`
	Password  string              `json:"password"`
}

// Start runs the provider and waits until it listens.
func Start(ctx context.Context, o Options) (*Provider, error) {
	dir, err := os.MkdirTemp("", "kubecred-provider-")
	if err != nil {
		return nil, err
	}
	p := &Provider{dir: dir}
	if err := p.start(ctx, o); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// Stop ends the provider and forgets all that it knew.
func (p *Provider) Stop() {
	if p.stdin != nil {
		p.stdin.Close()
	}
	p.process.Stop()
	os.RemoveAll(p.dir)
}

func (p *Provider) start(ctx context.Context, o Options) error {
	authority, err := pki.NewAuthority("e2e provider")
	if err != nil {
		return err
	}
	serving, err := authority.Server()
	if err != nil {
		return err
	}
	p.CA, p.SPKI = authority.PEM, serving.SPKI()
	input, err := json.Marshal(config{
		Cert: string(serving.Cert), Key: string(serving.Key), Password: Password,
		Clients: o.Clients, Lifetimes: orEmpty(o.Lifetimes), Groups: orEmpty(o.Groups),
	})
	if err != nil {
		return err
	}
	return p.run(ctx, append(input, '\n'))
}

// run starts node, hands it its configuration, and reads where it listens.
func (p *Provider) run(ctx context.Context, input []byte) error {
	node, err := parts.Command("node")
	if err != nil {
		return err
	}
	in, stdin, err := os.Pipe()
	if err != nil {
		return err
	}
	p.stdin = stdin
	out, stdout, err := os.Pipe()
	if err != nil {
		return errors.Join(err, in.Close())
	}
	defer out.Close()
	p.process, err = proc.Start(proc.Spec{
		Path: node, Args: []string{filepath.Join(parts.Root(), "e2e", "node", "provider.mjs")}, Dir: p.dir,
		Env: append(os.Environ(), "NODE_MODULES_ROOT="+parts.Build("node")), Stdin: in, Stdout: stdout,
	})
	if err := errors.Join(err, in.Close(), stdout.Close()); err != nil {
		return err
	}
	if _, err := stdin.Write(input); err != nil {
		return err
	}
	return p.listening(ctx, out)
}

// listening reads the one line that says so.
func (p *Provider) listening(ctx context.Context, out *os.File) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(30 * time.Second)
	}
	if err := out.SetReadDeadline(deadline); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the provider did not start: %w\n%s", err, p.process.Tail())
	}
	var at struct{ Issuer, Admin string }
	if err := json.Unmarshal(line, &at); err != nil {
		return fmt.Errorf("the provider's first line: %w", err)
	}
	p.Issuer, p.admin = at.Issuer, at.Admin
	return nil
}

func orEmpty[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}
