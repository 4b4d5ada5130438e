package main

// What dev prints for a person: a first sign-in, and the API server's side.

import (
	"encoding/base64"
	"strings"
)

func (d *devHouse) text() string {
	return strings.NewReplacer(
		"ISSUER", d.issuer,
		"CA_FILE", d.at("ca.crt"),
		"CA_DATA", base64.StdEncoding.EncodeToString(d.ca),
		"CA_PEM", indent(d.ca, "        "),
		"CONFIG", d.at("exchange.yaml"),
		"AUDIT", d.at("audit.log"),
		"CLIENT_AUTHORITY", d.at("clients.crt"),
		"CLIENT", devClient,
		"CLUSTER", devCluster,
		"REVIEW", d.review(),
		"CALLER", d.caller.Reveal(),
		"USER", devUser,
		"PASSWORD", d.password.Reveal(),
	).Replace(devTemplate)
}

func indent(text []byte, by string) string {
	return by + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n"+by)
}

const devTemplate = `kubecred-exchange is at ISSUER, for this machine alone. Ctrl-C ends it.

Sign in as USER with the password PASSWORD, for a token:

  kubecred get-token --exchange-url=ISSUER --certificate-authority=CA_FILE --username=USER

or for a client certificate:

  kubecred get-token --exchange-url=ISSUER --certificate-authority=CA_FILE --username=USER --credential=certificate --exchange-cluster=CLUSTER

In a kubeconfig, the same words are the args of an exec block. kubecred asks in
the terminal whether you trust this host with a password, and then for it: once
for the token and once for the certificate. It renews each by itself then, until
its session ends after 12 hours.

An API server trusts it in one of three ways. It verifies tokens itself
(--authentication-config=FILE):

  apiVersion: apiserver.config.k8s.io/v1
  kind: AuthenticationConfiguration
  jwt:
  - issuer:
      url: ISSUER
      audiences: [CLIENT]
      certificateAuthority: |
CA_PEM
    claimMappings:
      username: {claim: preferred_username, prefix: ""}
      groups: {claim: groups, prefix: ""}
      uid: {claim: sub}

or it asks for each token (--authentication-token-webhook-config-file=FILE
--authentication-token-webhook-version=v1):

  apiVersion: v1
  kind: Config
  current-context: exchange
  clusters:
  - name: exchange
    cluster:
      server: REVIEW
      certificate-authority-data: CA_DATA
  users:
  - name: api-server
    user: {token: CALLER}
  contexts:
  - name: exchange
    context: {cluster: exchange, user: api-server}

or it trusts the certificates (--client-ca-file=CLIENT_AUTHORITY).

The other commands reach it with --config CONFIG:
sessions, revoke, rotate, backup, check. The audit goes to AUDIT.
`
