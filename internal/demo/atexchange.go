package main

// The course of the second part.

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// atExchange signs in with a directory's password.
func atExchange(ctx context.Context, stage *stage, p programs, tell *teller) (err error) {
	tell.title("No OpenID Provider, but a directory: kubecred-exchange")
	s, err := startExchange(ctx, p.exchange, stage.env())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	tell.line("Started kubecred-exchange dev at %s, with a directory of one: %s.", s.said.Issuer, s.said.User)
	if err := s.profile(stage); err != nil {
		return err
	}
	k := &plugin{stage: stage, program: p.kubecred}
	first, err := forToken(ctx, k, s, tell)
	if err != nil {
		return err
	}
	if err := reviewed(ctx, s, first, tell); err != nil {
		return err
	}
	if err := forCertificate(ctx, k, s, tell); err != nil {
		return err
	}
	return again(ctx, k, s, first, tell)
}

// forToken signs in and shows the credential.
func forToken(ctx context.Context, k *plugin, s *service, tell *teller) (*answer, error) {
	tell.title("A client asks for a token")
	args := exchangeArguments(k.stage)
	tell.command(args)
	got, err := k.call(ctx, args, exchangeEnv(k.stage))
	if err == nil {
		err = got.read()
	}
	switch {
	case err != nil:
		return nil, err
	case got.claims.Issuer != s.said.Issuer || got.claims.Username != s.said.User || !slices.Equal(got.claims.Groups, s.said.Groups):
		return nil, fmt.Errorf("the token says %+v", got.claims)
	}
	tell.line("A person types the password in the terminal; this one is in a file that a")
	tell.line("profile names. After %s kubecred printed:", short(got.took))
	tell.blank()
	tell.text(got.pretty())
	return got, nil
}

// reviewed asks as an API server does by webhook.
func reviewed(ctx context.Context, s *service, first *answer, tell *teller) error {
	tell.title("A cluster asks the exchange whose token that is: TokenReview")
	credential, err := first.credential()
	if err != nil {
		return err
	}
	said, err := s.review(ctx, credential.Token)
	if err != nil {
		return err
	}
	if err := s.readReview(said); err != nil {
		return err
	}
	tell.text(indented(said))
	return nil
}

const maxReview = 64 << 10 // bytes

func (s *service) review(ctx context.Context, token string) ([]byte, error) {
	body, err := json.Marshal(map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": map[string]string{"token": token},
	})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.said.Review, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.said.ReviewToken)
	roots, err := pool(s.said.CertificateAuthority)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
	}}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the review is answered %s", answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxReview))
}

func pool(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	roots := x509.NewCertPool()
	if err == nil && !roots.AppendCertsFromPEM(data) {
		err = fmt.Errorf("%s holds no certificate", file)
	}
	return roots, err
}

// readReview checks that a review says who the person is.
func (s *service) readReview(said []byte) error {
	var review struct {
		APIVersion, Kind string
		Status           struct {
			Authenticated bool
			User          struct {
				Username string
				Groups   []string
			}
		}
	}
	if err := json.Unmarshal(said, &review); err != nil {
		return fmt.Errorf("the review is not JSON: %w", err)
	}
	user := review.Status.User
	if review.Kind != "TokenReview" || !review.Status.Authenticated || user.Username != s.said.User || !slices.Equal(user.Groups, s.said.Groups) {
		return fmt.Errorf("the review says %s", said)
	}
	return nil
}

// forCertificate fetches a client certificate; its key is not shown.
func forCertificate(ctx context.Context, k *plugin, s *service, tell *teller) error {
	tell.title("A client asks for a certificate instead")
	args := exchangeArguments(k.stage, "--credential=certificate", "--exchange-cluster="+s.said.Cluster)
	tell.command(args)
	got, err := k.call(ctx, args, exchangeEnv(k.stage))
	if err != nil {
		return err
	}
	credential, err := got.credential()
	if err != nil {
		return err
	}
	leaf, err := s.readCertificate(credential)
	if err != nil {
		return err
	}
	tell.line("The key was made on this machine and stays there. After %s kubecred printed:", short(got.took))
	tell.blank()
	tell.text(strings.Replace(got.pretty(), quoted(credential.ClientKeyData), `"[REDACTED]"`, 1))
	tell.line("The certificate says: %s, in %s, good until %s.",
		leaf.Subject.CommonName, strings.Join(leaf.Subject.Organization, " and "), leaf.NotAfter.Local().Format("15:04:05"))
	return nil
}

func quoted(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		return text
	}
	return string(data)
}

// readCertificate checks that a cluster would take it, for whom.
func (s *service) readCertificate(credential status) (*x509.Certificate, error) {
	if _, err := tls.X509KeyPair([]byte(credential.ClientCertificateData), []byte(credential.ClientKeyData)); err != nil {
		return nil, fmt.Errorf("no certificate and its key: %w", err)
	}
	block, _ := pem.Decode([]byte(credential.ClientCertificateData))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	roots, err := pool(s.said.ClientCA)
	if err != nil {
		return nil, err
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err == nil && (leaf.Subject.CommonName != s.said.User || !slices.Equal(leaf.Subject.Organization, s.said.Groups)) {
		err = fmt.Errorf("the certificate is for %s", leaf.Subject)
	}
	return leaf, err
}

// again must be answered by the cache alone.
func again(ctx context.Context, k *plugin, s *service, first *answer, tell *teller) error {
	tell.title("The first client asks again")
	before, err := s.decisions()
	if err != nil {
		return err
	}
	got, err := k.call(ctx, exchangeArguments(k.stage), exchangeEnv(k.stage))
	if err != nil {
		return err
	}
	after, err := s.decisions()
	switch {
	case err != nil:
		return err
	case !bytes.Equal(got.stdout, first.stdout):
		return errors.New("the answer is not the first one from the cache")
	case len(got.stderr) > 0:
		return fmt.Errorf("a hit is not silent: %s", got.stderr)
	case after != before:
		return fmt.Errorf("a hit asked the exchange for %d decisions", after-before)
	}
	tell.line("The same token, from the cache in %s. The exchange was asked nothing.", short(got.took))
	return nil
}
