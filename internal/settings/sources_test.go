package settings

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// samples holds, by setting, content that is sound, as a flag or a variable
// and as YAML, and how it is shown.
func samples(t *testing.T, p place) map[string]struct{ flag, yaml, shown string } {
	t.Helper()
	ca := certificate(t)
	p.write(filepath.Join(p.Home, "ca.pem"), ca)
	path := filepath.Join(p.Home, "ca.pem")
	data := base64.StdEncoding.EncodeToString([]byte(ca))
	size := strings.TrimSpace(strings.Split(showList(&spec{name: "certificate-authority-data"}, []string{data}), "\n")[0])
	return map[string]struct{ flag, yaml, shown string }{
		"oidc-issuer-url":                {"https://sample.example", "https://sample.example", "https://sample.example"},
		"oidc-client-id":                 {"sample", "sample", "sample"},
		"oidc-client-secret":             {"https://sample.example sample", "", "[REDACTED]"},
		"oidc-client-secret-file":        {"", path, path},
		"oidc-client-secret-command":     {"", "[/bin/sample, argument]", "/bin/sample …"},
		"oidc-client-auth-method":        {"none", "none", "none"},
		"oidc-assertion-key-file":        {"", path, path},
		"oidc-assertion-key-id":          {"", "sample", "sample"},
		"oidc-redirect-url":              {"https://localhost/x", "https://localhost/x", "https://localhost/x"},
		"oidc-extra-scope":               {"a,b", "[a, b]", "a, b"},
		"oidc-use-access-token":          {"true", "true", "true"},
		"oidc-request-header":            {"Origin=x,X-Secret=y", "{Origin: x, X-Secret: y}", "Origin=x, X-Secret=[REDACTED]"},
		"audience":                       {"sample", "sample", "sample"},
		"account":                        {"sample", "sample", "sample"},
		"force-refresh":                  {"true", "", "true"},
		"token-cache-dir":                {"~/cache", "~/cache", filepath.Join(p.Home, "cache")},
		"token-cache-storage":            {"disk", "disk", "disk"},
		"kernel-keyring":                 {"off", "off", "off"},
		"certificate-authority":          {"~/ca.pem", "['~/ca.pem']", path},
		"certificate-authority-data":     {data, data, size},
		"add-system-roots":               {"true", "true", "true"},
		"insecure-skip-tls-verify":       {"true", "true", "true"},
		"tls-renegotiation-once":         {"true", "true", "true"},
		"tls-renegotiation-freely":       {"true", "true", "true"},
		"oidc-pkce-method":               {"no", "no", "no"},
		"oidc-use-pkce":                  {"true", "", "true"},
		"grant-type":                     {"device-code", "device-code", "device-code"},
		"listen-address":                 {"localhost:1,[::1]:2", "['localhost:1', '[::1]:2']", "localhost:1, [::1]:2"},
		"skip-open-browser":              {"true", "true", "true"},
		"browser-command":                {"firefox", "firefox", "firefox"},
		"authentication-timeout-sec":     {"7", "7", "7"},
		"open-url-after-authentication":  {"https://x.example", "https://x.example", "https://x.example"},
		"oidc-auth-request-extra-params": {"prompt=login,ticket=x", "{prompt: login, ticket: x}", "prompt=login, ticket=[REDACTED]"},
		"username":                       {"sample", "sample", "sample"},
		"password":                       {"https://sample.example sample", "", "[REDACTED]"},
		"password-file":                  {"", path, path},
		"password-command":               {"", "[/bin/sample]", "/bin/sample"},
		"exec-api-version":               {"v1beta1", "", "v1beta1"},
		"v":                              {"3", "", "3"},
	}
}

// notSampled are settings that go together and are tested elsewhere; the profile
// is itself one of the sources.
var notSampled = []string{"local-server-cert", "local-server-key", "profile", "exchange-url", "exchange-profile", "credential", "exchange-cluster", "imported"}

