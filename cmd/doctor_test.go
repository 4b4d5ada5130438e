package cmd

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/doctor"
	"github.com/kubecred/kubecred/internal/oidctest"
)

// doctored runs doctor and reads what it says.
func (p *place) doctored(code int, args ...string) doctor.Report {
	p.t.Helper()
	got := p.run(append([]string{"doctor", "-o", "json"}, args...)...)
	if got.code != code || got.stderr != "" {
		p.t.Errorf("%s: exit code %d, want %d\n%s%s", got.command, got.code, code, got.stdout, got.stderr)
	}
	var report doctor.Report
	got.decode(&report)
	return report
}

// line finds a check's line.
func line(t *testing.T, r doctor.Report, group, check string) doctor.Line {
	t.Helper()
	for _, l := range r.Checks {
		if l.Group == group && l.Check == check {
			return l
		}
	}
	t.Fatalf("no line %s, %s", group, check)
	return doctor.Line{}
}

func (p *place) finds(r doctor.Report, group, check string, mark doctor.Mark, found string) {
	p.t.Helper()
	if l := line(p.t, r, group, check); l.Mark != mark || !strings.Contains(l.Found, found) {
		p.t.Errorf("%s, %s: %s %q, want %s and %q", group, check, l.Mark, l.Found, mark, found)
	}
}

// healthy is a place where nothing is wrong: the program is on PATH, a
// kubeconfig leads to it, and the cluster's API server knows alice.
func healthy(t *testing.T, options ...oidctest.Option) *place {
	t.Helper()
	onUnix(t)
	p := newPlace(t, append(options, oidctest.RS256())...)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p.env["PATH"] = p.path("bin")
	if err := errors.Join(os.MkdirAll(p.path("bin"), 0o700), os.Symlink(self, p.path("bin", "kubecred"))); err != nil {
		t.Fatal(err)
	}
	p.writeBlock("")
	return p
}

