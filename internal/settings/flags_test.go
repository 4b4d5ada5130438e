package settings

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestParseArgsTakesTheWordsInFront(t *testing.T) {
	for _, words := range [][]string{nil, {"get-token"}, {"oidc-login", "get-token"}} {
		f, err := ParseArgs(append(words, issuerFlag))
		if err != nil || f.values[keyIssuerURL].text != "https://issuer.example" {
			t.Errorf("%v: %v", words, err)
		}
	}
	for _, words := range [][]string{{"get-token", "more"}, {"get-token", "oidc-login"}, {"login"}, {"get-token", "get-token"}} {
		if _, err := ParseArgs(words); err == nil {
			t.Errorf("%v was accepted", words)
		}
	}
}

// A flag's value may be a secret in the wrong place, so no error repeats it.
func TestFlagErrorsDoNotRepeatValues(t *testing.T) {
	tests := map[string]struct {
		args    []string
		problem Problem
		setting string
		says    string
	}{
		"number":       {[]string{"--authentication-timeout-sec=" + canary}, Invalid, "authentication-timeout-sec", "a whole number"},
		"toggle":       {[]string{"--force-refresh=" + canary}, Invalid, "force-refresh", "true or false"},
		"pairs":        {[]string{"--oidc-request-header=" + canary}, Invalid, "oidc-request-header", "name=value"},
		"list":         {[]string{"--oidc-extra-scope=\"" + canary}, Invalid, "oidc-extra-scope", "a list"},
		"no value":     {[]string{"--username"}, Invalid, "username", "needs a value"},
		"syntax":       {[]string{"--=" + canary}, Invalid, "", "malformed"},
		"unknown":      {[]string{"--oidc-issuer=" + canary}, Unknown, "", `unknown flag "--oidc-issuer"`},
		"unknown long": {[]string{"--\x1b[31m" + strings.Repeat("x", 100) + "=" + canary}, Unknown, "", "…"},
		"shorthand":    {[]string{"-x"}, Unknown, "", `unknown flag "-x"`},
		"help":         {[]string{"--help"}, Unknown, "", "--help"},
		"word":         {[]string{"\x1b[31mx"}, Unknown, "", `unexpected argument "[31mx"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseArgs(test.args)
			var e *Error
			if !errors.As(err, &e) || e.Problem != test.problem || e.Setting != test.setting {
				t.Fatalf("ParseArgs: %#v", err)
			}
			message := err.Error()
			if strings.Contains(message, canary) || strings.Contains(message, "\x1b") || !strings.Contains(message, test.says) {
				t.Errorf("the error reads %q", message)
			}
		})
	}
	if other := errors.New("other"); FlagError(other) != other {
		t.Error("FlagError changes errors that are not pflag's")
	}
}

// Help shows the flags in the order of the table, with their defaults, and no
// hidden one.
func TestHelp(t *testing.T) {
	fs := pflag.NewFlagSet("get-token", pflag.ContinueOnError)
	AddFlags(fs)
	help := fs.FlagUsages()
	for _, line := range []string{
		`--token-cache-storage string`, `(default "auto")`,
		`(default [127.0.0.1:8000,127.0.0.1:18000])`, `(default 180)`,
		`--oidc-extra-scope strings`, `--certificate-authority stringArray`,
		`--oidc-request-header stringToString`, `-v, --v int`,
	} {
		if !strings.Contains(help, line) {
			t.Errorf("help has no %q:\n%s", line, help)
		}
	}
	for _, name := range []string{"oidc-use-pkce", "logtostderr", "password-file", "oidc-client-secret-command"} {
		if strings.Contains(help, "--"+name+" ") {
			t.Errorf("help shows --%s", name)
		}
	}
	if strings.Index(help, "--username") > strings.Index(help, "--exec-api-version") {
		t.Error("help is sorted by name")
	}
}

// What names a command, a secret's file or a key may come from a profile only;
// --browser-command and the listener's own key are the exceptions.
func TestPlacesOfDangerousSettings(t *testing.T) {
	for _, s := range table() {
		dangerous := strings.HasSuffix(s.name, "-command") || strings.HasSuffix(s.name, "-file")
		if s.name == "browser-command" {
			if s.from&(inVariable|inCluster) != 0 {
				t.Error("browser-command may be given by a variable or the cluster")
			}
			continue
		}
		if dangerous && s.from != inProfile {
			t.Errorf("%s may come from outside a profile", s.name)
		}
		if strings.Contains(s.name, "insecure") && s.from&(inVariable|inCluster) != 0 {
			t.Errorf("%s may come from a variable or the cluster", s.name)
		}
		if s.is&confidential != 0 && s.kind == kindText && s.from&inProfile != 0 {
			t.Errorf("%s may lie in a profile in plain text", s.name)
		}
	}
}

// Every key of the table has an entry, and every default is of its kind.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for k, s := range table() {
		if s.name == "" || s.usage == "" || s.from == 0 || seen[s.name] {
			t.Errorf("key %d: incomplete or twice: %+v", k, s)
		}
		seen[s.name] = true
		if s.kind == kindNumber && s.def == "" || s.kind == kindToggle && s.def != "" || s.kind == kindPairs && s.def != "" {
			t.Errorf("%s: default %q", s.name, s.def)
		}
	}
	specs := table()
	if got := specs[keyIssuerURL].variable(); got != "KUBECRED_OIDC_ISSUER_URL" {
		t.Errorf("variable %s", got)
	}
}

func TestVariablesHaveTheFlagsSyntax(t *testing.T) {
	s := mustResolve(t, Input{Variable: env(
		"KUBECRED_OIDC_ISSUER_URL", "https://issuer.example",
		"KUBECRED_OIDC_CLIENT_ID", "kubernetes",
		"KUBECRED_OIDC_EXTRA_SCOPE", "email,groups",
		"KUBECRED_OIDC_AUTH_REQUEST_EXTRA_PARAMS", "prompt=login,max_age=60",
		"KUBECRED_SKIP_OPEN_BROWSER", "true",
		"KUBECRED_AUTHENTICATION_TIMEOUT_SEC", "5",
		"KUBECRED_ACCOUNT", "",
	)})
	if len(s.Scopes) != 3 || s.ExtraParams["max_age"] != "60" || !s.SkipOpenBrowser || s.Timeout.Seconds() != 5 || s.Account != "" {
		t.Errorf("resolved %+v", *s)
	}
	for name, setting := range map[string]string{
		"KUBECRED_FORCE_REFRESH":              "force-refresh",
		"KUBECRED_OIDC_REQUEST_HEADER":        "oidc-request-header",
		"KUBECRED_AUTHENTICATION_TIMEOUT_SEC": "authentication-timeout-sec",
	} {
		mustRefuse(t, Input{Flags: usual(t), Variable: env(name, canary)}, Invalid, setting)
	}
}

func TestOrderOfSources(t *testing.T) {
	place := newPlace(t)
	place.write(place.User, "profiles: {p: {account: profile, username: profile, audience: profile, oidc-extra-scope: profile}}")
	extension := []byte(`{"audience": "cluster", "scopes": ["cluster"], "profile": "p"}`)
	in := Input{
		Files:      place.Files,
		Flags:      usual(t, "--account=flag"),
		Kubeconfig: args(t, "--account=block", "--username=block"),
		Variable:   env("KUBECRED_ACCOUNT", "variable", "KUBECRED_USERNAME", "variable", "KUBECRED_AUDIENCE", "variable"),
		Extension:  extension,
	}
	s := mustResolve(t, in)
	if s.Account != "flag" || s.Username != "block" || s.Audience != "variable" || s.Scopes[1] != "profile" {
		t.Errorf("account %s, username %s, audience %s, scopes %v", s.Account, s.Username, s.Audience, s.Scopes)
	}
	// An empty flag is none.
	s = mustResolve(t, Input{Files: place.Files, Flags: usual(t, "--account="), Variable: in.Variable})
	if s.Account != "variable" {
		t.Errorf("account %q", s.Account)
	}
	s = mustResolve(t, Input{Files: place.Files, Flags: usual(t), Extension: []byte(`{"audience": "cluster", "scopes": ["a", "b"]}`)})
	if s.Audience != "cluster" || len(s.Scopes) != 3 || s.ExtraParams["audience"] != "cluster" {
		t.Errorf("audience %q, scopes %v", s.Audience, s.Scopes)
	}
	if s.IssuerSource.Kind != FromFlag || s.IssuerSource.Name != "--oidc-issuer-url" {
		t.Errorf("source %+v", s.IssuerSource)
	}
}

// A toggle that is switched off by a flag stays off.
func TestFlagSwitchesOff(t *testing.T) {
	place := newPlace(t)
	place.write(place.User, "profiles: {p: {skip-open-browser: true}}")
	on := mustResolve(t, Input{Files: place.Files, Flags: usual(t, "--profile=p")})
	off := mustResolve(t, Input{Files: place.Files, Flags: usual(t, "--profile=p", "--skip-open-browser=false")})
	if !on.SkipOpenBrowser || off.SkipOpenBrowser {
		t.Errorf("on %v, off %v", on.SkipOpenBrowser, off.SkipOpenBrowser)
	}
}