// Every setting arrives from every source that may give it, and is explained
// as coming from there.
func TestEverySettingFromEverySource(t *testing.T) {
	p := newPlace(t)
	all := samples(t, p)
	for _, s := range table() {
		sample, ok := all[s.name]
		if !ok {
			if !strings.Contains(strings.Join(notSampled, " "), s.name) {
				t.Errorf("%s has no sample", s.name)
			}
			continue
		}
		// Issuer and client come from the same source, as the bundle must.
		bundle := []string{"--oidc-issuer-url=https://sample.example", clientFlag, "--username=u"}
		flags := append(bundle, "--"+s.name+"="+sample.flag)
		if s.from&inFlag != 0 {
			checkSource(t, p, Input{Flags: args(t, flags...)}, &s, sample.shown, FromFlag)
			checkSource(t, p, Input{Kubeconfig: args(t, flags...)}, &s, sample.shown, FromKubeconfig)
		}
		if s.from&inVariable != 0 {
			checkSource(t, p, Input{Variable: env(
				"KUBECRED_OIDC_ISSUER_URL", "https://sample.example", "KUBECRED_OIDC_CLIENT_ID", "kubernetes", "KUBECRED_USERNAME", "u",
				s.variable(), sample.flag,
			)}, &s, sample.shown, FromVariable)
		}
		if s.from&inProfile != 0 {
			body := "    " + s.name + ": " + sample.yaml + "\n"
			for _, line := range []string{"oidc-issuer-url: https://sample.example", "oidc-client-id: kubernetes", "username: u"} {
				if !strings.HasPrefix(line, s.name+":") {
					body += "    " + line + "\n"
				}
			}
			p.write(p.User, "profiles:\n  sample:\n"+body)
			checkSource(t, p, Input{Flags: args(t, "--profile=sample")}, &s, sample.shown, FromProfile)
		}
	}
}

func checkSource(t *testing.T, p place, in Input, s *spec, shown string, from SourceKind) {
	t.Helper()
	in.Files = p.Files
	all, err := Explain(in)
	var e *Error
	if errors.As(err, &e) && e.Setting != "oidc-client-auth-method" {
		t.Errorf("%s from %s: %v", s.name, from, err)
	}
	got := find(t, all, s.name)
	if got.Value != shown || got.Source.Kind != from {
		t.Errorf("%s from %s: %q from %s, want %q", s.name, from, got.Value, got.Source, shown)
	}
}

// Nothing arrives from a source that may not give it.
func TestNoSettingFromElsewhere(t *testing.T) {
	p := newPlace(t)
	all := samples(t, p)
	for _, s := range table() {
		sample := all[s.name]
		if s.from&inFlag == 0 {
			_, err := ParseArgs([]string{"--" + s.name + "=x"})
			if err == nil {
				t.Errorf("--%s is a flag", s.name)
			}
		}
		if s.from&inVariable == 0 {
			asked := map[string]bool{}
			mustResolve(t, Input{Flags: usual(t), Variable: func(name string) string {
				asked[name] = true
				return ""
			}})
			if asked[s.variable()] {
				t.Errorf("%s is read", s.variable())
			}
		}
		if s.from&inProfile == 0 {
			p.write(p.User, "profiles: {sample: {"+s.name+": "+sample.flag+"x}}")
			mustRefuse(t, Input{Files: p.Files, Flags: usual(t, "--profile=sample")}, Unknown, "")
		}
	}
}