// writeBlock writes the kubeconfig, with more arguments for the exec block and
// perhaps a server.
func (p *place) writeBlock(server string, args ...string) {
	p.t.Helper()
	args = append([]string{"get-token", "--oidc-issuer-url=" + p.provider.Issuer, "--oidc-client-id=" + oidctest.ClientID}, args...)
	text, err := json.Marshal(map[string]any{
		"current-context": "prod",
		"contexts":        []any{map[string]any{"name": "prod", "context": map[string]any{"cluster": "c", "user": "me"}}},
		"clusters":        []any{map[string]any{"name": "c", "cluster": map[string]any{"server": server}}},
		"users": []any{map[string]any{"name": "me", "user": map[string]any{"exec": map[string]any{
			"apiVersion": "client.authentication.k8s.io/v1", "command": "kubecred", "args": args,
			"interactiveMode": "IfAvailable", "installHint": "see there",
		}}}},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(string(text), ".kube", "config")
}

func TestDoctorOfAHealthyPlace(t *testing.T) {
	p := healthy(t)
	p.run("login").ok()
	r := p.doctored(0)
	for _, l := range r.Checks {
		if l.Mark != doctor.OK && l.Mark != doctor.Note && l.Mark != doctor.Skipped {
			t.Errorf("%+v", l)
		}
	}
	p.finds(r, "command", "path", doctor.Note, "clients run "+p.path("bin", "kubecred"))
	p.finds(r, "kubeconfig", "context", doctor.OK, `"prod" leads to the user "me"`)
	p.finds(r, "settings", "entry", doctor.OK, "kubecred at "+p.provider.Issuer)
	p.finds(r, "storage", "folder", doctor.OK, "holds 1 entry")
	p.finds(r, "provider", "keys", doctor.OK, "RS256")
	p.finds(r, "signing in", "way", doctor.OK, "a password, since a user name is given")
	p.finds(r, "credential", "cached", doctor.OK, "renews itself")
	p.finds(r, "API server", "identity", doctor.Skipped, "no cluster")
	text := p.run("doctor").ok()
	text.prints("\ncredential\n").prints("Nothing is wrong.\n")
	// Doctor asks for two documents and no more, each time.
	if n := p.provider.CountGrant(oidctest.GrantPassword); n != 1 {
		t.Errorf("%d sign-ins", n)
	}
}

func TestDoctorExitCodes(t *testing.T) {
	p := healthy(t)
	p.doctored(0)
	p.writeBlock("", "--account=a b")
	p.finds(p.doctored(exitWarned), "kubeconfig", "arguments", doctor.Warning, "--account")
	p.provider.Apply(oidctest.SlashedIssuer())
	p.doctored(exitUnwell)
	if got := p.run("doctor"); got.code != exitUnwell || !strings.Contains(got.stdout, "1 failed: discovery. 1 warning: arguments.") || got.stderr != "" {
		t.Errorf("%+v", got)
	}
	p.run("doctor", "--timeout=1ms").fails(exitConfig, "--timeout")
	p.run("doctor", "-o", "yaml").fails(exitConfig, "--output")
	p.run("doctor", "prod").fails(exitConfig, "argument")
}

// What cannot be read is a line, and the rest is looked at all the same.
func TestDoctorOfWhatIsBroken(t *testing.T) {
	for name, test := range map[string]struct {
		damage       func(*place)
		args         []string
		group, check string
		found        string
	}{
		"no kubeconfig":     {func(p *place) { os.Remove(p.path(".kube", "config")) }, nil, "kubeconfig", "context", "no current context"},
		"a broken one":      {func(p *place) { p.write("users: [", ".kube", "config") }, nil, "kubeconfig", "context", "is not a kubeconfig"},
		"no such context":   {func(*place) {}, []string{"--context=x"}, "kubeconfig", "context", `no context named "x"`},
		"no such entry":     {func(*place) {}, []string{"--entry=123"}, "settings", "entry", "no user of the kubeconfig has the entry 123"},
		"an odd flag":       {func(p *place) { p.writeBlock("", "--grant-type=canary") }, nil, "settings", "entry", "grant-type"},
		"a denied issuer":   {func(p *place) { p.write("issuers: [https://other.example]", "etc", "policy.yaml") }, nil, "settings", "entry", "is not an issuer that is allowed"},
		"a broken policy":   {func(p *place) { p.write("x: y", "etc", "policy.yaml") }, nil, "settings", "policy", "unknown key"},
		"an open listener":  {func(p *place) { p.writeBlock("", "--grant-type=authcode", "--listen-address=0.0.0.0:1") }, nil, "settings", "entry", "is not a loopback address"},
		"a missing command": {func(p *place) { os.Remove(p.path("bin", "kubecred")) }, nil, "command", "path", "not on PATH"},
	} {
		t.Run(name, func(t *testing.T) {
			p := healthy(t)
			p.env["KUBECRED_USERNAME"], p.env["KUBECRED_PASSWORD"] = "", ""
			test.damage(p)
			r := p.doctored(exitUnwell, test.args...)
			p.finds(r, test.group, test.check, doctor.Failed, test.found)
			if l := line(t, r, test.group, test.check); l.Do == "" {
				t.Errorf("nothing is said to do about %q", l.Found)
			}
			if n := r.Count(doctor.Failed); len(r.Checks) < 20 || n != 1 {
				t.Errorf("%d lines, %d failed: %+v", len(r.Checks), n, r.Checks)
			}
		})
	}
}

// Whoever runs another plugin hears so, and the rest of it is not called broken.
func TestDoctorOfAnotherPlugin(t *testing.T) {
	p := healthy(t)
	p.write(`{"current-context": "x", "contexts": [{"name": "x", "context": {"user": "u"}}], "users": [{"name": "u", "user": {"exec": {"command": "gke"}}}]}`, ".kube", "config")
	r := p.doctored(0)
	p.finds(r, "kubeconfig", "context", doctor.Note, `"u" does not sign in with kubecred`)
	p.finds(r, "settings", "entry", doctor.Skipped, "")
}

// tree is all that lies below a folder: names, modes, times and contents.
func tree(t *testing.T, root string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		fmt.Fprintln(&all, path, info.Mode(), info.ModTime().UnixNano())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			fmt.Fprintf(&all, "%q\n", data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// Doctor makes no folder, no lock and no note, before a login and after it, when
// all is well and when an entry does not open.
func TestDoctorChangesNothing(t *testing.T) {
	p := healthy(t)
	p.env["KUBECRED_PASSWORD"] = ""
	p.writeBlock("", "--username=alice", "--oidc-extra-scope=email")
	for _, prepare := range []func(){
		func() {},
		func() {
			p.env["KUBECRED_PASSWORD"] = p.provider.Issuer + " alice's password"
			p.run("login").ok()
		},
		p.damage,
		func() { p.passed += 48 * time.Hour },
		func() { p.provider.Apply(oidctest.Break(oidctest.Discovery, oidctest.Status(503, 0))) },
	} {
		prepare()
		before := tree(t, p.home)
		for _, output := range []string{"text", "json"} {
			if got := p.run("doctor", "-o", output); got.stdout == "" || got.stderr != "" {
				t.Errorf("%+v", got)
			}
		}
		if after := tree(t, p.home); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
	}
}

// What people paste into issues holds no secret, wherever one lies, and whatever
// the provider repeats.
func TestDoctorShowsNoSecret(t *testing.T) {
	p := healthy(t, oidctest.Confidential(oidctest.AuthBasic, clientCanary))
	p.env["KUBECRED_PASSWORD"] = p.provider.Issuer + " " + passwordCanary
	p.env["HTTPS_PROXY"] = "http://user:canary-proxy%zz"
	p.env["KUBECRED_LOG"] = p.path("support.log")
	p.writeBlock("https://user:canary-server@127.0.0.1:1", "--username=alice", "--oidc-client-secret="+clientCanary,
		"--oidc-request-header=X-Key=canary-header", "--oidc-auth-request-extra-params=token=canary-param", "--password=canary password")
	more := strings.Replace(p.read(".kube", "config"), `"users":[`, `"users":[{"name":"old","user":{"token":"canary-token","password":"canary-password","client-key-data":"Y2FuYXJ5"}},`, 1)
	p.write(more, ".kube", "config")
	for _, trouble := range []oidctest.Option{
		func(*oidctest.Config) {},
		oidctest.Break(oidctest.Discovery, echo(http.StatusOK)), oidctest.Break(oidctest.Discovery, echo(http.StatusUnauthorized)),
		oidctest.OtherIssuer("https://" + oidctest.ControlText),
	} {
		p.provider.Apply(trouble)
		for _, args := range [][]string{{"-o", "text"}, {"-o", "json"}, {"--user=old"}, {"--context=canaries"}} {
			got := p.run(append([]string{"doctor"}, args...)...)
			text := strings.ReplaceAll(got.stdout+got.stderr, `"canaries"`, "")
			if strings.Contains(strings.ReplaceAll(text, `\"canaries\"`, ""), "canary") || strings.ContainsAny(text, "\x1b\a\r\u202e") {
				t.Errorf("%s: %s", got.command, got.stdout+got.stderr)
			}
			if got.stdout == "" {
				t.Errorf("%s: %s", got.command, got.stderr)
			}
		}
	}
	if log := p.read("support.log"); strings.Contains(log, "canary") || log == "" {
		t.Errorf("the log: %s", log)
	}
}

// A provider that says nothing costs its line; the whole ends within its time.
func TestDoctorEndsInTime(t *testing.T) {
	released := make(chan struct{})
	p := healthy(t, oidctest.Break(oidctest.Discovery, oidctest.Hang(released)))
	defer close(released)
	began := time.Now()
	r := p.doctored(exitUnwell, "--timeout=300ms")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	p.finds(r, "provider", "discovery", doctor.Failed, "did not answer within")
	if n := r.Count(doctor.Failed); n != 1 {
		t.Errorf("%d lines failed: %+v", n, r.Checks)
	}
}

// Neither does a disk that does not answer keep it, on which the kubeconfig lies.
func TestDoctorEndsThoughNoFileAnswers(t *testing.T) {
	p := healthy(t)
	var stdout, stderr bytes.Buffer
	a := p.app(&stdout, &stderr, "doctor", "--timeout=200ms")
	released := make(chan struct{})
	defer close(released)
	a.getenv = func(name string) string {
		if name == "KUBECONFIG" {
			<-released
		}
		return p.env[name]
	}
	if code := a.run(); code != exitUnwell || !strings.Contains(stdout.String(), "cannot be read in time") {
		t.Errorf("exit code %d: %s%s", code, stdout.String(), stderr.String())
	}
}

// The API server is shown the credential as kubectl would show it, and by no
// other way: not where flags lead to another entry than the context's.
func TestDoctorAsksTheAPIServer(t *testing.T) {
	p := healthy(t)
	var asked []string
	answer := http.StatusCreated
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		w.WriteHeader(answer)
		fmt.Fprint(w, `{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1","status":{"userInfo":{"username":"oidc:alice","groups":["a","system:authenticated"]}}}`)
	}))
	defer server.Close()
	p.writeBlock(server.URL)
	p.trusts(server)
	p.run("login").ok()
	r := p.doctored(0)
	p.finds(r, "API server", "identity", doctor.OK, "you are oidc:alice there, in 2 groups")
	if len(asked) != 1 || !strings.HasPrefix(asked[0], "POST /apis/authentication.k8s.io/v1/selfsubjectreviews Bearer ") {
		t.Errorf("asked %d times", len(asked))
	}
	p.at("login", "--oidc-use-access-token").ok()
	p.finds(p.doctored(0, "--oidc-use-access-token"), "credential", "cached", doctor.OK, "renews")
	direct := []string{"--oidc-issuer-url=" + p.provider.Issuer, "--oidc-client-id=" + oidctest.ClientID, "--oidc-use-access-token"}
	r = p.doctored(0, direct...)
	p.finds(r, "API server", "identity", doctor.Skipped, "no cluster")
	if len(asked) != 1 {
		t.Errorf("another entry's token was sent: %d requests", len(asked))
	}
	answer = http.StatusUnauthorized
	p.finds(p.doctored(exitUnwell), "API server", "identity", doctor.Failed, "does not take the credential (401)")
}

// An entry of another context goes to that context's cluster, and never to the
// current one's.
func TestDoctorOfAnotherContextsEntry(t *testing.T) {
	p := healthy(t)
	mine, others := startAPI(t, `{"username":"alice"}`), startAPI(t, `{"username":"x"}`)
	block := func(more string) string {
		return "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, command: kubecred, args: [get-token, " +
			"--oidc-issuer-url=" + p.provider.Issuer + ", --oidc-client-id=" + oidctest.ClientID + more + "]}"
	}
	p.write(mine.ca(), ".kube", "ca.pem") // of either
	p.write(fmt.Sprintf(`current-context: other
contexts:
- {name: other, context: {cluster: other, user: other}}
- {name: mine, context: {cluster: mine, user: mine}}
clusters:
- {name: other, cluster: {server: %q, certificate-authority: ca.pem}}
- {name: mine, cluster: {server: %q, certificate-authority: ca.pem}}
users:
- {name: other, user: {%s}}
- {name: mine, user: {%s}}
`, others.URL, mine.URL, block(""), block(", --oidc-extra-scope=email")), ".kube", "config")
	p.run("login", "--context=mine").ok()
	r := p.doctored(0, "--entry="+regexp.MustCompile(`[0-9a-f]{12}`).FindString(p.run("whoami", "--context=mine").ok().stdout))
	p.finds(r, "API server", "identity", doctor.OK, "you are alice there")
	p.finds(r, "kubeconfig", "context", doctor.OK, `"mine" leads to the user "mine"`)
	if came := others.requests(); len(came) > 0 {
		t.Errorf("the current context's server was sent %q", came)
	}
}

// trusts lets the kubeconfig's cluster trust a test server.
func (p *place) trusts(server *httptest.Server) {
	p.t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	text, found := p.read(".kube", "config"), `"server":`
	trusting := strings.Replace(text, found, `"certificate-authority-data":"`+base64.StdEncoding.EncodeToString(ca)+`",`+found, 1)
	p.write(trusting, ".kube", "config")
}

// The page explains every check, and no other.
func TestDoctorsPageIsWhole(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "doctor.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "\n## command\n")
	text = "\n## command\n" + text
	p := healthy(t)
	rows := strings.Count(text, "\n| ") - strings.Count(text, "\n| --- ") - strings.Count(text, "\n| check |")
	report := p.doctored(0)
	for _, l := range report.Checks {
		_, section, found := strings.Cut(text, "\n## "+l.Group+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !found || !strings.Contains(section, "\n| "+l.Check+" | ") {
			t.Errorf("docs/doctor.md does not explain %s, %s", l.Group, l.Check)
		}
	}
	if want := len(report.Checks) + 1; rows != want { // discovery, or exchange in its place
		t.Errorf("docs/doctor.md has %d rows, want %d", rows, want)
	}
}
