package cmd

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/oidctest"
)

// What import does to files and caches; the terminal and the streams are in the
// scripts. The process that reads what was sealed is this program again.

// sealed are the flags that lead to a cache of the test's own, which the process
// that reads again finds too.
func (p *place) sealed() []string {
	return []string{"--token-cache-storage=file", "--token-cache-dir=" + p.path("sealed")}
}

func (p *place) importing(args ...string) outcome {
	p.t.Helper()
	return p.run(append(append([]string{"import", "--kubeconfig=" + p.path(".kube", "config")}, p.sealed()...), args...)...)
}

// users writes a kubeconfig with users, the first of which is the current one's.
func (p *place) users(entries ...string) string {
	p.t.Helper()
	text := "# mine\napiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- {name: c, context: {cluster: c, user: me}}\n" +
		"clusters:\n- {name: c, cluster: {server: \"https://c.example\"}}\nusers:\n" + strings.Join(entries, "")
	p.write(text, ".kube", "config")
	return text
}

// block is what the exec block of a user says.
func (p *place) block(user string) []string {
	p.t.Helper()
	d, err := kubeconfig.Open(p.path(".kube", "config"))
	if err != nil {
		p.t.Fatal(err)
	}
	entry, err := d.User(user)
	if err != nil || entry.Exec == nil {
		p.t.Fatalf("%s has no exec block, %v", user, err)
	}
	return entry.Exec.Args
}

func (p *place) asBlock(user string) outcome {
	p.t.Helper()
	return p.run(p.block(user)...)
}

// holds holds that the kubeconfig is a text, and as of a person's own.
func (p *place) holds(want string) {
	p.t.Helper()
	if got := p.read(".kube", "config"); got != want {
		p.t.Errorf("the kubeconfig is\n%s", got)
	}
}

// nothingSealed holds that the cache has no entries at all.
func (p *place) nothingSealed() {
	p.t.Helper()
	files, err := filepath.Glob(p.path("sealed", "file", strings.Repeat("[0-9a-f]", 64)+"*"))
	if err != nil || len(files) > 0 {
		p.t.Errorf("left in the cache: %v, %v", files, err)
	}
}

// unsigned is a JWT that nobody verifies here.
func unsigned(claims map[string]any) string {
	payload, _ := json.Marshal(claims)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode(payload) + ".canary"
}

func user(name, body string) string { return fmt.Sprintf("- name: %s\n  user:\n    %s\n", name, body) }

// A credential that ends says so at import, in status, and when it has ended.
func TestImportedCredentialEnds(t *testing.T) {
	p := newPlace(t)
	ends := time.Now().Add(time.Hour).Truncate(time.Second)
	token := unsigned(map[string]any{"sub": "system:serviceaccount:ns:robot", "exp": ends.Unix()})
	p.users(user("me", "token: "+token))
	p.importing("--yes").ok().prints("service account token of system:serviceaccount:ns:robot, until").prints("nothing renews it")
	if got := p.asBlock("me").ok(); got.token() != token {
		t.Errorf("another token")
	}
	block := p.block("me")
	p.run(append(block, "--force-refresh")...).fails(exitLoginNeeded, "nothing renews it").hints("kubecred import --user=me --kubeconfig=")
	p.run(append([]string{"login", "--switch"}, block[1:]...)...).fails(exitLoginNeeded, "nothing renews it").hints("kubecred import --user=me --kubeconfig=")
	p.run(append([]string{"login"}, block[1:]...)...).ok().prints("Already signed in as system:serviceaccount:ns:robot with the imported service account token")
	status := append([]string{"status"}, p.sealed()...)
	p.run(status...).ok().prints("imported service account token").prints(`of the user "me" ends ` + ends.Local().Format("2006-01-02 15:04"))
	p.run(append(status, "-o", "json")...).ok().prints(`"imported": {`).prints(`"user": "me"`)
	p.passed = 2 * time.Hour
	p.asBlock("me").fails(exitLoginNeeded, `service account token of the user "me", from `+p.path(".kube", "config")+", ended "+ends.Local().Format("2006-01-02 15:04")).
		hints("kubecred import --user=me --kubeconfig=")
	p.asBlock("me").fails(exitLoginNeeded, "ended") // and no pause hides why
	p.run(status...).ok().prints("has ended")
	p.importing("--undo").ok()
	p.importing("--yes").fails(exitConfig, "has ended").hints("import.md")
}

