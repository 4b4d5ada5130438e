package settings

// What a hostile kubeconfig tries, one test each. It writes an exec block's
// arguments, its variables and the cluster's extension.

import (
	"encoding/base64"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

const corporate = `
profiles:
  corp:
    oidc-issuer-url: https://issuer.example
    oidc-client-id: kubernetes
    oidc-client-secret-command: [/usr/bin/pass, show, kubernetes]
    oidc-extra-scope: [groups]
  preferences:
    skip-open-browser: true
`

func corporatePlace(t *testing.T) place {
	t.Helper()
	p := newPlace(t)
	return p.write(p.User, corporate)
}

// Its issuer does not get the profile's client, secret or CA.
func TestHostileIssuerGetsNothingOfTheProfile(t *testing.T) {
	p := corporatePlace(t)
	s := mustResolve(t, Input{Files: p.Files, Flags: args(t, "--profile=corp", "--oidc-issuer-url=https://evil.example", "--oidc-client-id=evil")})
	if !s.ClientSecret.Empty() || s.IssuerURL != "https://evil.example" || s.ClientID != "evil" {
		t.Errorf("secret %v, client %q", s.ClientSecret, s.ClientID)
	}
	if s.Scopes[1] != "groups" {
		t.Error("what is not in the bundle still comes from the profile")
	}
	mustRefuse(t, Input{Files: p.Files, Flags: args(t, "--profile=corp", "--oidc-issuer-url=https://evil.example")}, Missing, "oidc-client-id")
}

// No flag and no variable changes a part of the profile's bundle.
func TestHostilePartOfTheBundle(t *testing.T) {
	p := corporatePlace(t)
	data := base64.StdEncoding.EncodeToString([]byte(certificate(t)))
	for _, s := range table() {
		if s.is&bundled == 0 || s.name == "oidc-issuer-url" || s.name == "exchange-url" || s.name == "imported" {
			continue
		}
		content := map[kind]string{kindText: "x", kindItems: data, kindPairs: "a=b", kindToggle: "true"}[s.kind]
		if s.from&inFlag != 0 {
			mustRefuse(t, Input{Files: p.Files, Flags: args(t, "--profile=corp", "--"+s.name+"="+content)}, Mixed, s.name)
			mustRefuse(t, Input{Files: p.Files, Kubeconfig: args(t, "--profile=corp", "--"+s.name+"="+content)}, Mixed, s.name)
		}
		if s.from&inVariable != 0 && s.name != "oidc-client-secret" {
			mustRefuse(t, Input{Files: p.Files, Flags: args(t, "--profile=corp"), Variable: env(s.variable(), content)}, Mixed, s.name)
		}
	}
}

// A flag of the command line does not mix with the exec block's bundle either:
// the person may not know whose issuer it is.
func TestCommandLineDoesNotMixWithExecBlock(t *testing.T) {
	mustRefuse(t, Input{Flags: args(t, "--oidc-client-secret="+canary), Kubeconfig: usual(t)}, Mixed, "oidc-client-secret")
	mustRefuse(t, Input{Flags: args(t, "--username=u", "--password="+canary), Kubeconfig: usual(t)}, Unbound, "password")
	s := mustResolve(t, Input{Flags: args(t, "--grant-type=device-code", "--account=me"), Kubeconfig: usual(t)})
	if s.Grant != GrantDeviceCode || s.Account != "me" || s.IssuerSource.Kind != FromKubeconfig {
		t.Errorf("grant %s, account %s, source %v", s.Grant, s.Account, s.IssuerSource)
	}
}

// The person's secret in a variable does not go to an issuer that flags or
// variables name, since both may be the kubeconfig's.
func TestHostileIssuerGetsNoSecretOfTheEnvironment(t *testing.T) {
	hostile := []Input{
		{Flags: usual(t), Variable: env("KUBECRED_OIDC_CLIENT_SECRET", canary)},
		{Kubeconfig: usual(t), Variable: env("KUBECRED_OIDC_CLIENT_SECRET", canary)},
		// The exec block's env: names the issuer as well.
		{Flags: usual(t), Variable: env("KUBECRED_OIDC_CLIENT_SECRET", canary, "KUBECRED_OIDC_ISSUER_URL", "https://issuer.example")},
		{Variable: env("KUBECRED_OIDC_CLIENT_SECRET", canary, "KUBECRED_OIDC_ISSUER_URL", "https://issuer.example", "KUBECRED_OIDC_CLIENT_ID", "kubernetes")},
	}
	for _, in := range hostile {
		e := mustRefuse(t, in, Unbound, "oidc-client-secret")
		if e.Source.Name != "KUBECRED_OIDC_CLIENT_SECRET" || !strings.Contains(e.Error(), "https://issuer.example") {
			t.Errorf("the error reads %q", e)
		}
	}
	mustRefuse(t, Input{Flags: usual(t, "--username=u"), Variable: env("KUBECRED_PASSWORD", canary)}, Unbound, "password")
}

// Where the secret would not be used, it is no reason to fail.
func TestSecretOfTheEnvironmentThatIsNotUsed(t *testing.T) {
	for _, in := range []Input{
		{Flags: usual(t), Variable: env("KUBECRED_PASSWORD", canary)},
		{Flags: usual(t, "--grant-type=authcode", "--username=u"), Variable: env("KUBECRED_PASSWORD", canary)},
		{Flags: usual(t, "--oidc-client-auth-method=none"), Variable: env("KUBECRED_OIDC_CLIENT_SECRET", canary)},
		{Flags: usual(t), Variable: env("KUBECRED_OIDC_CLIENT_SECRET", "https://other.example "+canary)},
		{Loose: true, Variable: env("KUBECRED_OIDC_CLIENT_SECRET", canary)},
	} {
		if s := mustResolve(t, in); !s.ClientSecret.Empty() || !s.Password.Empty() {
			t.Errorf("a secret was taken: %v %v", s.ClientSecret, s.Password)
		}
	}
	s := mustResolve(t, Input{Flags: usual(t, "--oidc-client-secret=flag"), Variable: env("KUBECRED_OIDC_CLIENT_SECRET", canary)})
	if s.ClientSecret.Text.Reveal() != "flag" {
		t.Error("the issuer's own source gives the secret")
	}
}

// What vouches for the issuer cannot be written by a kubeconfig.
func TestSecretOfTheEnvironmentIsVouchedFor(t *testing.T) {
	secretOf := map[string]func(*Settings) string{
		"KUBECRED_OIDC_CLIENT_SECRET": func(s *Settings) string { return s.ClientSecret.Text.Reveal() },
		"KUBECRED_PASSWORD":           func(s *Settings) string { return s.Password.Text.Reveal() },
	}
	profile := newPlace(t)
	profile.write(profile.User, "profiles: {corp: {oidc-issuer-url: 'https://issuer.example', oidc-client-id: kubernetes}}")
	policy := newPlace(t)
	policy.write(policy.Policy, "issuers: ['https://issuer.example']")
	agreed := func(u *url.URL) bool { return u.Host == "issuer.example" }
	for name, held := range secretOf {
		for how, in := range map[string]Input{
			"bound":   {Flags: usual(t, "--username=u"), Variable: env(name, "https://issuer.example "+canary+" x")},
			"profile": {Flags: args(t, "--profile=corp", "--username=u"), Variable: env(name, canary+" x"), Files: profile.Files},
			"policy":  {Flags: usual(t, "--username=u"), Variable: env(name, canary+" x"), Files: policy.Files},
			"consent": {Flags: usual(t, "--username=u"), Variable: env(name, canary+" x"), Agreed: agreed},
		} {
			s := mustResolve(t, in)
			if held(s) != canary+" x" || len(s.ExposedSecrets) != 0 {
				t.Errorf("%s by %s: %q, exposed %v", name, how, held(s), s.ExposedSecrets)
			}
		}
	}
	mustRefuse(t, Input{Flags: args(t, "--oidc-issuer-url=https://evil.example", clientFlag), Variable: env("KUBECRED_OIDC_CLIENT_SECRET", canary), Agreed: agreed}, Unbound, "oidc-client-secret")
	mustRefuse(t, Input{Flags: usual(t), Variable: env("KUBECRED_OIDC_CLIENT_SECRET", "https://issuer.example "+canary+"\n")}, Invalid, "oidc-client-secret")
}

// A vouched issuer is no use to the kubeconfig if it may also say which CA to
// trust: with a proxy of its own it would sit in between.
func TestHostileCAGetsNoSecretOfTheEnvironment(t *testing.T) {
	ca := certificate(t)
	data := "--certificate-authority-data=" + base64.StdEncoding.EncodeToString([]byte(ca))
	bound := env("KUBECRED_OIDC_CLIENT_SECRET", "https://issuer.example "+canary)
	for _, flag := range []string{data, "--insecure-skip-tls-verify"} {
		mustRefuse(t, Input{Flags: usual(t, flag), Variable: bound}, Unbound, "oidc-client-secret")
		mustRefuse(t, Input{Flags: usual(t, flag), Variable: env("KUBECRED_OIDC_CLIENT_SECRET", canary), Agreed: func(*url.URL) bool { return true }}, Unbound, "oidc-client-secret")
	}
	p := newPlace(t)
	p.write(p.Policy, "certificate-authority: ca.pem").write(p.Policy[:len(p.Policy)-len("policy.yaml")]+"ca.pem", ca)
	s := mustResolve(t, Input{Flags: usual(t), Variable: bound, Files: p.Files})
	if s.ClientSecret.Text.Reveal() != canary || string(s.CAPEM) != ca {
		t.Error("the policy's CA is as good as the system's")
	}
}

// What cmd asks before a password is typed.
func TestVouchedAndForeignTrust(t *testing.T) {
	p := corporatePlace(t)
	p.write(p.User, corporate+"  ca: {oidc-issuer-url: 'https://issuer.example', oidc-client-id: c, certificate-authority: ca.pem}\n")
	p.write(filepath.Join(filepath.Dir(p.User), "ca.pem"), certificate(t))
	listed := newPlace(t)
	listed.write(listed.Policy, "issuers: ['https://issuer.example']")
	for name, test := range map[string]struct {
		in               Input
		vouched, foreign bool
	}{
		"flags":             {Input{Flags: usual(t)}, false, false},
		"variables":         {Input{Variable: env("KUBECRED_OIDC_ISSUER_URL", "https://issuer.example", "KUBECRED_OIDC_CLIENT_ID", "c")}, false, false},
		"profile":           {Input{Flags: args(t, "--profile=corp"), Files: p.Files}, true, false},
		"profile with a CA": {Input{Flags: args(t, "--profile=ca"), Files: p.Files}, true, false},
		"policy":            {Input{Flags: usual(t), Files: listed.Files}, true, false},
		"policy, no check":  {Input{Flags: usual(t, "--insecure-skip-tls-verify"), Files: listed.Files}, true, true},
	} {
		s := mustResolve(t, test.in)
		if s.IssuerVouched != test.vouched || s.ForeignTrust != test.foreign {
			t.Errorf("%s: vouched %v, foreign %v", name, s.IssuerVouched, s.ForeignTrust)
		}
	}
}

// The cluster's extension sets no issuer, no secret and no TLS option.
func TestHostileExtension(t *testing.T) {
	for _, s := range table() {
		if s.from&inCluster != 0 && s.name != "oidc-extra-scope" {
			continue
		}
		mustRefuse(t, Input{Flags: usual(t), Extension: []byte(`{"` + s.name + `": "x"}`)}, Unknown, "")
	}
}

// It names a profile, never a file.
func TestHostileProfileName(t *testing.T) {
	for _, name := range []string{"../../etc/passwd", "a/b", "a\x00b", "ä", strings.Repeat("x", 65), "a b"} {
		mustRefuse(t, Input{Flags: usual(t), Variable: env("KUBECRED_PROFILE", name)}, Invalid, "profile")
	}
}

// A program that the profile names is found by its path, not by a PATH that
// the exec block may set.
func TestCommandsNeedAnAbsolutePath(t *testing.T) {
	p := newPlace(t)
	p.write(p.User, "profiles: {p: {oidc-issuer-url: 'https://issuer.example', oidc-client-id: c, oidc-client-secret-command: [pass, show]}}")
	mustRefuse(t, Input{Files: p.Files, Flags: args(t, "--profile=p")}, Invalid, "oidc-client-secret-command")
}

// Nothing that providers, headers or terminals act on gets through.
func TestHostileValues(t *testing.T) {
	tests := map[string][]string{
		"oidc-issuer-url": {
			"http://issuer.example", "https://user:pw@issuer.example", "https://issuer.example/?x=1", "https://issuer.example/#f",
			"file:///etc/passwd", "https:issuer", "https://issuer.example/\x1b[2J", "-x", "https://", "javascript:alert(1)", "https://issuer.example?",
		},
		"oidc-client-id":                 {"a\nb", "a\x1b[2J", "\u202egnp", strings.Repeat("x", 9000), "\xff"},
		"account":                        {"a\rb"},
		"username":                       {"a\x00b"},
		"audience":                       {"a\tb"},
		"oidc-extra-scope":               {"a\\b", "ä", strings.Repeat("x", 600)},
		"oidc-auth-request-extra-params": {"state=x", "NONCE=x", "code_challenge=x", "code_challenge_method=plain", "redirect_uri=https://evil.example", "client_id=x", "client_secret=x", "scope=x", "response_type=token", "response_mode=fragment", "request_uri=x", "=x", "a=\x01", "grant_type=x"},
		"oidc-request-header":            {"Host=evil.example", "authorization=Bearer x", "A b=c", "a:b=c", "A=b\nC: d", "=x", "content-length=0", "Transfer-Encoding=chunked", "Proxy-Authorization=x"},
		"oidc-redirect-url":              {"javascript:alert(1)", "http://", "https://u:p@localhost", "http://localhost/#f", "urn:other", "http://local host/", "http://localhost/\x01"},
		"open-url-after-authentication":  {"http://evil.example", "javascript:alert(1)", "file:///etc/passwd"},
		"grant-type":                     {"implicit", ""},
		"oidc-pkce-method":               {"plain"},
		"token-cache-storage":            {"plain", "Keyring"},
		"kernel-keyring":                 {"yes", "On", "true"},
		"oidc-client-auth-method":        {"client_secret_jwt"},
		"exec-api-version":               {"v1alpha1", "v2"},
		"authentication-timeout-sec":     {"0", "-1", "86401"},
		"token-cache-dir":                {"~root/x", "a\nb"},
		"browser-command":                {"firefox\n"},
	}
	for setting, values := range tests {
		for _, v := range values {
			if v == "" {
				continue
			}
			flags := args(t, issuerFlag, clientFlag)
			if setting == "oidc-extra-scope" || setting == "oidc-auth-request-extra-params" || setting == "oidc-request-header" {
				v = `"` + strings.ReplaceAll(v, `"`, `""`) + `"` // CSV keeps line breaks in quotes
			}
			if err := flags.set(setting, v); err != nil {
				continue // pflag refuses it already
			}
			e := mustRefuse(t, Input{Flags: flags}, Invalid, setting)
			if strings.ContainsAny(e.Error(), "\x1b\x00\x01\n\r\u202e") {
				t.Errorf("%s: the error repeats control characters: %q", setting, e)
			}
		}
	}
}

// set sets a flag as the command line would.
func (f *Flags) set(name, content string) error {
	for _, flag := range f.flags {
		if flag != nil && flag.Name == name {
			flag.Changed = true
			return flag.Value.Set(content)
		}
	}
	return nil
}

func TestTooMany(t *testing.T) {
	var flags []string
	for range 65 {
		flags = append(flags, "--listen-address=localhost:1")
	}
	mustRefuse(t, Input{Flags: usual(t, flags...)}, Invalid, "listen-address")
}

func TestContradictions(t *testing.T) {
	for setting, flags := range map[string][]string{
		"":                               {"--local-server-cert=x"},
		"oidc-client-auth-method":        {"--oidc-client-auth-method=none", "--oidc-client-secret=x"},
		"account":                        {"--account=a", "--grant-type=client-credentials"},
		"oidc-auth-request-extra-params": {"--audience=a", "--oidc-auth-request-extra-params=audience=b"},
		"oidc-request-header":            {"--oidc-request-header=Origin=a", "--oidc-request-header=origin=b"},
	} {
		mustRefuse(t, Input{Flags: usual(t, flags...)}, Invalid, setting)
	}
	mustRefuse(t, Input{Flags: usual(t, "--oidc-client-auth-method=client_secret_post")}, Invalid, "oidc-client-auth-method")
	mustRefuse(t, Input{Flags: usual(t, "--oidc-client-auth-method=private_key_jwt")}, Invalid, "oidc-client-auth-method")
	mustRefuse(t, Input{Flags: usual(t, "--account=a", "--oidc-auth-request-extra-params=login_hint=b")}, Invalid, "account")
	mustResolve(t, Input{Flags: usual(t, "--account=a", "--audience=x", "--oidc-auth-request-extra-params=login_hint=a,audience=x")})
}
