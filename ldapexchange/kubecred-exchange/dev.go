package main

// A whole exchange for an afternoon: nothing to prepare, nothing left behind.

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/argon2"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/secret"
)

// What dev calls things.
const (
	devUser    = "alice"
	devMail    = "alice@example.com"
	devClient  = "kubernetes" // kubecred's default
	devCluster = "dev"
)

func devGroups() []string { return []string{"admins", "developers"} }

func (a *app) devCommand() *cobra.Command {
	var address, output string
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run a throw-away exchange on this machine, to try it out",
		Long: `Runs an exchange with a certificate authority, keys, state and a directory of one
user that it makes for itself, on loopback. It prints how to sign in, and what an
API server is told to trust it. Ctrl-C ends it and removes everything, and so
does the end of its terminal.`,
		Example: cli.Examples("kubecred-exchange dev", "kubecred-exchange dev --address 127.0.0.1:9443"),
		Args:    cli.NoArgs,
	}
	c.Flags().StringVar(&address, "address", "127.0.0.1:8443", "Loopback address to listen on; port 0 is any")
	cli.AddOutput(c, &output)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := cli.CheckOutput(output); err != nil {
			return err
		}
		// A second Ctrl-C does not keep what was made from being removed.
		ctx, stop := signal.NotifyContext(c.Context(), endsDev()...)
		defer stop()
		return a.dev(ctx, address, output)
	}
	return c
}

// endsDev has SIGHUP, by which a service reloads: here it is the terminal's end,
// but for whoever was started with nohup.
func endsDev() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}

func (a *app) dev(ctx context.Context, address, output string) (err error) {
	folder, err := os.MkdirTemp("", "kubecred-exchange-dev-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if address, err = freeLoopback(ctx, address); err != nil {
		return err
	}
	d, err := furnish(folder, address, time.Now())
	if err != nil {
		return err
	}
	return a.serve(ctx, d.at("exchange.yaml"), nil, func() { d.print(a, output) })
}

// freeLoopback finds a port where none is named. Another program could take it
// before the service does, which then says so.
func freeLoopback(ctx context.Context, address string) (string, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return "", cli.Mistake("give --address=127.0.0.1:PORT", "dev listens on a loopback address alone")
	}
	l, err := listenOn(ctx, "--address", address)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// devHouse is what dev made.
type devHouse struct {
	folder   string
	issuer   string
	ca       []byte // PEM
	caller   secret.Text
	password secret.Text
}

func (d *devHouse) at(name string) string { return filepath.Join(d.folder, name) }

// furnish writes all that serve needs into folder.
func furnish(folder, address string, now time.Time) (*devHouse, error) {
	d := &devHouse{
		folder: folder, issuer: "https://" + address,
		caller: secret.New(rand.Text()), password: secret.New(rand.Text()),
	}
	ca, err := newAuthority("kubecred-exchange dev", now)
	if err != nil {
		return nil, err
	}
	d.ca = ca.pem()
	tls, err := ca.server(now)
	if err != nil {
		return nil, err
	}
	clients, err := newAuthority("kubecred-exchange dev clients", now)
	if err != nil {
		return nil, err
	}
	return d, errors.Join(
		os.WriteFile(d.at("ca.crt"), d.ca, 0o600),
		tls.write(d.at("tls.crt"), d.at("tls.key")),
		clients.write(d.at("clients.crt"), d.at("clients.key")),
		os.WriteFile(d.at("users.yaml"), d.users(), 0o600),
		os.WriteFile(d.at("caller"), []byte(d.caller.Reveal()), 0o600),
		os.WriteFile(d.at("exchange.yaml"), []byte(d.configuration(address)), 0o600),
	)
}

// users is a file of one.
func (d *devHouse) users() []byte {
	return fmt.Appendf(nil, "users:\n- name: %s\n  email: %s\n  groups: [%s]\n  passwordHash: %s\n",
		devUser, devMail, strings.Join(devGroups(), ", "), hashed(d.password))
}

// hashed is argon2id in the PHC string format, with what OWASP's cheat sheet on
// password storage asks for at least.
func hashed(password secret.Text) string {
	const memory, rounds, threads, length = 19 << 10, 2, 1, 32
	salt := []byte(rand.Text())
	key := argon2.IDKey([]byte(password.Reveal()), salt, rounds, memory, threads, length)
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, rounds, threads, encode(salt), encode(key))
}

func (d *devHouse) configuration(address string) string {
	return fmt.Sprintf(`issuer: %s
listen: {address: %q, certificateFile: tls.crt, keyFile: tls.key, drain: 1s}
directory: {usersFile: users.yaml}
clients:
- id: %s
clusters:
- name: %s
  audience: %s
  callers: {tokenFile: caller}
  certificateAuthority: {certificateFile: clients.crt, keyFile: clients.key}
tokens: {keysFolder: keys, algorithm: ES256}
state: {file: state/state.db}
audit: {file: audit.log}
log: {level: warn}
`, d.issuer, address, devClient, devCluster, devClient)
}

// devAnswer is what scripts are told.
type devAnswer struct {
	Issuer               string   `json:"issuer"`
	CertificateAuthority string   `json:"certificateAuthority"` // file
	Config               string   `json:"config"`               // file, for the other commands
	Cluster              string   `json:"cluster"`
	Review               string   `json:"review"` // URL
	ReviewToken          string   `json:"reviewToken"`
	User                 string   `json:"user"`
	Password             string   `json:"password"`
	Groups               []string `json:"groups"`
	ClientCA             string   `json:"clientCA"` // file that an API server would trust
	Audit                string   `json:"audit"`    // file
}

func (d *devHouse) print(a *app, output string) {
	if output == "json" {
		json.NewEncoder(a.stdout).Encode(d.answer()) // one line
		return
	}
	fmt.Fprint(a.stdout, d.text())
}

func (d *devHouse) answer() devAnswer {
	return devAnswer{
		Issuer: d.issuer, CertificateAuthority: d.at("ca.crt"), Config: d.at("exchange.yaml"),
		Cluster: devCluster, Review: d.review(), ReviewToken: d.caller.Reveal(),
		User: devUser, Password: d.password.Reveal(), Groups: devGroups(), ClientCA: d.at("clients.crt"),
		Audit: d.at("audit.log"),
	}
}

func (d *devHouse) review() string { return d.issuer + "/v1/clusters/" + devCluster + "/tokenreview" }
