package settings

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func find(t *testing.T, all []Explained, setting string) Explained {
	t.Helper()
	for _, e := range all {
		if e.Setting == setting {
			return e
		}
	}
	t.Fatalf("%s is not explained", setting)
	return Explained{}
}

func TestExplain(t *testing.T) {
	p := newPlace(t)
	p.write(p.User, "profiles: {corp: {oidc-issuer-url: 'https://other.example', certificate-authority: x.pem, account: profile, oidc-extra-scope: [groups]}}")
	p.write(p.Policy, "token-cache-storage: keyring\nkernel-keyring: off\nproxy: none\n")
	all, err := Explain(Input{
		Files:      p.Files,
		Flags:      args(t, "--account=flag", "--token-cache-storage=file", "--kernel-keyring=on", "--profile=corp"),
		Kubeconfig: usual(t, "--account=block"),
		Variable:   env("KUBECRED_ACCOUNT", "variable", "KUBECRED_OIDC_CLIENT_SECRET", "https://issuer.example "+canary),
		Extension:  []byte(`{"scopes": ["x"]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	profile := "profile corp in " + p.User
	tests := map[string]string{
		"oidc-issuer-url":       "https://issuer.example | --oidc-issuer-url in the kubeconfig | " + profile,
		"oidc-client-secret":    "[REDACTED] | KUBECRED_OIDC_CLIENT_SECRET | ",
		"certificate-authority": " | the default | " + profile,
		"account":               "flag | --account | --account in the kubeconfig, KUBECRED_ACCOUNT, " + profile,
		"oidc-extra-scope":      "groups | " + profile + " | the cluster's exec extension",
		"token-cache-storage":   "keyring | " + p.Policy + " | --token-cache-storage",
		"kernel-keyring":        "off | " + p.Policy + " | --kernel-keyring",
		"token-cache-dir":       p.Cache + " | the default | ",
		"grant-type":            "auto | the default | ",
		"listen-address":        "127.0.0.1:8000, 127.0.0.1:18000 | the default | ",
		"force-refresh":         "false | the default | ",
		"proxy":                 "none | " + p.Policy + " | ",
	}
	for setting, want := range tests {
		e := find(t, all, setting)
		var overridden []string
		for _, source := range e.Overridden {
			overridden = append(overridden, source.String())
		}
		if got := e.Value + " | " + e.Source.String() + " | " + strings.Join(overridden, ", "); got != want {
			t.Errorf("%s: %s\nwant %s", setting, got, want)
		}
	}
	if slices.ContainsFunc(all, func(e Explained) bool { return e.Setting == "oidc-use-pkce" }) {
		t.Error("a hidden flag that nobody gave is explained")
	}
}

// A mistake is when people ask where things come from.
func TestExplainShowsWhatIsKnownOfAMistake(t *testing.T) {
	p := newPlace(t)
	p.write(p.User, "profiles: {corp: {oidc-issuer-url: 'https://issuer.example', oidc-client-id: kubernetes}}")
	all, err := Explain(Input{Files: p.Files, Flags: args(t, "--profile=corp", "--insecure-skip-tls-verify")})
	if err == nil || find(t, all, "oidc-issuer-url").Source.Kind != FromProfile || len(find(t, all, "insecure-skip-tls-verify").Overridden) != 1 {
		t.Errorf("Explain: %+v, %v", all, err)
	}
	if all, err := Explain(Input{Files: p.Files, Flags: args(t, "--profile=none")}); err == nil || all != nil {
		t.Errorf("Explain: %+v, %v", all, err)
	}
}

// Secrets planted wherever one can be are in no explanation, no printed
// settings, no log and no error.
func TestCanary(t *testing.T) {
	p := newPlace(t)
	command := "[/bin/echo, " + canary + "]"
	p.write(p.User, "profiles: {corp: {oidc-issuer-url: 'https://issuer.example', oidc-client-id: c, oidc-client-secret-command: "+command+", password-command: "+command+", oidc-request-header: {X-Secret: "+canary+"}}}")
	ca := base64.StdEncoding.EncodeToString([]byte(certificate(t) + canary))
	var out bytes.Buffer
	for _, in := range []Input{
		{Flags: usual(t, "--oidc-client-secret="+canary, "--username=u", "--password="+canary, "--oidc-request-header=X-Secret="+canary, "--oidc-auth-request-extra-params=ticket="+canary, "--certificate-authority-data="+ca)},
		{Flags: usual(t, "--username=u"), Variable: env("KUBECRED_OIDC_CLIENT_SECRET", "https://issuer.example "+canary, "KUBECRED_PASSWORD", "https://issuer.example "+canary)},
		{Flags: usual(t, "--username=u"), Variable: env("KUBECRED_OIDC_CLIENT_SECRET", canary, "KUBECRED_PASSWORD", canary)},
		{Flags: usual(t, "--profile=corp")},
		{Flags: args(t, "--profile=corp", "--username=u")},
	} {
		in.Files = p.Files
		all, err := Explain(in)
		fmt.Fprintln(&out, err)
		if err := json.NewEncoder(&out).Encode(all); err != nil {
			t.Fatal(err)
		}
		if s, err := Resolve(in); err == nil {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
				fmt.Fprintf(&out, verb+verb, s, []any{s})
			}
			slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "settings", s)
			slog.New(slog.NewTextHandler(&out, nil)).Info("m", "settings", s)
		}
	}
	if printed := out.String(); strings.Contains(printed, canary) || strings.Contains(printed, base64.StdEncoding.EncodeToString([]byte(canary))) {
		t.Errorf("a secret was printed:\n%s", printed)
	}
}

// What a source says is shown to a person, so it is made fit for a terminal.
func TestExplainCleansWhatItShows(t *testing.T) {
	flags := usual(t)
	if err := flags.set("account", "\x1b[31m"+strings.Repeat("x", 400)+"\u202e"); err != nil {
		t.Fatal(err)
	}
	all, err := Explain(Input{Files: newPlace(t).Files, Flags: flags})
	e := find(t, all, "account")
	if err == nil || strings.ContainsAny(e.Value, "\x1b\u202e") || len(e.Value) > 310 {
		t.Errorf("%v: %q", err, e.Value)
	}
	params := find(t, must(Explain(Input{Files: newPlace(t).Files, Flags: usual(t, "--oidc-auth-request-extra-params=audience=x,ticket=y")})), "oidc-auth-request-extra-params")
	if params.Value != "audience=x, ticket=[REDACTED]" {
		t.Errorf("parameters %q", params.Value)
	}
	commands := newPlace(t)
	commands.write(commands.User, "profiles: {p: {password-command: [/bin/a, b], browser-command: firefox}}")
	shown := find(t, must(Explain(Input{Files: commands.Files, Flags: args(t, "--profile=p"), Loose: true})), "browser-command")
	if shown.Value != "firefox" {
		t.Errorf("browser-command %q", shown.Value)
	}
}

func must(all []Explained, err error) []Explained {
	if err != nil {
		panic(err)
	}
	return all
}

// Scripts read this form.
func TestExplainAsJSON(t *testing.T) {
	p := newPlace(t)
	p.write(p.User, "profiles: {corp: {account: me}}")
	all := must(Explain(Input{Files: p.Files, Flags: usual(t, "--profile=corp"), Extension: []byte(`{"scopes": ["a"]}`)}))
	for setting, want := range map[string]string{
		"oidc-client-id":   `{"setting":"oidc-client-id","value":"kubernetes","source":{"kind":"flag","name":"--oidc-client-id"}}`,
		"account":          `{"setting":"account","value":"me","source":{"kind":"profile","name":"` + p.User + `","profile":"corp"}}`,
		"oidc-extra-scope": `{"setting":"oidc-extra-scope","value":"a","source":{"kind":"cluster"}}`,
		"username":         `{"setting":"username","value":"","source":{"kind":"default"}}`,
	} {
		got, err := json.Marshal(find(t, all, setting))
		if err != nil || string(got) != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
