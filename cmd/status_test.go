package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/settings"
)

func (o outcome) decode(into any) {
	o.t.Helper()
	if err := json.Unmarshal([]byte(o.stdout), into); err != nil {
		o.t.Fatalf("%s: %v in %s", o.command, err, o.stdout)
	}
}

// entries are the files of the cache's entries.
func (p *place) entries() []string {
	p.t.Helper()
	files, err := filepath.Glob(p.path(".cache", "file", strings.Repeat("[0-9a-f]", 64)))
	if err != nil {
		p.t.Fatal(err)
	}
	return files
}

// damage changes the last byte of the one entry.
func (p *place) damage() {
	p.t.Helper()
	files := p.entries()
	if len(files) != 1 {
		p.t.Fatalf("%d entries", len(files))
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		p.t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func TestStatusOfNothing(t *testing.T) {
	p := newPlace(t)
	got := p.run("status").ok()
	if got.stdout != "Nothing is cached.\n\nNew entries are sealed under a key in a file beside them: whoever can read your files can read them.\n" {
		t.Errorf("%q", got.stdout)
	}
	p.at("status").ok().prints("is not signed in; its entry is ")
	if _, err := os.Stat(p.path(".cache")); err == nil {
		t.Error("status made a folder")
	}
	if n := len(p.provider.All()); n > 0 {
		t.Errorf("status sent %d requests", n)
	}
}

func TestStatus(t *testing.T) {
	p := newPlace(t)
	p.kubeconfig("me", "--oidc-extra-scope=email,groups")
	p.run("login").ok()
	p.at("login", "--oidc-use-access-token").ok()
	lines := strings.Split(p.run("status").ok().stdout, "\n")
	if !regexp.MustCompile(`^ +ENTRY +WHO +ISSUER +CLIENT +KIND +LIVES +RENEWS +SEALED$`).MatchString(lines[0]) {
		t.Errorf("%q", lines[0])
	}
	current := regexp.MustCompile(`(?m)^\* +[0-9a-f]{12} +alice@example\.com +http://127\.0\.0\.1:\d+ +kubecred +id token +until \d\d:\d\d \(59 minutes\) +yes +file$`)
	if n := len(current.FindAllString(strings.Join(lines, "\n"), -1)); n != 1 {
		t.Errorf("%d current entries in %q", n, lines)
	}
	var status statusReport
	p.run("status", "-o", "json").ok().decode(&status)
	if status.Context != "prod" || status.Storage != cache.InFile || status.Problem != "" || len(status.Entries) != 2 {
		t.Errorf("%+v", status)
	}
	for _, e := range status.Entries {
		if e.Current != (e.Entry == status.Current) || e.Issuer != p.provider.Issuer || e.Client != oidctest.ClientID ||
			e.Subject != "user-1" || !e.Renews || e.Sealed != cache.InFile || e.Expires == nil || e.Problem != "" || e.Aside {
			t.Errorf("%+v", e)
		}
		if e.Current && (e.Groups != 2 || e.Kind != "id token" || e.Account != "alice@example.com") || !e.Current && e.Kind != "access token" {
			t.Errorf("%+v", e)
		}
	}
	p.passed += 2 * time.Hour
	p.run("status").ok().prints("expired 20")
}

// What cannot be opened is listed with the reason.
func TestStatusOfADamagedEntry(t *testing.T) {
	p := newPlace(t)
	p.at("login").ok()
	p.damage()
	p.run("status").ok().prints("damaged")
	data, err := os.ReadFile(p.entries()[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len("KUBECRED")]++
	if err := os.WriteFile(p.entries()[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	p.run("status").ok().prints("written by a newer version")
	before := string(data)
	p.at("get-token", "--force-refresh").fails(exitCache, "written by a newer version").hints("update kubecred")
	p.at("login", "--switch").fails(exitCache, "written by a newer version")
	if data, err = os.ReadFile(p.entries()[0]); err != nil || string(data) != before {
		t.Error("the newer entry was changed")
	}
	p.counts(oidctest.GrantPassword, 1)
}

// A tampered entry is a miss that heals, and is set aside.
func TestDamagedEntryHeals(t *testing.T) {
	p := newPlace(t)
	p.at("get-token").ok()
	p.damage()
	healed := p.at("get-token").ok().token()
	if p.at("get-token").ok().token() != healed {
		t.Error("it did not heal")
	}
	p.counts(oidctest.GrantPassword, 2)
	var status statusReport
	p.run("status", "-o", "json").ok().decode(&status)
	if len(status.Entries) != 2 || status.Entries[0].Aside == status.Entries[1].Aside {
		t.Errorf("%+v", status.Entries)
	}
}

func TestStatusWithoutAKeyring(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a keyring is always there")
	}
	p := newPlace(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+p.path("no-bus"))
	p.env["KUBECRED_TOKEN_CACHE_STORAGE"] = "keyring"
	p.run("status").ok().prints("New entries are sealed under the system's keyring.").prints("That cannot be used now: ")
	p.at("login").fails(exitCache, "").hints("--token-cache-storage=file")
	p.at("get-token").ok()
	p.counts(oidctest.GrantPassword, 1)
	if p.cached() != 0 {
		t.Error("something was kept")
	}
}

func TestExplainSettings(t *testing.T) {
	p := newPlace(t)
	p.kubeconfig("me", "--oidc-extra-scope=email", "--oidc-auth-request-extra-params=audience=prod,token=canary", "--oidc-client-secret=canary")
	p.env["KUBECRED_GRANT_TYPE"] = "device-code"
	p.env["KUBECRED_OIDC_CLIENT_ID"] = "another"
	p.env["KUBECRED_PASSWORD"] = p.provider.Issuer + " canary"
	got := p.run("status", "--explain", "--grant-type=password").ok()
	for _, row := range []string{
		`SETTING +VALUE +FROM +ALSO SAID BY`,
		`oidc-issuer-url +http://127\S+ +--oidc-issuer-url in the kubeconfig`,
		`oidc-client-id +kubecred +--oidc-client-id in the kubeconfig +KUBECRED_OIDC_CLIENT_ID`,
		`oidc-client-secret +\[REDACTED\] +--oidc-client-secret in the kubeconfig`,
		`grant-type +password +--grant-type +KUBECRED_GRANT_TYPE`,
		`password +\[REDACTED\] +KUBECRED_PASSWORD`,
		`token-cache-storage +file +KUBECRED_TOKEN_CACHE_STORAGE`,
		`authentication-timeout-sec +180 +the default`,
		`oidc-auth-request-extra-params +audience=prod, token=\[REDACTED\] +--oidc-auth-request-extra-params in the kubeconfig`,
	} {
		if !regexp.MustCompile(`(?m)^` + row + ` *$`).MatchString(got.stdout) {
			t.Errorf("no row %s in\n%s", row, got.stdout)
		}
	}
	var explained []settings.Explained
	p.run("status", "--explain", "-o", "json").ok().decode(&explained)
	if len(explained) < 30 {
		t.Errorf("%d settings", len(explained))
	}
	if n := len(p.provider.All()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// It explains what is wrong as well, and then fails.
func TestExplainWhatIsWrong(t *testing.T) {
	p := newPlace(t)
	for args, text := range map[string]string{
		"--user=nobody":                   `no user named "nobody"`,
		"--oidc-issuer-url=http://x":      "https://",
		"--listen-address=192.0.2.1:8000": "loopback",
	} {
		got := p.run("status", "--explain", args).prints("grant-type")
		got.stdout = ""
		got.fails(exitConfig, text)
	}
}

func TestVersion(t *testing.T) {
	p := newPlace(t)
	if got := p.run("version").ok().stdout; got != "kubecred devel ("+runtime.Version()+", "+runtime.GOOS+"/"+runtime.GOARCH+")\n" {
		t.Errorf("%q", got)
	}
	var build Build
	p.run("version", "-o", "json").ok().decode(&build)
	if build != (Build{Version: "devel", Commit: build.Commit, Date: build.Date, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}) {
		t.Errorf("%+v", build)
	}
	if got := (Build{Version: "v1.2.3", Commit: "abc", Date: "today"}).Complete(); got.Version != "v1.2.3" || got.Commit != "abc" || got.Date != "today" {
		t.Errorf("%+v", got)
	}
}

// Each command has an example, and nothing of klog's in its help.
func TestHelp(t *testing.T) {
	p := newPlace(t)
	for command, example := range map[string]string{
		"get-token": "command: kubecred",
		"login":     "kubecred login --context prod",
		"logout":    "kubecred logout --all",
		"status":    "kubecred status --explain",
		"whoami":    "kubecred whoami --server",
		"version":   "kubecred version -o json",
	} {
		got := p.run(command, "--help").ok().prints("Examples:").prints(example)
		if strings.Contains(got.stdout, "logtostderr") || strings.Contains(got.stdout, "oidc-use-pkce") {
			t.Errorf("%s --help shows what is only accepted", command)
		}
	}
	p.run().ok().prints("Available Commands:")
	p.run("help", "login").ok().prints("Examples:")
	p.run("oidc-login", "get-token", "--help").ok().prints("ExecCredential")
}

func TestCompletion(t *testing.T) {
	p := newPlace(t)
	for shell, text := range map[string]string{
		"bash": "complete -o default", "zsh": "#compdef kubecred", "fish": "complete -c kubecred", "powershell": "Register-ArgumentCompleter",
	} {
		p.run("completion", shell).ok().prints(text)
	}
}