// A context names its user, to import and to undo as to every other command.
func TestImportByContext(t *testing.T) {
	p := newPlace(t)
	plain := p.users(user("other", "token: canary-other"), user("me", "token: canary-me"))
	p.importing("--all", "--yes").ok()
	p.importing("--undo", "--context=c").ok().prints(`Put back "me" in`)
	if p.asBlock("other").ok().token() != "canary-other" {
		t.Error("another user was put back as well")
	}
	p.importing("--undo").ok()
	p.importing("--context=c", "--yes").ok().prints("Imported 1 user.")
	if got := p.read(".kube", "config"); strings.Contains(got, "canary-me") || !strings.Contains(got, "canary-other") {
		t.Errorf("imported:\n%s", got)
	}
	p.importing("--undo").ok()
	p.holds(plain)
}

// What import and status print is run as it stands, wherever the file lies.
func TestImportLinesWorkAsPrinted(t *testing.T) {
	for name, of := range map[string]func(p *place, imported string) string{
		"import's": func(_ *place, imported string) string { return imported },
		"status's": func(p *place, _ string) string {
			return p.run(append([]string{"status"}, p.sealed()...)...).ok().stdout
		},
		"logout's": func(p *place, _ string) string {
			return p.run(append([]string{"logout"}, p.block("me")[1:]...)...).fails(exitDenied, "no other copy").stderr
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.write("users:\n"+user("me", "token: static-token"), "elsewhere")
			at := "--kubeconfig=" + p.path("elsewhere")
			imported := p.run(append([]string{"import", "--user=me", "--yes", at}, p.sealed()...)...).ok().stdout
			p.write(p.read("elsewhere"), ".kube", "config") // for block
			_, line, found := strings.Cut(of(p, imported), "kubecred import --undo")
			line, _, ends := strings.Cut(line, " puts ")
			if !found || !ends {
				t.Fatalf("no line in %s", imported)
			}
			words := append([]string{"import", "--undo"}, strings.Fields(line)...)
			if name != "import's" { // they know the folder no better than the person who named it
				words = append(words, p.sealed()...)
			}
			p.run(words...).ok().prints("Put back " + p.path("elsewhere"))
		})
	}
}

