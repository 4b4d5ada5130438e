package login

// From a Config to a Client: check what was configured, ask the provider what
// it is, and settle once what would otherwise be found out by trial.

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/term"
)

const (
	discoveryName = "discovery document"
	// maxIssuer bounds the name that a provider gives itself in an error.
	maxIssuer = 200
)

// Discover reads the provider's discovery document and returns a Client.
// Errors: *ConfigError, *NetworkError, *ProviderError, *IssuerMismatchError.
func Discover(ctx context.Context, cfg Config) (*Client, error) {
	cfg, issuer, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	meta, err := discover(ctx, cfg, issuer)
	if err != nil {
		return nil, err
	}
	auth, err := authMethod(cfg, meta)
	if err != nil {
		return nil, err
	}
	cfg.Log.Info("discovered the provider", "issuer", meta.Issuer, "client authentication", auth)
	return &Client{
		cfg:    cfg,
		issuer: issuer,
		meta:   meta,
		keys:   &keySet{from: endpoint{"key set", meta.JWKS}, http: cfg.HTTP, now: cfg.Now},
		scope:  scope(cfg.Scopes),
		auth:   auth,
		wait:   sleep,
	}, nil
}

// discover fetches and checks the document. The address is the issuer's with
// the slash at its end dropped (OpenID Connect Discovery 1.0, section 4.1).
func discover(ctx context.Context, cfg Config, issuer *url.URL) (Metadata, error) {
	from := endpoint{discoveryName, strings.TrimSuffix(cfg.Issuer, "/") + "/.well-known/openid-configuration"}
	var meta Metadata
	if err := get(ctx, cfg.HTTP, from, &meta); err != nil {
		return Metadata{}, err
	}
	if meta.Issuer != cfg.Issuer {
		return Metadata{}, &IssuerMismatchError{Want: cfg.Issuer, Got: term.Clean(meta.Issuer, maxIssuer)}
	}
	return meta, meta.check(issuer)
}

// complete checks c and fills in what may be left out.
func (c Config) complete() (Config, *url.URL, error) {
	issuer, err := httpclient.ParseURL(c.Issuer)
	switch {
	case err != nil:
		return c, nil, &ConfigError{"issuer", err.Error()}
	case issuer.RawQuery != "" || issuer.ForceQuery:
		return c, nil, &ConfigError{"issuer", "the URL contains a query"}
	case c.ClientID == "":
		return c, nil, &ConfigError{"client", "no client ID is given"}
	case !slices.Contains([]string{"", "auto", "S256", "no"}, c.PKCE):
		return c, nil, &ConfigError{"PKCE", "it is none of auto, S256 and no"}
	}
	for name, value := range c.ExtraParams {
		if err := checkExtra(name, value); err != nil {
			return c, nil, err
		}
	}
	if _, _, err := c.maxAge(); err != nil {
		return c, nil, err
	}
	if c.HTTP == nil {
		if c.HTTP, err = httpclient.New(httpclient.Options{}); err != nil {
			return c, nil, err
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, issuer, nil
}

// scope joins openid and extra, each once.
func scope(extra []string) string {
	all := []string{"openid"}
	for _, s := range extra {
		if s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return strings.Join(all, " ")
}
