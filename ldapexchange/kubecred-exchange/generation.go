package main

// A generation is one configuration, made sense of.

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/private"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/ldapexchange/issuer"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
	"github.com/kubecred/kubecred/ldapexchange/server"
)

type generation struct {
	config  *config.Config
	server  *server.Server
	handler http.Handler
	pair    *server.KeyPair // nil without TLS
	people  people
	memory  *memory
	keys    *issuer.Keys
	audit   *slog.Logger
	file    io.Closer // of the audit; nil is standard output
	using   sync.WaitGroup
}

// retire ends a generation when the last request that it has begun is
// answered.
func (g *generation) retire() {
	g.using.Wait()
	g.people.Close()
	if g.file != nil {
		g.file.Close()
	}
}

// generation makes one. It follows replaces, which is nil at the start.
func (s *service) generation(ctx context.Context, c *config.Config, replaces *server.Server) (g *generation, err error) {
	g = &generation{config: c}
	defer func() {
		if err != nil {
			g.abandon()
		}
	}()
	if g.audit, g.file, err = openAudit(c.Audit, s.stdout); err != nil {
		return g, err
	}
	if g.people, err = openDirectory(c, s.log, s.told); err != nil {
		return g, err
	}
	if g.keys, err = openKeys(c); err != nil {
		return g, err
	}
	if g.memory, err = openMemory(ctx, s.store, c); err != nil {
		return g, err
	}
	if !c.Listen.InsecurePlainHTTP {
		if g.pair, err = openPair(c); err != nil {
			return g, err
		}
	}
	o, err := s.options(c, g)
	if err != nil {
		return g, err
	}
	o.Replaces = replaces
	if g.server, err = server.New(o); err != nil {
		return g, err
	}
	g.handler = g.server.Handler()
	return g, nil
}

// openPair wants the key's file to be as private as the other keys' files.
func openPair(c *config.Config) (*server.KeyPair, error) {
	if err := private.Check(c.Listen.KeyFile, private.Mounted); err != nil {
		return nil, err
	}
	pair, err := server.LoadKeyPair(c.Listen.CertificateFile, c.Listen.KeyFile)
	if err != nil {
		return nil, &config.Error{File: c.Path, Key: "listen", Problem: err.Error()}
	}
	return pair, nil
}

// abandon closes what a generation opened before it failed.
func (g *generation) abandon() {
	if g.people != nil {
		g.people.Close()
	}
	if g.file != nil {
		g.file.Close()
	}
}

// told hears of files that the directory reads again by itself.
func (s *service) told(err error) {
	if err != nil {
		s.log.Error("a file of the directory cannot be used; the old one stays", "error", cli.OneLine(err.Error()))
	}
}

func (s *service) options(c *config.Config, g *generation) (server.Options, error) {
	clusters, err := clusters(c)
	if err != nil {
		return server.Options{}, err
	}
	networks, err := prefixes(c.TrustedProxies)
	if err != nil {
		return server.Options{}, err
	}
	return server.Options{
		Issuer: c.Issuer, Clients: clients(c.Clients), Clusters: clusters, Names: names(c.Identity),
		Directory: joined{g.people, s.log}, Signer: signer{g.keys}, Sessions: sessions{g.memory.sessions},
		Revocations: revocations{g.memory.revocations}, Limits: limits{s.attempts.WithLimits(limitsOf(c.Limits))},
		TokenLife: c.Tokens.Lifetime, SessionLife: c.Tokens.Session, MaxToken: int(c.Tokens.MaxSize), MaxBody: c.Limits.Body,
		DirectoryTimeout: directoryTime(c), TrustedProxies: networks,
		Checks: checks(g, s), Insecure: insecure(c), SeparateMetrics: true,
		Audit: g.audit, Log: s.log,
	}, nil
}

func checks(g *generation, s *service) []server.Check {
	return []server.Check{
		{Name: "directory", Run: g.people.Check},
		{Name: "state", Run: s.store.Check},
	}
}

