package cmd

import (
	"encoding/base64"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// Secrets are planted in every field that can hold one, each through every door
// by which it can come in, while the provider repeats them in its errors with
// escape codes. None of them may be in any output at any verbosity, in a log, in
// the name of a file, or in a file in clear.

// door is a way for secrets to come in.
type door struct {
	flags   []string // none means the kubeconfig's exec block
	env     map[string]string
	profile string
}

const (
	clientCanary   = "canary-secret +%&="
	passwordCanary = "canary-password +%&="
)

func (p *place) doors() map[string]door {
	bound := map[string]string{
		"KUBECRED_OIDC_CLIENT_SECRET":             p.provider.Issuer + " " + clientCanary,
		"KUBECRED_PASSWORD":                       p.provider.Issuer + " " + passwordCanary,
		"KUBECRED_OIDC_AUTH_REQUEST_EXTRA_PARAMS": "token=canary-param",
	}
	secret := p.write(clientCanary+"\n", ".config", "kubecred", "secret")
	password := p.write(passwordCanary+"\n", ".config", "kubecred", "password")
	direct := []string{"--oidc-issuer-url=" + p.provider.Issuer, "--oidc-client-id=" + oidctest.ClientID, "--username=alice"}
	open := slices.Concat(direct, []string{"--oidc-request-header=X-Key=canary-header", "--oidc-auth-request-extra-params=token=canary-param,audience=prod",
		"--oidc-client-secret=" + clientCanary, "--password=" + passwordCanary})
	profile := "  mine:\n    oidc-issuer-url: " + p.provider.Issuer + "\n    oidc-client-id: " + oidctest.ClientID +
		"\n    username: alice\n    oidc-request-header: {X-Key: canary-header}\n"
	return map[string]door{
		"flags":     {flags: open},
		"post":      {flags: slices.Concat(open, []string{"--oidc-client-auth-method=client_secret_post"})},
		"variables": {flags: direct, env: bound},
		"files":     {flags: []string{"--profile=mine"}, profile: profile + "    oidc-client-secret-file: secret\n    password-file: password\n"},
		"commands": {flags: []string{"--profile=mine"}, profile: profile +
			"    oidc-client-secret-command: [/bin/sh, -c, 'cat \"$0\"; echo canary-noise >&2', " + secret + "]\n    password-command: [/bin/cat, " + password + "]\n"},
		"kubeconfig": {env: bound},
	}
}

func TestNoSecretIsShown(t *testing.T) {
	onUnix(t)
	for _, name := range []string{"flags", "post", "variables", "files", "commands", "kubeconfig"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			method := oidctest.AuthBasic
			if name == "post" {
				method = oidctest.AuthPost
			}
			p := newPlace(t, oidctest.Confidential(method, clientCanary), oidctest.WithUser(oidctest.User{
				Sub: "user-3", PreferredUsername: "alice", Password: passwordCanary,
			}))
			delete(p.env, "KUBECRED_USERNAME")
			delete(p.env, "KUBECRED_PASSWORD")
			d := p.doors()[name]
			maps.Copy(p.env, d.env)
			p.write("profiles:\n  empty: {}\n"+d.profile, ".config", "kubecred", "config.yaml")
			p.kubeconfig("me", "--username=alice", "--oidc-client-secret="+clientCanary,
				"--oidc-request-header=X-Key=canary-header", "--oidc-auth-request-extra-params=token=canary-param")
			p.env["KUBECRED_LOG"] = p.path("support.log")
			p.looksFor(p.liveADay(d.flags), secretsOf(p.provider))
		})
	}
}

