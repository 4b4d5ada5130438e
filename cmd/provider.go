package cmd

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/login"
)

// provider is the part of login's configuration that says to whom to speak and
// as whom. It reads the client's secret and key from where they lie.
func (a *app) provider(ctx context.Context, s *settings.Settings, store *cache.Store) (login.Config, error) {
	client, err := a.httpClient(s)
	if err != nil {
		return login.Config{}, err
	}
	cfg := login.Config{
		Issuer: s.IssuerURL, ClientID: s.ClientID,
		AuthMethod: s.AuthMethod, AssertionKeyID: s.AssertionKeyID,
		HTTP: client, Now: a.now, Log: a.log,
	}
	if cfg.ClientSecret, err = a.readSecret(ctx, s.ClientSecret); err != nil {
		return login.Config{}, &ownError{"the client's secret", err}
	}
	if cfg.ClientSecret.Empty() {
		if cfg.ClientSecret, err = importedSecret(ctx, store, s); err != nil {
			return login.Config{}, err
		}
	}
	if s.AssertionKeyFile != "" {
		if cfg.AssertionKey, err = readKey(s.AssertionKeyFile); err != nil {
			return login.Config{}, &ownError{"the client's key", err}
		}
	}
	return cfg, nil
}

// httpClient speaks with the issuer or the exchange as the settings say.
func (a *app) httpClient(s *settings.Settings) (*http.Client, error) {
	issuer, err := url.Parse(s.IssuerURL)
	if err != nil {
		return nil, errors.New("the issuer is not a URL")
	}
	return httpclient.New(httpclient.Options{
		CAPEM: s.CAPEM, AddSystemRoots: s.AddSystemRoots, InsecureSkipTLSVerify: s.InsecureSkipTLSVerify,
		Renegotiation: s.Renegotiation, Header: s.RequestHeaders, HeaderHost: issuer.Host, Proxy: s.Proxy,
		UserAgent: "kubecred/" + a.build.Complete().Version, Log: a.log,
	})
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