// insecure names the settings that are in force. Those of clusters and names
// the server knows itself.
func insecure(c *config.Config) (all []string) {
	ldap := c.Directory.LDAP
	for name, on := range map[string]bool{
		"listen.insecurePlainHTTP":          c.Listen.InsecurePlainHTTP,
		"directory.ldap.insecurePlaintext":  ldap != nil && ldap.InsecurePlaintext,
		"directory.ldap.insecureSkipVerify": ldap != nil && ldap.InsecureSkipVerify,
	} {
		if on {
			all = append(all, name)
		}
	}
	return all
}

func clients(all []config.Client) (clients []server.Client) {
	for _, c := range all {
		clients = append(clients, server.Client{ID: c.ID, Audiences: c.Audiences})
	}
	return clients
}

func clusters(c *config.Config) ([]server.Cluster, error) {
	cas, err := authorities(c)
	if err != nil {
		return nil, err
	}
	var all []server.Cluster
	for _, from := range c.Clusters {
		to := server.Cluster{
			Name: from.Name, Audience: from.Audience,
			CallerNames: from.Callers.ClientNames, InsecureAnyCaller: from.Callers.InsecureAnyone,
		}
		if to.CallerToken, to.CallerCAs, err = callers(from.Callers); err != nil {
			return nil, fmt.Errorf("the callers of cluster %s: %w", from.Name, err)
		}
		if ca := cas[from.Name]; ca != nil {
			to.CA, to.CertificateLife = certifier{ca}, from.CA.Lifetime
		}
		all = append(all, to)
	}
	return all, nil
}

func callers(c config.Callers) (token secret.Text, pool *x509.CertPool, err error) {
	if c.TokenFile != "" {
		if token, err = readSecret(c.TokenFile); err != nil {
			return token, nil, err
		}
		if len(token.Reveal()) < minCaller {
			return token, nil, fmt.Errorf("%s: the token has less than %d characters; openssl rand -hex 32 makes a good one", c.TokenFile, minCaller)
		}
	}
	if c.ClientCAFile != "" {
		data, err := os.ReadFile(c.ClientCAFile)
		if err != nil {
			return token, nil, err
		}
		if pool = x509.NewCertPool(); !pool.AppendCertsFromPEM(data) {
			return token, nil, fmt.Errorf("%s: holds no certificate in PEM", c.ClientCAFile)
		}
	}
	return token, pool, nil
}

// minCaller keeps out tokens that can be guessed.
const minCaller = 20

func names(i config.Identity) server.Names {
	return server.Names{
		UserPrefix: i.Prefix, GroupPrefix: i.GroupPrefix, Lowercase: i.Lowercase, KeepGroup: keep(i.Groups),
		MaxGroups: i.MaxGroups, InsecureAllowSystem: i.InsecureAllowSystem,
	}
}

// keep reports whether a pattern matches a group; * stands for any text.
func keep(patterns []string) func(string) bool {
	if len(patterns) == 0 {
		return nil
	}
	var all []string
	for _, p := range patterns {
		all = append(all, strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, `.*`))
	}
	// (?s): a group's name may hold anything.
	return regexp.MustCompile(`(?s)\A(?:` + strings.Join(all, "|") + `)\z`).MatchString
}

func prefixes(networks []string) (all []netip.Prefix, err error) {
	for _, n := range networks {
		p, wrong := netip.ParsePrefix(n)
		all, err = append(all, p), errors.Join(err, wrong)
	}
	return all, err
}

// directoryTime is for all that one sign-in asks of the directory, and below
// the time for an answer of HTTP.
func directoryTime(c *config.Config) time.Duration {
	const most = 30 * time.Second
	if c.Directory.LDAP == nil {
		return most
	}
	return min(2*c.Directory.LDAP.ConnectTimeout+3*c.Directory.LDAP.RequestTimeout, most)
}
