package cmd

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/execcred"
	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/settings"
)

func TestGetTokenPrintsOneObject(t *testing.T) {
	p := newPlace(t)
	got := p.at("get-token").ok()
	form := regexp.MustCompile(`\A{"kind":"ExecCredential","apiVersion":"client\.authentication\.k8s\.io/v1","status":{"expirationTimestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ","token":"[-_.A-Za-z0-9]+"}}\n\z`)
	if !form.MatchString(got.stdout) {
		t.Errorf("stdout = %q", got.stdout)
	}
	if again := p.at("get-token").ok(); again.stdout != got.stdout {
		t.Errorf("the cache serves %q", again.stdout)
	}
	p.counts(oidctest.GrantPassword, 1)
	if n := p.provider.Count(oidctest.Discovery); n != 1 {
		t.Errorf("a hit sent %d requests", n-1)
	}
}

// What the client asked for comes first, then the setting.
func TestGetTokenVersions(t *testing.T) {
	const group = "client.authentication.k8s.io/"
	p := newPlace(t)
	for _, test := range []struct{ info, flag, variable, want string }{
		{"", "", "", "v1"},
		{"", "v1beta1", "", "v1beta1"},
		{"", "", "client.authentication.k8s.io/v1beta1", "v1beta1"},
		{"", "v1", "v1beta1", "v1"},
		{`{"apiVersion":"client.authentication.k8s.io/v1beta1"}`, "v1", "", "v1beta1"},
		{`{"apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":true}}`, "v1beta1", "", "v1"},
		{`{}`, "", "", "v1"},
		{"\n", "v1beta1", "", "v1beta1"},
		{`{"kind":"ExecCredentials","spec":null,"extra":[{}]}`, "", "", "v1"},
		{`{"apiVersion":7,"spec":"none"}`, "v1beta1", "", "v1beta1"},
	} {
		p.env[execcred.EnvExecInfo], p.env["KUBECRED_EXEC_API_VERSION"] = test.info, test.variable
		args := []string{}
		if test.flag != "" {
			args = append(args, "--exec-api-version="+test.flag)
		}
		p.at("get-token", args...).ok().prints(`"apiVersion":"` + group + test.want + `"`)
	}
	p.env["KUBECRED_EXEC_API_VERSION"] = ""
	for _, info := range []string{
		`{"apiVersion":"client.authentication.k8s.io/v1alpha1"}`,
		`{"apiVersion":"canary\u001b[31m"}`,
	} {
		p.env[execcred.EnvExecInfo] = info
		got := p.at("get-token").fails(exitConfig, "this program speaks "+group+"v1 and "+group+"v1beta1").hints("exec block")
		if strings.Contains(got.stderr, "canary") {
			t.Errorf("stderr = %q", got.stderr)
		}
	}
	p.counts(oidctest.GrantPassword, 1)
}

// What is no JSON is a mistake of the client's or of a wrapper's, and is not
// repeated.
func TestGetTokenGarbage(t *testing.T) {
	p := newPlace(t)
	for _, info := range []string{`{"apiVersion":"canary`, "canary", `["canary"]`, "7", "\x00"} {
		p.env[execcred.EnvExecInfo] = info
		got := p.at("get-token").fails(exitConfig, "KUBERNETES_EXEC_INFO is not a JSON object")
		if strings.Contains(got.stderr, "canary") {
			t.Errorf("stderr = %q", got.stderr)
		}
	}
}

// The cluster's extension arrives with the client's request.
func TestGetTokenExtension(t *testing.T) {
	p := newPlace(t)
	p.env[execcred.EnvExecInfo] = `{"apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"https://c.example","config":{"audience":"prod","scopes":["email"]}}}}`
	p.at("get-token").ok()
	sent := p.provider.Requests(oidctest.Token)[0].Form
	if sent.Get("audience") != "prod" || sent.Get("scope") != "openid email" {
		t.Errorf("sent %v", sent)
	}
	for _, name := range []string{"oidc-issuer-url", "oidc-client-secret", "browser-command", "certificate-authority", "token-cache-dir"} {
		p.env[execcred.EnvExecInfo] = `{"spec":{"cluster":{"config":{"` + name + `":"https://evil.example"}}}}`
		p.at("get-token").fails(exitConfig, `may set audience, scopes and profile only, not "`+name+`"`)
	}
}

// Nobody can be asked: whatever the grant, it ends at once, with nothing sent.
func TestGetTokenNobody(t *testing.T) {
	p := newPlace(t)
	p.env["KUBECRED_PASSWORD"] = ""
	for _, args := range [][]string{
		{"--username="},
		{"--grant-type=authcode"},
		{"--grant-type=authcode", "--skip-open-browser", "--browser-command=x"},
		{"--grant-type=authcode-keyboard"},
		{"--grant-type=device-code"},
		{"--grant-type=password"},
		{"--grant-type=password", "--username=alice"},
		{"--username=alice"},
	} {
		for _, interactive := range []string{"true", "false"} {
			p.env[execcred.EnvExecInfo] = `{"apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":` + interactive + `}}`
			p.at("get-token", args...).fails(exitLoginNeeded, "nobody can be asked here").hints("in a terminal, run: kubecred login ")
		}
	}
	if n := len(p.provider.All()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// A client of Kubernetes waits for ever; the program does not.
func TestPatience(t *testing.T) {
	for grant, want := range map[settings.Grant]time.Duration{
		settings.GrantClientCredentials: 4 * time.Minute,
		settings.GrantPassword:          11 * time.Minute,
		settings.GrantAuthCode:          31 * time.Minute,
		settings.GrantAuto:              31 * time.Minute,
		settings.GrantDeviceCode:        31 * time.Minute,
	} {
		if got := patience(&settings.Settings{Grant: grant, Timeout: 3 * time.Minute}); got != want {
			t.Errorf("%s: %v, want %v", grant, got, want)
		}
	}
	if got := patience(&settings.Settings{Grant: settings.GrantAuto, Timeout: 2 * time.Hour}); got != 2*time.Hour+time.Minute {
		t.Errorf("a longer time of the person's is cut to %v", got)
	}
}

// A credential that ends before it could be used is not printed.
func TestGetTokenExpired(t *testing.T) {
	p := newPlace(t, oidctest.TokenLifetime(time.Second))
	p.at("get-token").fails(exitDenied, "the credential has expired").hints("clock")
}