// liveADay runs every command in good times and bad, and returns all that they
// showed but the credentials themselves.
func (p *place) liveADay(flags []string) string {
	p.t.Helper()
	var shown strings.Builder
	run := func(ok bool, command string, more ...string) {
		args := slices.Concat([]string{command}, more, flags)
		if command == "get-token" && flags == nil { // as a client runs the exec block
			args = append(args, p.doors()["flags"].flags...)
		}
		got := p.run(args...)
		if (got.code == 0) != ok {
			p.t.Errorf("%s %s: exit code %d, %s", command, more, got.code, got.stderr)
		}
		if got.stdout != "" && command == "get-token" {
			got.stdout = strings.Replace(got.stdout, got.token(), "", 1)
		}
		shown.WriteString(got.stdout + got.stderr)
	}
	run(true, "get-token", "-v", "9")
	run(true, "get-token", "-v", "9", "--force-refresh")
	run(true, "login")
	for _, output := range []string{"text", "json"} {
		run(true, "status", "-o", output)
		run(true, "status", "--explain", "-o", output)
	}
	for _, trouble := range []oidctest.Option{
		oidctest.EchoSecrets(),
		oidctest.Break(oidctest.Token, echo(http.StatusUnauthorized)),
		oidctest.Break(oidctest.Token, echo(http.StatusOK)),
		oidctest.Break(oidctest.Token, echo(http.StatusServiceUnavailable)),
		oidctest.NoIDToken(),
		oidctest.WrongTokens()["aud another"],
		oidctest.WrongTokens()["signature broken"],
		oidctest.Break(oidctest.Discovery, echo(http.StatusOK)),
	} {
		p.provider.Apply(trouble)
		run(false, "get-token", "-v", "9", "--force-refresh", "--oidc-extra-scope=email")
		run(false, "login", "-v", "9", "--switch")
		p.provider.Apply(oidctest.Honest(), oidctest.Mend(oidctest.Token), oidctest.Mend(oidctest.Discovery), oidctest.Unedited(oidctest.Token))
	}
	run(true, "login", "--switch") // the password is a good one after all
	p.passed += 2 * time.Hour
	p.provider.EndSessions()
	run(true, "get-token", "-v", "9")
	p.provider.Apply(oidctest.Break(oidctest.Revoke, echo(http.StatusBadRequest)))
	run(true, "logout", "-v", "9")
	run(true, "logout", "--all", "-v", "9")
	return shown.String()
}

// echo answers with all that was sent, as JSON's error and as what is no JSON.
func echo(status int) oidctest.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		all := r.PostForm.Encode() + r.Header.Get("Authorization") + r.Header.Get("X-Key")
		for name := range r.PostForm {
			all += "\x1b[31m " + r.PostForm.Get(name)
		}
		oidctest.Refuse(status, all, all, map[string]any{"error_uri": all, "access_token": 7})(w, r, nil)
	}
}

// secretsOf are the secrets that arrived at a provider, in the forms in which
// they could turn up.
func secretsOf(p *oidctest.Provider) []string {
	var all []string
	for _, r := range p.All() {
		for _, field := range []string{"code", "code_verifier", "refresh_token", "password", "client_secret", "token"} {
			if value := r.Form.Get(field); value != "" {
				all = append(all, value, url.QueryEscape(value), base64.StdEncoding.EncodeToString([]byte(value)))
			}
		}
		if auth := strings.TrimPrefix(r.Header.Get("Authorization"), "Basic "); auth != "" {
			all = append(all, auth)
		}
	}
	return append(all, "canary", "eyJ")
}

// looksFor holds that no secret was shown, logged, or written in clear.
func (p *place) looksFor(shown string, secrets []string) {
	p.t.Helper()
	if len(secrets) < 20 {
		p.t.Fatalf("only %d secrets were sent", len(secrets))
	}
	texts := map[string]string{"what was shown": shown}
	err := filepath.WalkDir(p.home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || strings.Contains(path, ".config") || strings.Contains(path, ".kube") {
			return err // where the person put them
		}
		texts["the name "+entry.Name()] = entry.Name()
		if !entry.IsDir() {
			data, err := os.ReadFile(path)
			texts[path] = string(data)
			return err
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if log := texts[p.path("support.log")]; strings.Count(log, "\n") < 20 {
		p.t.Errorf("the log tells little: %s", log)
	}
	for name, text := range texts {
		for _, secret := range secrets {
			if at := strings.Index(text, secret); at >= 0 {
				p.t.Errorf("%s holds a secret: …%.200q", name, text[max(0, at-100):])
				break
			}
		}
	}
}

// A secret that is mistyped as something else is not repeated by the errors of
// flags and settings.
func TestNoSecretInMistakes(t *testing.T) {
	p := newPlace(t)
	for _, args := range []string{
		"--canary", "-canary", "--v=canary", "--force-refresh=canary", "--oidc-request-header=canary",
		"--oidc-auth-request-extra-params=canary", "--oidc-auth-request-extra-params=state=canary",
		"--grant-type=canary", "--oidc-pkce-method=canary", "--token-cache-storage=canary", "--exec-api-version=canary",
		"--oidc-client-auth-method=canary", "--oidc-extra-scope=canary\"", "--certificate-authority-data=canary",
		"--authentication-timeout-sec=canary", "--oidc-request-header=X=canary\x01", "--listen-address=canary",
		"--oidc-redirect-url=canary", "--open-url-after-authentication=canary",
	} {
		got := p.at("get-token", args)
		if got.code != exitConfig {
			t.Errorf("%s: exit code %d", args, got.code)
		}
		if strings.HasPrefix(args, "--canary") || strings.HasPrefix(args, "-canary") || strings.HasPrefix(args, "--listen") {
			continue // a flag's name, and an address, may be named
		}
		if strings.Contains(got.stderr, "canary") {
			t.Errorf("%s: %s", args, got.stderr)
		}
	}
}
