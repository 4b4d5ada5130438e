package main

// The plugin, run as a client of Kubernetes runs it.

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// execInfo is what client-go v0.37 puts into KUBERNETES_EXEC_INFO where stdin
// is no terminal.
const execInfo = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}` + "\n"

// plugin is a program and its surroundings.
type plugin struct {
	stage    *stage
	program  string
	provider *oidctest.Provider
}

// answer is what one run gave.
type answer struct {
	stdout, stderr []byte
	took           time.Duration
	claims         claims
}

// claims are those of the token that are worth reading.
type claims struct {
	Issuer   string   `json:"iss"`
	Email    string   `json:"email"`
	Username string   `json:"preferred_username"`
	Groups   []string `json:"groups"`
	Expires  int64    `json:"exp"`
}

// arguments are those of the exec block that the README shows, and what keeps
// the demonstration to itself.
func (p *plugin) arguments() []string {
	browser, err := os.Executable()
	if err != nil {
		browser = os.Args[0]
	}
	return []string{
		"get-token",
		"--oidc-issuer-url=" + p.provider.Issuer,
		"--oidc-client-id=" + oidctest.ClientID,
		"--oidc-extra-scope=profile",
		"--oidc-extra-scope=email",
		"--oidc-extra-scope=groups",
		"--grant-type=authcode",
		"--listen-address=127.0.0.1:0",
		"--browser-command=" + browser,
		"--token-cache-dir=" + p.stage.cache(),
		"--token-cache-storage=file",
	}
}

// run runs the plugin once and reads its answer strictly.
func (p *plugin) run(ctx context.Context) (*answer, error) {
	a, err := p.call(ctx, p.arguments(), p.stage.env())
	if err != nil {
		return nil, err
	}
	return a, a.read()
}

// call runs the plugin once.
func (p *plugin) call(ctx context.Context, args, env []string) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, p.program, args...)
	cmd.Env = append(env, "KUBERNETES_EXEC_INFO="+execInfo)
	cmd.Dir = p.stage.root
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// A browser that held the streams would keep Wait for ever.
	cmd.WaitDelay = 5 * time.Second
	started := time.Now()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("kubecred get-token: %w\n%s", err, stderr.Bytes())
	}
	return &answer{stdout: stdout.Bytes(), stderr: stderr.Bytes(), took: time.Since(started)}, nil
}

// status is that of an ExecCredential.
type status struct {
	Token                 string
	ClientCertificateData string
	ClientKeyData         string
	ExpirationTimestamp   time.Time
}

// credential checks that stdout is one ExecCredential that lives, and nothing
// else.
func (a *answer) credential() (status, error) {
	var credential struct {
		APIVersion, Kind string
		Status           status
	}
	if err := json.Unmarshal(a.stdout, &credential); err != nil {
		return status{}, fmt.Errorf("stdout is not one JSON object: %w", err)
	}
	switch {
	case credential.APIVersion != "client.authentication.k8s.io/v1" || credential.Kind != "ExecCredential":
		return status{}, fmt.Errorf("stdout is a %s of %s", credential.Kind, credential.APIVersion)
	case bytes.Count(a.stdout, []byte("\n")) != 1 || !bytes.HasSuffix(a.stdout, []byte("\n")):
		return status{}, errors.New("stdout is not one line")
	case !credential.Status.ExpirationTimestamp.After(time.Now()):
		return status{}, fmt.Errorf("the credential expires at %s", credential.Status.ExpirationTimestamp)
	}
	return credential.Status, nil
}

// read reads a token's claims.
func (a *answer) read() error {
	got, err := a.credential()
	if err != nil {
		return err
	}
	parts := strings.Split(got.Token, ".")
	if len(parts) != 3 {
		return errors.New("the token is not a JWT")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &a.claims)
}

// pretty is the answer with an indent, for reading.
func (a *answer) pretty() string { return indented(a.stdout) }

func indented(data []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, data, "", "  "); err != nil {
		return string(data)
	}
	return strings.TrimSpace(out.String())
}

// browserPatience is how long a browser may go on after kubecred has its code.
const browserPatience = 10 * time.Second

// signedInOnce checks with the provider and the browser that there was one
// sign-in in all, and that the person was told that it worked.
func (p *plugin) signedInOnce(ctx context.Context) error {
	if n := p.provider.Count(oidctest.Authorize); n != 1 {
		return fmt.Errorf("the provider saw %d authorization requests", n)
	}
	if n := p.provider.Count(oidctest.Token); n != 1 {
		return fmt.Errorf("the provider saw %d token requests", n)
	}
	ctx, cancel := context.WithTimeout(ctx, browserPatience)
	defer cancel()
	visits, err := oidctest.AwaitVisits(ctx, p.stage.visits(), 1)
	switch {
	case err != nil:
		return fmt.Errorf("the browser does not come to an end: %w", err)
	case len(visits) != 1:
		return fmt.Errorf("the browser was opened %d times", len(visits))
	case visits[0].Err != "":
		return fmt.Errorf("the browser failed: %s", visits[0].Err)
	case visits[0].Page.Status != http.StatusOK:
		return fmt.Errorf("the browser ended on a page of status %d", visits[0].Page.Status)
	}
	return nil
}
