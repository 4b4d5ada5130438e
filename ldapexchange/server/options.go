package server

// What an administrator decides, with its defaults and what cannot stand.

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/ldapexchange"
)

// Options of a Server. The rooms are all needed but for Limits.
type Options struct {
	Issuer   string // https URL without query, as clusters and clients have it
	Clients  []Client
	Clusters []Cluster
	Names    Names

	Directory   Directory
	Signer      Signer
	Sessions    Sessions
	Revocations Revocations
	Limits      Limits // nil counts nothing; MUST NOT be nil where others can reach the service

	TokenLife   time.Duration // 10 minutes
	SessionLife time.Duration // 12 hours
	MaxToken    int           // bytes of one token; 12 KiB
	MaxBody     int64         // bytes of one request's body; 64 KiB
	// DirectoryTimeout bounds what the directory may take; 10 seconds.
	DirectoryTimeout time.Duration
	// RefusalStep is what the time of a refused sign-in is rounded up to, so
	// that it does not tell whether the name is known; 250 ms.
	RefusalStep time.Duration

	TrustedProxies []netip.Prefix // whose X-Forwarded-For counts; empty: nobody's

	Checks   []Check  // of readiness
	Insecure []string // the insecure settings that are in force, for readiness
	// Replaces is the Server that this one follows, after a reload: its metrics
	// go on, and so do its draining and the digests in its audit. It may be nil.
	Replaces *Server
	// SeparateMetrics leaves /metrics out of Handler: see Server.Metrics.
	SeparateMetrics bool

	Audit *slog.Logger // one line a decision; nil is nowhere
	Log   *slog.Logger // for operators; nil is nowhere

	now   func() time.Time
	sleep func(context.Context, time.Duration)
}

// Client is a public OAuth 2 client.
type Client struct {
	ID        string
	Audiences []string // that it may ask for besides its own ID
}

// Cluster is one that asks for reviews or that certificates are issued for.
type Cluster struct {
	Name     string // stands in the review's path
	Audience string // of the tokens that it takes

	// Its API server shows one of these when it asks for a review.
	CallerToken secret.Text
	CallerCAs   *x509.CertPool // of its client certificate
	CallerNames []string       // common or DNS names of that certificate; empty takes every name
	// InsecureAnyCaller answers whoever asks. It MUST NOT be set where others
	// can reach the service.
	InsecureAnyCaller bool

	CA              CertificateAuthority // nil: no certificates
	CertificateLife time.Duration        // at most; 1 hour
}

// Names says how the directory's names become a cluster's.
type Names struct {
	UserPrefix  string
	GroupPrefix string
	Lowercase   bool              // fold user names
	KeepGroup   func(string) bool // by the directory's name; nil keeps all
	MaxGroups   int               // more refuse a sign-in; 0 is no limit
	// InsecureAllowSystem lets "system:" names and groups through, which
	// Kubernetes gives powers by itself.
	InsecureAllowSystem bool
}

// Check is one thing that readiness depends on.
type Check struct {
	Name string
	Run  func(context.Context) error
}

