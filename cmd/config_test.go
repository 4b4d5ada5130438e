package cmd

import (
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// Mistakes in how the program is called or configured: exit code 2, an error
// that names the setting and not its value, and a hint.
func TestMistakes(t *testing.T) {
	p := newPlace(t)
	issuer, client := "--oidc-issuer-url="+p.provider.Issuer, "--oidc-client-id="+oidctest.ClientID
	for _, test := range []struct {
		args string
		text string
	}{
		{"get-tokn", `"get-tokn"`},
		{"get-token", "oidc-issuer-url"},
		{"get-token --oidc-issuer-url", "oidc-issuer-url"},
		{"get-token " + issuer, "oidc-client-id"},
		{"get-token --oidc-issuer-url=http://issuer.example " + client, "https://"},
		{"get-token --oidc-issuer-url=https://u:canary@issuer.example " + client, "oidc-issuer-url"},
		{"get-token --oidc-issuer-url=file:///etc/passwd " + client, "oidc-issuer-url"},
		{"get-token --no-such-flag=canary", "--no-such-flag"},
		{"get-token -xcanary", `"-x"`},
		{"get-token --force-refresh=canary", "--force-refresh"},
		{"get-token --v=canary", "--v"},
		{"get-token --oidc-request-header=canary", "--oidc-request-header"},
		{"get-token --authentication-timeout-sec=canary", "--authentication-timeout-sec"},
		{"get-token --authentication-timeout-sec=0 " + issuer + " " + client, "between 1 and"},
		{"get-token --oidc-pkce-method=plain " + issuer + " " + client, "S256"},
		{"get-token --grant-type=implicit " + issuer + " " + client, "device-code"},
		{"get-token --token-cache-storage=tape " + issuer + " " + client, "keyring"},
		{"get-token --exec-api-version=v2 " + issuer + " " + client, "v1beta1"},
		{"get-token --oidc-request-header=Authorization=canary " + issuer + " " + client, "Authorization"},
		{"get-token --oidc-auth-request-extra-params=state=canary " + issuer + " " + client, "state"},
		{"get-token --certificate-authority=no-such.pem " + issuer + " " + client, "no-such.pem"},
		{"get-token --certificate-authority-data=canary " + issuer + " " + client, "base64"},
		{"get-token --local-server-cert=x.crt " + issuer + " " + client, "local-server-key"},
		{"get-token --listen-address=0.0.0.0:8000 " + issuer + " " + client, "not a loopback address"},
		{"get-token --grant-type=client-credentials --username= " + issuer + " " + client, "secret"},
		{"get-token --profile=nowhere", "no profile nowhere"},
		{"get-token --oidc-client-secret-file=canary " + issuer + " " + client, "unknown flag"},
		{"login --context=nowhere", `"nowhere"`},
		{"login --user=nobody", `"nobody"`},
		{"login --entry=beef", "beef"},
		{"login", "no current context"},
		{"logout --entry=beef", "beef"},
		{"logout --all --entry=beef", "entry"},
		{"logout everything", "neither a flag"},
		{"status -o yaml", "text or json"},
		{"version -o yaml", "text or json"},
	} {
		got := p.run(strings.Fields(test.args)...)
		if strings.Contains(test.args, "-o yaml") {
			got.stdout = ""
		}
		got.fails(exitConfig, test.text)
		if strings.Contains(got.stderr, "canary") {
			t.Errorf("%s: the value is repeated: %s", test.args, got.stderr)
		}
	}
	if n := p.provider.Count(oidctest.Authorize) + p.provider.Count(oidctest.Token); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// A word that is left over may be the second half of a password.
func TestLeftOverWordsAreNotRepeated(t *testing.T) {
	p := newPlace(t)
	got := p.at("get-token", "--password", "two", "canary").fails(exitConfig, "")
	if strings.Contains(got.stderr, "canary") {
		t.Error(got.stderr)
	}
}

// The hint about a secret in a variable fits the variable and the reason.
func TestUnboundSecretHints(t *testing.T) {
	p := newPlace(t)
	p.env["KUBECRED_PASSWORD"] = "canary"
	p.at("get-token").fails(exitConfig, "KUBECRED_PASSWORD: nothing says that it is meant for").hints("KUBECRED_PASSWORD='https://")
	p.env["KUBECRED_PASSWORD"] = p.provider.Issuer + " canary"
	got := p.at("get-token", "--insecure-skip-tls-verify").fails(exitConfig, "KUBECRED_PASSWORD: is not sent where --insecure-skip-tls-verify says whom to trust")
	if strings.Contains(got.hint(), "in front of the secret") {
		t.Errorf("it is there already: %s", got.hint())
	}
	p.env["KUBECRED_PASSWORD"], p.env["KUBECRED_OIDC_CLIENT_SECRET"] = "", "canary"
	p.at("get-token").fails(exitConfig, "KUBECRED_OIDC_CLIENT_SECRET: ").hints("KUBECRED_OIDC_CLIENT_SECRET='https://")
}

// kubelogin's Docker example listens on 0.0.0.0: the hint says what to do.
func TestListenAddressHint(t *testing.T) {
	newPlace(t).at("get-token", "--listen-address=0.0.0.0:8000").fails(exitConfig, "").hints("127.0.0.1")
}

// The local server's certificate, a secret's file, a key: what cannot be read
// is a setting that is wrong, and no trouble with the network.
func TestFilesThatCannotBeRead(t *testing.T) {
	onUnix(t)
	const profiles = `profiles:
  file: {oidc-issuer-url: ISSUER, oidc-client-id: kubecred, oidc-client-secret-file: no-such-file}
  folder: {oidc-issuer-url: ISSUER, oidc-client-id: kubecred, oidc-client-secret-file: .}
  command: {oidc-issuer-url: ISSUER, oidc-client-id: kubecred, oidc-client-secret-command: [/bin/sh, -c, "echo canary >&2; exit 3"]}
  nothing: {oidc-issuer-url: ISSUER, oidc-client-id: kubecred, oidc-client-secret-command: [/bin/sh, -c, "true"]}
  missing: {oidc-issuer-url: ISSUER, oidc-client-id: kubecred, oidc-client-secret-command: [/no/such/program]}
  key: {oidc-issuer-url: ISSUER, oidc-client-id: kubecred, oidc-client-auth-method: private_key_jwt, oidc-assertion-key-file: config.yaml}
  password: {oidc-issuer-url: ISSUER, oidc-client-id: kubecred, username: alice, password-file: no-such-file}
`
	p := newPlace(t)
	p.write(strings.ReplaceAll(profiles, "ISSUER", p.provider.Issuer), ".config", "kubecred", "config.yaml")
	for profile, text := range map[string]string{
		"file":     "the client's secret: ",
		"folder":   "the client's secret: ",
		"command":  "the client's secret: /bin/sh failed",
		"nothing":  "is empty",
		"missing":  "the client's secret: ",
		"key":      "config.yaml holds no PEM key",
		"password": "the password: ",
	} {
		got := p.run("get-token", "--profile="+profile).fails(exitConfig, text)
		if strings.Contains(got.stderr, "canary") {
			t.Errorf("%s: %s", profile, got.stderr)
		}
	}
	key := p.write("no key", "server.key")
	p.at("get-token", append(browserFlags(t), "--local-server-cert="+p.path("no-such.crt"), "--local-server-key="+key)...).
		fails(exitConfig, "no-such.crt").hints("local-server-cert")
	p.at("get-token", append(browserFlags(t), "--local-server-cert="+key, "--local-server-key="+key)...).
		fails(exitConfig, "").hints("local-server-cert")
	if n := p.provider.Count(oidctest.Authorize) + p.provider.Count(oidctest.Token); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// The policy stands above everything that the commands do.
func TestPolicy(t *testing.T) {
	p := newPlace(t)
	p.env["KUBECRED_USERNAME"], p.env["KUBECRED_PASSWORD"] = "", ""
	for policy, test := range map[string]struct {
		args string
		text string
	}{
		"issuers: [https://issuer.example]": {"", "is not an issuer that is allowed"},
		"deny-grants: [password]":           {"--grant-type=password", "is forbidden"},
		"deny-grants: [device-code]":        {"--grant-type=device-code", "is forbidden"},
		"deny-browser-command: true":        {"--browser-command=x", "is forbidden"},
		"deny-insecure: true":               {"--insecure-skip-tls-verify", "is forbidden"},
	} {
		p.write(policy, "etc", "policy.yaml")
		p.at("get-token", strings.Fields(test.args)...).fails(exitConfig, test.text).hints("administrator")
	}
	p.write("issuers:", "etc", "policy.yaml")
	p.at("get-token").fails(exitConfig, "policy.yaml")
}