// What a person reads.
func TestErrorTexts(t *testing.T) {
	p := newPlace(t)
	p.write(p.User, "profiles:\n  corp:\n    oidc-issuer-url: http://issuer.example\n    oidc-client-id: c\n  bad:\n    account: \"a\\tb\"\n")
	profile := " (profile corp in " + p.User + "): "
	tests := map[string]struct {
		in   Input
		want string
	}{
		"missing":    {Input{}, "oidc-issuer-url is required, or exchange-url"},
		"client":     {Input{Flags: args(t, issuerFlag)}, "oidc-client-id is required where the issuer is given"},
		"flag":       {Input{Flags: usual(t, "--grant-type=implicit")}, "--grant-type: must be auto, authcode, authcode-keyboard, password, device-code or client-credentials"},
		"kubeconfig": {Input{Kubeconfig: usual(t, "--listen-address=0.0.0.0:8000")}, `--listen-address in the kubeconfig: "0.0.0.0:8000" is not a loopback address`},
		"variable":   {Input{Flags: usual(t), Variable: env("KUBECRED_TOKEN_CACHE_STORAGE", "x")}, "KUBECRED_TOKEN_CACHE_STORAGE: must be auto, keyring, file, disk or none"},
		"extension":  {Input{Flags: usual(t), Extension: []byte(`{"scopes": 1}`)}, "scopes (the cluster's exec extension): expects a list of strings"},
		"mixed": {Input{Flags: args(t, "--profile=corp", "--oidc-client-id=x")},
			"--oidc-client-id: the issuer comes from profile corp in " + p.User + "; issuer, client, secret and TLS options must come from one source"},
		"unbound": {Input{Flags: usual(t), Variable: env("KUBECRED_OIDC_CLIENT_SECRET", canary)},
			"KUBECRED_OIDC_CLIENT_SECRET: nothing says that it is meant for https://issuer.example"},
		"CA": {Input{Flags: usual(t, "--certificate-authority=/does/not/exist")},
			"--certificate-authority: /does/not/exist: no such file or directory"},
		"profile name": {Input{Flags: usual(t, "--profile=a/b")}, "--profile: a profile's name has up to 64 letters, digits, dots, dashes and underscores"},
		"no such profile": {Input{Flags: usual(t), Variable: env("KUBECRED_PROFILE", "x")},
			"KUBECRED_PROFILE: there is no profile x in " + p.User + " or " + p.Machine},
		"profile of the cluster": {Input{Flags: usual(t), Extension: []byte(`{"profile": "x"}`)},
			"profile (the cluster's exec extension): there is no profile x in " + p.User + " or " + p.Machine},
		"two files": {Input{Flags: usual(t, "--local-server-key=x")}, "local-server-cert and local-server-key go together"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.in.Files = p.Files
			_, err := Resolve(test.in)
			if err == nil || err.Error() != test.want {
				t.Errorf("the error reads\n%v\nwant\n%s", err, test.want)
			}
		})
	}
	_, err := Resolve(Input{Files: p.Files, Flags: args(t, "--profile=corp")})
	if err == nil || !strings.HasPrefix(err.Error(), "oidc-issuer-url"+profile) {
		t.Errorf("the error reads %v", err)
	}
	wrapped := &Error{Err: fs.ErrPermission}
	if !errors.Is(wrapped, fs.ErrPermission) || wrapped.Error() != "permission denied" {
		t.Errorf("the error reads %v", wrapped)
	}
}

// What the checks accept; hostile_test.go has what they refuse.
func TestChecksAccept(t *testing.T) {
	for name, check := range map[string]func(string) error{
		"issuer": checkIssuer, "redirect": checkRedirect, "listen": checkListen, "scope": checkScope, "pattern": checkPattern, "proxy": checkProxy,
		"param":  func(s string) error { return checkParam(s, "any ünïcode") },
		"header": func(s string) error { return checkHeader(s, "any value: \"x\"") },
	} {
		for _, content := range map[string][]string{
			"issuer":   {"https://issuer.example", "https://issuer.example:8443/realms/a%20b/", "http://localhost:5556/dex", "http://127.0.0.1", "http://[::1]:1/x", "https://login.microsoftonline.com/{tenantid}/v2.0"},
			"redirect": {"", "http://localhost:8000", "https://localhost:8000/callback?x=1", "http://[::1]/", outOfBand, "http://name.of.mine"},
			"listen":   {"localhost:8000", "LOCALHOST:0", "127.0.0.1:65535", "[::1]:8000"},
			"scope":    {"openid", "https://www.example.com/auth/x", "api://client/.default", "a!b"},
			"pattern":  {"https://issuer.example", "https://*.corp.example", "https://*.corp.example:8443", "http://localhost"},
			"proxy":    {"none", "http://proxy.example:3128", "https://proxy.example"},
			"param":    {"audience", "prompt", "resource", "acr_values", "jti", "ttl", "claims", "login_hint"},
			"header":   {"Origin", "X-Tenant", "CF-Access-Client-Id", "User-Agent", "a!#$%&'*+-.^_`|~9"},
		}[name] {
			if err := check(content); err != nil {
				t.Errorf("%s %q: %v", name, content, err)
			}
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"a b":                         "a b",
		"a\x1b[31mb\nc":               "a[31mbc",
		"\u202eabc\u2066\ufeff":       "abc",
		"\xff\xfeabc":                 "abc",
		"日本語":                         "日本語",
		strings.Repeat("x", 11):       strings.Repeat("x", 10) + "…",
		strings.Repeat("\x00", 11):    "",
		strings.Repeat("é", 10) + "x": strings.Repeat("é", 10) + "…",
	} {
		if got := printable(in, 10); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