// legacySession is an auth-provider's config with a session of alice's.
func (p *place) legacySession(client string) (config string, idToken string) {
	p.t.Helper()
	form := url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"alice's password"}, "scope": {"openid email"}}
	r, err := http.NewRequest(http.MethodPost, p.provider.Issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(oidctest.ClientID, url.QueryEscape(client))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	var tokens struct {
		ID      string `json:"id_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&tokens); err != nil || tokens.ID == "" || tokens.Refresh == "" {
		p.t.Fatalf("%s: %v", answer.Status, err)
	}
	return fmt.Sprintf(`auth-provider:
      name: oidc
      config:
        idp-issuer-url: %s
        client-id: %s
        client-secret: %q
        extra-scopes: email
        id-token: %s
        refresh-token: %s`, p.provider.Issuer, oidctest.ClientID, client, tokens.ID, tokens.Refresh), tokens.ID
}

// The session of a legacy auth-provider goes on, without a login.
func TestImportLegacyProvider(t *testing.T) {
	p := newPlace(t, oidctest.Confidential(oidctest.AuthBasic, clientCanary))
	delete(p.env, "KUBECRED_USERNAME")
	config, idToken := p.legacySession(clientCanary)
	plain := p.users(user("me", config))
	p.importing("--yes").ok().prints("auth-provider oidc with its session").prints("secret is sealed")
	for _, held := range []string{"canary", "eyJ", "refresh-"} {
		if strings.Contains(p.read(".kube", "config"), held) {
			t.Errorf("%s stays in\n%s", held, p.read(".kube", "config"))
		}
	}
	p.counts(oidctest.GrantRefresh, 0) // a rotated token would be lost with an import that failed
	if p.asBlock("me").ok().token() != idToken {
		t.Error("the ID token was exchanged though it lived")
	}
	p.passed = 2 * time.Hour
	if p.asBlock("me").ok().token() == idToken {
		t.Error("the same token, two hours later")
	}
	p.counts(oidctest.GrantRefresh, 1)

	p.importing("--undo").ok().prints("Put back").prints("may be dead")
	p.holds(plain)
	p.run(append([]string{"status"}, p.sealed()...)...).ok().prints(p.provider.Issuer) // the session that lives stays
}

// The client's secret goes to its issuer, by any way of signing in, and to
// nobody else.
func TestImportedSecretIsBound(t *testing.T) {
	p := newPlace(t, oidctest.Confidential(oidctest.AuthBasic, clientCanary))
	config, _ := p.legacySession(clientCanary)
	p.users(user("me", config))
	p.importing("--yes").ok()
	login := func(more ...string) outcome { return p.at("login", append(p.sealed(), more...)...) }
	login().ok() // with alice's password
	login("--oidc-extra-scope=groups", "--oidc-request-header=X-Key=a").fails(exitDenied, "invalid_client")
	login("--oidc-client-auth-method=none", "--oidc-extra-scope=profile").fails(exitDenied, "invalid_client")

	other := oidctest.Start(t, oidctest.Confidential(oidctest.AuthBasic, clientCanary), oidctest.Clock(p.now))
	p.env["KUBECRED_PASSWORD"] = other.Issuer + " alice's password"
	p.run(append([]string{"login", "--oidc-issuer-url=" + other.Issuer, "--oidc-client-id=" + oidctest.ClientID}, p.sealed()...)...).fails(exitDenied, "invalid_client")
	for _, r := range other.All() {
		if r.Header.Get("Authorization") != "" || strings.Contains(r.Form.Encode(), "canary") {
			t.Error("another issuer was sent the secret")
		}
	}
}

// Who is signed in already stays so: a kubeconfig does not bring its session.
func TestImportKeepsASession(t *testing.T) {
	p := newPlace(t, oidctest.Confidential(oidctest.AuthBasic, clientCanary))
	config, _ := p.legacySession(clientCanary)
	p.env["KUBECRED_OIDC_CLIENT_SECRET"] = p.provider.Issuer + " " + clientCanary
	// The same entry: the password grant, but no user name in its identity.
	plain := p.users(user("me", config))
	p.importing("--yes").ok()
	p.passed = 2 * time.Hour
	delete(p.env, "KUBECRED_USERNAME")
	renewed := p.asBlock("me").ok().token()
	p.write(plain, ".kube", "config")
	p.importing("--yes").ok().prints("signed in there already")
	if p.asBlock("me").ok().token() != renewed {
		t.Error("the older session came back")
	}
}

func TestImportKubelogin(t *testing.T) {
	p := newPlace(t)
	plain := p.users(user("me", `exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: kubectl
      args: [oidc-login, get-token, --oidc-issuer-url=`+p.provider.Issuer+`, --oidc-client-id=`+oidctest.ClientID+`, --oidc-client-secret=canary-secret, --token-cache-storage=disk, --password=canary-password]
      env: [{name: KEEP, value: me}]
      provideClusterInfo: true`))
	p.importing("--dry-run").ok().prints("int128/kubelogin").prints("run kubecred login --user=me --kubeconfig=" + p.path(".kube", "config")).prints("--token-cache-storage is left out").prints("--password stays in plain text")
	p.holds(plain)
	p.importing("--yes").ok()
	config := p.read(".kube", "config")
	for _, want := range []string{"client.authentication.k8s.io/v1\n", "KEEP", "provideClusterInfo: true", "interactiveMode: IfAvailable", "installHint", "--oidc-client-id=" + oidctest.ClientID} {
		if !strings.Contains(config, want) {
			t.Errorf("no %s in\n%s", want, config)
		}
	}
	for _, gone := range []string{"canary-secret", "oidc-login", "disk", "v1beta1"} {
		if strings.Contains(config, gone) {
			t.Errorf("%s in\n%s", gone, config)
		}
	}
	p.importing("--undo").ok()
	p.holds(plain)
	p.nothingSealed()
}

// A kubeconfig may be larger than an entry of the cache.
func TestImportOfALargeFile(t *testing.T) {
	p := newPlace(t)
	plain := p.users(user("me", "token: canary-large"), "# "+strings.Repeat("x", 2<<20)+"\n")
	p.importing("--yes").ok()
	if p.asBlock("me").ok().token() != "canary-large" {
		t.Error("another token")
	}
	p.importing("--undo").ok()
	p.holds(plain)
	p.nothingSealed()
}

// seenEnv names a file in which the processes that read again note all that
// others on the machine could see of them.
const seenEnv = "IMPORT_TEST_SEEN"

func noteCall(path string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintln(f, os.Args, os.Environ())
}

// No secret is shown, logged, or in the arguments and variables of the process
// that reads again.
func TestImportShowsNoSecret(t *testing.T) {
	p := newPlace(t, oidctest.Confidential(oidctest.AuthBasic, clientCanary))
	p.env["KUBECRED_LOG"] = p.path("support.log")
	legacy, _ := p.legacySession(clientCanary)
	p.users(user("me", "token: canary-token # \u202emine"), user("jwt", "token: "+unsigned(map[string]any{"sub": "u"})), user("old", legacy),
		user("wrong", "token: \"canary with a blank\""), user("basic", "{username: u, password: canary}"))
	var shown strings.Builder
	for _, args := range [][]string{{"--all", "--dry-run"}, {"--all"}, {"--all", "--yes"}, {"--user=wrong", "--yes"}, {"--undo", "--user=old"}, {"--undo"}} {
		got := p.importing(args...)
		shown.WriteString(got.stdout + got.stderr)
	}
	if strings.Contains(shown.String(), "\u202e") {
		t.Error("what a kubeconfig says turns a terminal's text around")
	}
	seen, err := os.ReadFile(os.Getenv(seenEnv))
	if err != nil || !strings.Contains(string(seen), "--imported=") || !strings.Contains(string(seen), "read-back") {
		t.Fatalf("nothing was seen: %v", err)
	}
	for name, text := range map[string]string{"what was shown": shown.String(), "the log": p.read("support.log"), "the processes": string(seen)} {
		if at := regexp.MustCompile(`canary|eyJ|refresh-[A-Z2-7]{8}`).FindStringIndex(text); at != nil {
			t.Errorf("%s holds a secret: …%.120q", name, text[max(0, at[0]-60):])
		}
	}
}

// A link stays one; the file that it leads to is changed, and is known by either
// name.
func TestImportThroughALink(t *testing.T) {
	onUnix(t)
	p := newPlace(t)
	plain := p.users(user("me", "token: canary-me"))
	link := p.path("link")
	if err := os.Symlink(p.path(".kube", "config"), link); err != nil {
		t.Fatal(err)
	}
	p.importing("--yes", "--kubeconfig="+link).ok()
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is none: %v", err)
	}
	p.importing("--undo").ok()
	p.holds(plain)
}

// What stands in the file a second time is not taken out of there, and said.
func TestImportOfWhatStandsTwice(t *testing.T) {
	const stays = "stands elsewhere in the file"
	p := newPlace(t)
	plain := p.users(user("me", "token: canary-token # not canary-other"), user("other", "token: &shared canary-other"), user("third", "token: *shared"))
	if got := p.importing("--user=me", "--dry-run").ok(); strings.Contains(got.stdout, stays) {
		t.Error(got.stdout)
	}
	p.importing("--user=third", "--dry-run").ok().prints(stays)
	p.importing("--user=third", "--yes").ok().prints(stays)
	p.importing("--undo").ok()
	p.holds(plain)
}

// A stranger's kubeconfig does not change a client's secret unseen.
func TestImportOfAnotherSecret(t *testing.T) {
	const takes = "takes its place"
	p := newPlace(t)
	block := func(secret string) string {
		return user("me", "exec: {command: kubelogin, args: [get-token, --oidc-issuer-url="+p.provider.Issuer+", --oidc-client-id="+oidctest.ClientID+", --oidc-client-secret="+secret+"]}")
	}
	p.users(block("canary-one"))
	if got := p.importing("--yes").ok(); strings.Contains(got.stdout, takes) {
		t.Error(got.stdout)
	}
	p.users(block("canary-one"))
	if got := p.importing("--dry-run").ok(); strings.Contains(got.stdout, takes) {
		t.Error(got.stdout)
	}
	p.users(block("canary-two"))
	p.importing("--dry-run").ok().prints(takes)
}
