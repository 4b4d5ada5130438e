package cmd

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/settings"
)

func TestQuote(t *testing.T) {
	for _, test := range []struct{ arg, unix, windows string }{
		{"--oidc-client-id=kubernetes", "--oidc-client-id=kubernetes", "--oidc-client-id=kubernetes"},
		{"https://issuer.example.com:8443/a_b,c@d%20+", "https://issuer.example.com:8443/a_b,c@d%20+", "https://issuer.example.com:8443/a_b,c@d%20+"},
		{"", "''", `""`},
		{"two words", "'two words'", `"two words"`},
		{"it's", `'it'\''s'`, `"it's"`},
		{`say "x"`, `'say "x"'`, `"say \"x\""`},
		{"$HOME `id` $(id) !x ~ * ; & | < > \\ #", "'$HOME `id` $(id) !x ~ * ; & | < > \\ #'", "\"$HOME `id` $(id) !x ~ * ; & | < > \\ #\""},
		{"é", "'é'", `"é"`},
		// CommandLineToArgvW takes a backslash before a quote for an escape.
		{`C:\certs\`, `'C:\certs\'`, `"C:\certs\\"`},
		{`a\"b`, `'a\"b'`, `"a\\\"b"`},
		{`C:\certs\ca.pem`, `'C:\certs\ca.pem'`, `"C:\certs\ca.pem"`},
	} {
		if got := cli.Quote(test.arg, "linux"); got != test.unix {
			t.Errorf("%q on Unix: %s, want %s", test.arg, got, test.unix)
		}
		if got := cli.Quote(test.arg, "windows"); got != test.windows {
			t.Errorf("%q on Windows: %s, want %s", test.arg, got, test.windows)
		}
	}
}

// What is quoted is one word to a real shell, and that word.
func FuzzQuote(f *testing.F) {
	onUnixF(f)
	for _, arg := range []string{"plain", "", "it's", "a\nb", "$(x)", "--a=b c", "\\", "'", "\x80"} {
		f.Add(arg)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		if strings.Contains(arg, "\x00") {
			return // no argument can hold it
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", `printf '<%s>' `+cli.Quote(arg, "linux")).Output()
		if err != nil || string(out) != "<"+arg+">" {
			t.Errorf("%q became %q, %v", arg, out, err)
		}
	})
}

func onUnixF(f *testing.F) {
	if _, err := exec.LookPath("sh"); err != nil {
		f.Skip("there is no shell")
	}
}

func TestWithoutSecrets(t *testing.T) {
	for _, test := range []struct{ args, want []string }{
		{[]string{"get-token", "--a=b", "-v", "1"}, []string{"--a=b", "-v", "1"}},
		{[]string{"get-token", "--oidc-client-secret=canary", "--x"}, []string{"--x"}},
		{[]string{"get-token", "--oidc-client-secret", "canary", "--x"}, []string{"--x"}},
		{[]string{"get-token", "--password", "canary"}, nil},
		{[]string{"get-token", "--password"}, nil},
		{[]string{"get-token", "--force-refresh", "--skip-open-browser=true", "--username=a"}, []string{"--username=a"}},
		{[]string{"--oidc-client-id=c", "get-token"}, []string{"--oidc-client-id=c"}},
	} {
		if got := withoutSecrets(test.args); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.args, got, test.want)
		}
	}
}

// A header may carry a secret, and what is printed ends in terminals' logs. What
// is left out is named. (A parameter is in the browser's address bar anyway.)
func TestLoginLineHoldsNoSecret(t *testing.T) {
	p := newPlace(t)
	p.env["KUBECRED_PASSWORD"] = ""
	for _, flag := range []string{"--oidc-client-secret", "--password", "--oidc-request-header"} {
		for _, args := range [][]string{{flag + "=X-Key=canary"}, {flag, "X-Key=canary"}} {
			got := p.at("get-token", append(args, "--username=", "--grant-type=authcode-keyboard")...).
				fails(exitLoginNeeded, "").hints("kubecred login --oidc-issuer-url=").hints(flag + " added")
			if strings.Contains(got.stderr, "canary") {
				t.Errorf("%q: %s", args, got.stderr)
			}
		}
	}
}

// The line works as it is printed: it is neither cut nor folded.
func TestLoginLineIsWhole(t *testing.T) {
	onUnix(t)
	p := newPlace(t)
	p.env["KUBECRED_PASSWORD"], p.env["KUBECRED_USERNAME"] = "", ""
	for name, value := range map[string]string{
		"two blanks": "--audience=it's two  blanks",
		"long":       "--oidc-extra-scope=" + strings.Repeat("scope,", 50) + strings.Repeat("x", 400) + "," + strings.Repeat("y", 400),
	} {
		p.provider.Apply(func(c *oidctest.Config) { c.Scopes = nil })
		hint := p.at("get-token", value).fails(exitLoginNeeded, "").hint()
		_, line, _ := strings.Cut(hint, "run: ")
		words, err := exec.CommandContext(within(t), "sh", "-c", "printf '%s\\n' "+line).Output()
		if err != nil || !slices.Contains(strings.Split(string(words), "\n"), value) {
			t.Errorf("%s: %s", name, hint)
		}
	}
}

// Where the kubeconfig has the entry, its ID is all that is needed.
func TestLoginLineOfAKubeconfig(t *testing.T) {
	p := newPlace(t)
	p.env["KUBECRED_PASSWORD"] = ""
	p.kubeconfig("me", "--oidc-extra-scope=email,groups")
	hint := p.at("get-token", "--oidc-extra-scope=groups", "--oidc-extra-scope=email").fails(exitLoginNeeded, "").hint()
	id, found := strings.CutPrefix(hint, "in a terminal, run: kubecred login --entry ")
	if !found || len(id) != 12 {
		t.Fatal(hint)
	}
	found12, err := p.app(nil, nil).find(&target{entry: id, flags: settings.AddFlags(pflag.NewFlagSet("", pflag.ContinueOnError))})
	if err != nil || !strings.HasPrefix(found12.id.String(), id) {
		t.Errorf("the entry %s: %v", id, err)
	}
	p.at("get-token", "--oidc-extra-scope=groups").fails(exitLoginNeeded, "").hints("kubecred login --oidc-issuer-url=")
}
