package main

// Keys and authorities, as the server knows them.

import (
	"errors"
	"fmt"
	"time"

	"github.com/kubecred/kubecred/ldapexchange/issuer"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
	"github.com/kubecred/kubecred/ldapexchange/server"
)

func openKeys(c *config.Config) (*issuer.Keys, error) {
	return issuer.Open(issuer.Options{
		Dir:              c.Tokens.KeysFolder,
		ReadOnly:         c.Tokens.KeysReadOnly,
		Issuer:           c.Issuer,
		Algorithm:        issuer.Algorithm(c.Tokens.Algorithm),
		TokenLife:        c.Tokens.Lifetime,
		RotateEvery:      c.Tokens.Rotation,
		AllowSystemNames: c.Identity.InsecureAllowSystem,
	})
}

// signer is Keys with the server's own words.
type signer struct{ *issuer.Keys }

func (s signer) Sign(c server.Claims) (string, error) {
	token, err := s.Keys.Sign(issuer.Claims{
		Kind: kindOf(c.Kind), Subject: c.Subject, Name: c.Name, Email: c.Email, Groups: c.Groups,
		Audience: c.Audience, AuthorizedParty: c.Client, Session: c.Session, ID: c.ID,
		IssuedAt: c.IssuedAt, Expiry: c.Expiry,
	})
	return token, err
}

func (s signer) Verify(token string) (server.Claims, error) {
	c, err := s.Keys.Verify(token)
	if err != nil {
		return server.Claims{}, err
	}
	kind := server.IDToken
	if c.Kind == issuer.AccessToken {
		kind = server.AccessToken
	}
	return server.Claims{
		Kind: kind, Subject: c.Subject, Name: c.Name, Email: c.Email, Groups: c.Groups,
		Audience: c.Audience, Client: c.AuthorizedParty, Session: c.Session, ID: c.ID,
		IssuedAt: c.IssuedAt, Expiry: c.Expiry,
	}, nil
}

func kindOf(k server.Kind) issuer.Kind {
	if k == server.AccessToken {
		return issuer.AccessToken
	}
	return issuer.IDToken
}

// authorities opens those of the clusters, by the cluster's name.
func authorities(c *config.Config) (map[string]*issuer.CA, error) {
	all := map[string]*issuer.CA{}
	for _, cluster := range c.Clusters {
		if cluster.CA == nil {
			continue
		}
		ca, err := issuer.OpenCA(issuer.CAOptions{
			CertFile: cluster.CA.CertificateFile, KeyFile: cluster.CA.KeyFile,
			MaxLife: cluster.CA.Lifetime, AllowSystemNames: c.Identity.InsecureAllowSystem,
		})
		if err != nil {
			return nil, fmt.Errorf("the certificate authority of cluster %s: %w", cluster.Name, err)
		}
		all[cluster.Name] = ca
	}
	return all, nil
}

// certifier is a CA with the server's own words.
type certifier struct{ *issuer.CA }

func (c certifier) Issue(csr []byte, s server.Subject, lifetime time.Duration) ([]byte, time.Time, string, error) {
	chain, end, serial, err := c.CA.Issue(csr, issuer.Subject{Name: s.Name, UID: s.UID, Groups: s.Groups}, lifetime)
	var large *issuer.TooLargeError
	if errors.Is(err, issuer.ErrCSR) || errors.As(err, &large) {
		err = fmt.Errorf("%w: %w", server.ErrCSR, err)
	}
	return chain, end, serial, err
}
