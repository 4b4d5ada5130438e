package cmd

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/login"
)

// provider says how to speak with an OpenID Provider as a client. It is sealed
// beside the session, so that logout can revoke what it belongs to without a
// kubeconfig that still names it. The client's secret is not sealed with it: it
// stays where the person keeps it.
type provider struct {
	Issuer         string                   `json:"issuer"`
	Client         string                   `json:"client"`
	Secret         secret.Text              `json:"-"`
	AuthMethod     string                   `json:"authMethod,omitempty"`
	AssertionKey   string                   `json:"assertionKey,omitempty"` // a path
	AssertionKeyID string                   `json:"assertionKeyID,omitempty"`
	CA             []byte                   `json:"ca,omitempty"`
	SystemRoots    bool                     `json:"systemRoots,omitempty"`
	Insecure       bool                     `json:"insecureSkipTLSVerify,omitempty"`
	Renegotiation  tls.RenegotiationSupport `json:"renegotiation,omitempty"`
	Headers        map[string]string        `json:"headers,omitempty"`
	Proxy          string                   `json:"proxy,omitempty"`
}

// provider gathers what the settings say of it, and reads the client's secret
// from where it lies.
func (a *app) provider(s *settings.Settings) (provider, error) {
	held, err := a.readSecret(s.ClientSecret)
	if err != nil {
		return provider{}, &ownError{"the client's secret", err}
	}
	return provider{
		Issuer: s.IssuerURL, Client: s.ClientID, Secret: held,
		AuthMethod: s.AuthMethod, AssertionKey: s.AssertionKeyFile, AssertionKeyID: s.AssertionKeyID,
		CA: s.CAPEM, SystemRoots: s.AddSystemRoots, Insecure: s.InsecureSkipTLSVerify,
		Renegotiation: s.Renegotiation, Headers: s.RequestHeaders, Proxy: s.Proxy,
	}, nil
}

// config is the part of login's that says to whom and as whom.
func (p provider) config(a *app) (login.Config, error) {
	issuer, err := url.Parse(p.Issuer)
	if err != nil {
		return login.Config{}, fmt.Errorf("the issuer is not a URL")
	}
	client, err := httpclient.New(httpclient.Options{
		CAPEM: p.CA, AddSystemRoots: p.SystemRoots, InsecureSkipTLSVerify: p.Insecure,
		Renegotiation: p.Renegotiation, Header: p.Headers, HeaderHost: issuer.Host, Proxy: p.Proxy,
		UserAgent: "kubecred/" + a.build.complete().Version, Log: a.log,
	})
	if err != nil {
		return login.Config{}, err
	}
	cfg := login.Config{
		Issuer: p.Issuer, ClientID: p.Client, ClientSecret: p.Secret,
		AuthMethod: p.AuthMethod, AssertionKeyID: p.AssertionKeyID,
		HTTP: client, Now: a.now, Log: a.log,
	}
	if p.AssertionKey != "" {
		if cfg.AssertionKey, err = readKey(p.AssertionKey); err != nil {
			return login.Config{}, &ownError{"the client's key", err}
		}
	}
	return cfg, nil
}

// readKey reads a PEM private key: PKCS #8, PKCS #1 or SEC 1.
func readKey(path string) (crypto.Signer, error) {
	data, err := readSmallFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM key", path)
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("%s holds no private key that can sign", path)
}