func (o *Options) fill() {
	set(&o.TokenLife, 10*time.Minute)
	set(&o.SessionLife, 12*time.Hour)
	set(&o.MaxToken, 12<<10)
	set(&o.MaxBody, 64<<10)
	set(&o.DirectoryTimeout, 10*time.Second)
	set(&o.RefusalStep, 250*time.Millisecond)
	if o.Limits == nil {
		o.Limits = noLimits{}
	}
	for _, log := range []**slog.Logger{&o.Audit, &o.Log} {
		if *log == nil {
			*log = slog.New(slog.DiscardHandler)
		}
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.sleep == nil {
		o.sleep = sleep
	}
	o.Clusters = slices.Clone(o.Clusters)
	for i := range o.Clusters {
		set(&o.Clusters[i].CertificateLife, time.Hour)
	}
}

func set[T comparable](to *T, value T) {
	var zero T
	if *to == zero {
		*to = value
	}
}

func (o *Options) check() error {
	if o.Directory == nil || o.Signer == nil || o.Sessions == nil || o.Revocations == nil {
		return errors.New("the server needs a directory, a signer, sessions and revocations")
	}
	if err := checkIssuer(o.Issuer); err != nil {
		return err
	}
	if !o.Names.InsecureAllowSystem && (isSystem(o.Names.UserPrefix) || isSystem(o.Names.GroupPrefix)) {
		return errors.New("a prefix that begins with system: needs the insecure setting")
	}
	if err := o.checkClients(); err != nil {
		return err
	}
	return o.checkClusters()
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil, u.Host == "", u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the issuer is no https URL")
	case u.RawQuery != "", u.ForceQuery, u.Fragment != "", u.User != nil, strings.HasSuffix(issuer, "/"):
		return errors.New("the issuer must have no query, fragment, user or slash at its end")
	case u.Path != "" && path.Clean(u.Path) != u.Path, strings.ContainsAny(u.Path, "{} \t"):
		return errors.New("the issuer's path must be plain: it is a pattern of routes here")
	}
	return nil
}

// checkClients holds that no token can be taken for another's. A token for an
// audience names its client as well (OpenID Connect Core 1.0, section 2), and
// API servers take a token when any of its audiences is right: an audience that
// is some client's ID would let every token of that client in.
func (o *Options) checkClients() error {
	if len(o.Clients) == 0 {
		return errors.New("there is no client")
	}
	seen := map[string]bool{}
	for _, c := range o.Clients {
		if c.ID == "" || seen[c.ID] {
			return fmt.Errorf("the client %q is there twice, or has no ID", c.ID)
		}
		seen[c.ID] = true
	}
	for _, c := range o.Clients {
		for _, audience := range c.Audiences {
			switch {
			case audience == "" || audience == o.Issuer:
				return fmt.Errorf("the client %q may ask for an audience that is empty or the exchange itself", c.ID)
			case seen[audience] && audience != c.ID:
				return fmt.Errorf("the audience %q is the ID of another client: tokens for others would pass there", audience)
			}
		}
		if c.ID == o.Issuer {
			return errors.New("a client's ID is the exchange's own audience")
		}
	}
	return nil
}

func (o *Options) checkClusters() error {
	names, audiences := map[string]bool{}, map[string]bool{}
	for _, c := range o.Clusters {
		switch {
		case !ldapexchange.IsClusterName(c.Name), names[c.Name]:
			return fmt.Errorf("the cluster's name %q is there twice, or is no name", c.Name)
		case c.Audience == "", c.Audience == o.Issuer:
			return fmt.Errorf("the cluster %s needs an audience of its own", c.Name)
		case audiences[c.Audience]:
			return fmt.Errorf("the cluster %s has another's audience: each would take the other's tokens", c.Name)
		}
		names[c.Name], audiences[c.Audience] = true, true
		for _, client := range o.Clients {
			if client.ID == c.Audience && others(client) {
				return fmt.Errorf("the cluster %s takes tokens for the client %q, which may ask for other audiences: they would pass there too", c.Name, client.ID)
			}
		}
	}
	return nil
}

// others reports whether a client may ask for more than its own ID.
func others(c Client) bool {
	return slices.ContainsFunc(c.Audiences, func(a string) bool { return a != c.ID })
}

// may reports whether a client may have tokens for audience.
func (c Client) may(audience string) bool {
	return audience == c.ID || slices.Contains(c.Audiences, audience)
}

// callerDigest is compared in place of the token, so that its length is not
// told either.
func callerDigest(token secret.Text) [sha256.Size]byte { return sha256.Sum256([]byte(token.Reveal())) }

type noLimits struct{}

func (noLimits) Begin(context.Context, string, netip.Addr, secret.Text) (Attempt, error) {
	return noLimits{}, nil
}
func (noLimits) Refused(context.Context) error { return nil }
func (noLimits) Barred(context.Context) error  { return nil }
func (noLimits) Passed(context.Context) error  { return nil }
func (noLimits) Done()                         {}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
