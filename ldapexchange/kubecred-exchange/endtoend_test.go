package main

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"go.yaml.in/yaml/v3"
)

// From a password to what a cluster trusts, with kubecred itself: a token that
// the keys verify and the review accepts, from the cache, renewed without the
// password, and refused once the user is revoked.
func TestTokensFromPasswordToRevocation(t *testing.T) {
	h := newHouse(t)
	h.serve()
	p := h.newPerson()

	first := p.mustGetToken()
	h.verify(first.Token)
	got := h.review(first.Token)
	if u := got.Status.User; !got.Status.Authenticated || u.Username != devUser || u.UID != devUser || !slices.Equal(u.Groups, devGroups()) {
		t.Errorf("the review says %+v", got)
	}
	if again := p.mustGetToken(); again != first {
		t.Error("the second call is not the first's answer")
	}

	if err := os.Remove(filepath.Join(p.home, "password")); err != nil { // a session needs none
		t.Fatal(err)
	}
	renewed := p.mustGetToken("--force-refresh")
	if renewed.Token == first.Token {
		t.Error("nothing was renewed")
	}
	h.good(renewed.Token, true)

	if out := h.must("sessions"); !strings.Contains(out, devUser) || strings.Count(out, "\n") != 2 {
		t.Errorf("sessions:\n%s", out)
	}
	if out := h.must("revoke", "user", devUser); !strings.Contains(out, "ended: 1.") {
		t.Errorf("revoke: %s", out)
	}
	h.good(renewed.Token, false)
	if _, status, stderr := p.getToken("--force-refresh"); status == 0 {
		t.Errorf("a revoked session is renewed: %s", stderr)
	}
}

// verify does with a token what an API server does by AuthenticationConfiguration.
func (h *house) verify(token string) {
	h.t.Helper()
	ctx := oidc.ClientContext(h.t.Context(), h.client())
	provider, err := oidc.NewProvider(ctx, h.issuer)
	if err != nil {
		h.t.Fatal(err)
	}
	verified, err := provider.Verifier(&oidc.Config{ClientID: devClient}).Verify(ctx, token)
	if err != nil {
		h.t.Fatal(err)
	}
	var claims struct {
		Name   string   `json:"preferred_username"`
		Groups []string `json:"groups"`
	}
	if err := verified.Claims(&claims); err != nil || claims.Name != devUser || !slices.Equal(claims.Groups, devGroups()) {
		h.t.Errorf("the token says %+v, %v", claims, err)
	}
}

func TestCertificatesFromPassword(t *testing.T) {
	h := newHouse(t)
	h.serve()
	p := h.newPerson()
	got := p.mustGetToken("--credential=certificate", "--exchange-cluster="+devCluster)
	block, _ := pem.Decode([]byte(got.ClientCertificateData))
	if block == nil || !strings.Contains(got.ClientKeyData, "PRIVATE KEY") || got.Token != "" {
		t.Fatalf("no certificate, or no key: %q", got.ClientCertificateData)
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(h.at("clients.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	uid := ""
	for _, name := range leaf.Subject.Names {
		if name.Type.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57683, 2}) {
			uid = fmt.Sprint(name.Value)
		}
	}
	if s := leaf.Subject; s.CommonName != devUser || !slices.Equal(s.Organization, devGroups()) || uid != devUser {
		t.Errorf("it is for %s, UID %s", s, uid)
	}
	if left := time.Until(leaf.NotAfter); left > time.Hour || left < 55*time.Minute {
		t.Errorf("it lives for %s", left)
	}
	if again := p.mustGetToken("--credential=certificate", "--exchange-cluster="+devCluster); again != got {
		t.Error("the second call is not the first's answer")
	}
	if _, status, stderr := p.getToken("--credential=certificate", "--exchange-cluster=other"); status == 0 {
		t.Errorf("a certificate for a cluster that is not there: %s", stderr)
	}
}

// What was promised outlives the process: sessions, revocations, keys.
func TestRestartOnTheSameState(t *testing.T) {
	h := newHouse(t)
	stop := h.serve()
	kept, revoked := h.login(), h.login()
	if got := h.refresh(revoked.Refresh); got.status != http.StatusOK {
		t.Fatalf("no refresh: %+v", got)
	}
	if got := h.refresh(revoked.Refresh); got.status != http.StatusOK {
		t.Fatalf("the answer may have been lost: %+v", got) // see state.Grace
	}
	h.must("revoke", "session", claim(t, revoked.ID, "sid"))
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	h.serve()
	h.good(kept.ID, true)
	h.good(revoked.ID, false)
	next := h.refresh(kept.Refresh)
	if next.status != http.StatusOK {
		t.Errorf("the session did not outlive the process: %+v", next)
	}
	if got := h.refresh(revoked.Refresh); got.Error != "invalid_grant" {
		t.Errorf("a revoked session did: %+v", got)
	}
}

// claim reads one out of a token.
func claim(t *testing.T, token, name string) string {
	t.Helper()
	payload, err := decodeSegment(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(claims[name])
}

// A restored copy lacks what was revoked since: all that is older is refused,
// and people sign in again.
func TestRestoredStateRefusesWhatIsOlder(t *testing.T) {
	h := newHouse(t)
	stop := h.serve()
	before := h.login()
	backup := h.at("backup.db")
	h.must("backup", backup)
	h.must("revoke", "token", claim(t, before.ID, "jti"))
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(backup, h.at("state/state.db")); err != nil {
		t.Fatal(err)
	}
	h.serve()
	h.good(before.ID, false)
	if got := h.refresh(before.Refresh); got.Error != "invalid_grant" {
		t.Errorf("an older session goes on: %+v", got)
	}
	awaitNextSecond(t) // the epoch is the second after
	h.good(h.login().ID, true)
}

// awaitNextSecond waits for the second in which a restored state begins.
func awaitNextSecond(t *testing.T) {
	t.Helper()
	timer := time.NewTimer(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	defer timer.Stop()
	<-timer.C
}

func TestASecondProcessEndsAtOnce(t *testing.T) {
	h := newHouse(t)
	h.serve()
	began := time.Now()
	status, _, stderr := h.command("serve")
	if status != exitState || !strings.Contains(stderr, "another process") || !strings.Contains(stderr, "\nhint: ") {
		t.Errorf("status %d: %s", status, stderr)
	}
	if took := time.Since(began); took > 5*time.Second { // one, on a machine with nothing else to do
		t.Errorf("it took %s", took)
	}
	h.good(h.login().ID, true)
}

// A request that is under way when the end is asked for is answered.
func TestDrain(t *testing.T) {
	h := newHouse(t)
	h.edit("drain: 1s", "drain: 1m")
	stop := h.serve()
	body, send := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.issuer+"/token", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Expect", "100-continue") // the body is asked for when the handler reads it
	answered := make(chan string, 1)
	go func() {
		answer, err := h.client().Do(r)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		answered <- fmt.Sprint(answer.StatusCode, " ", string(text))
	}()
	const form = "grant_type=password&client_id=kubernetes&scope=openid&username=alice&password="
	if _, err := io.WriteString(send, form); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	h.awaitClosed()
	if _, err := io.WriteString(send, h.password.Reveal()); err != nil {
		t.Fatal(err)
	}
	send.Close()
	if got := <-answered; !strings.HasPrefix(got, "200 ") {
		t.Errorf("answered %s", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// awaitClosed tries until nobody is let in any more.
func (h *house) awaitClosed() {
	h.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		answer, err := h.client().Get(h.issuer + "/livez")
		if err != nil {
			return
		}
		answer.Body.Close()
	}
	h.t.Fatal("the listener stays open")
}

// dev needs nothing, says everything once, and leaves nothing.
func TestDev(t *testing.T) { devUntil(t, func(cancel func()) { cancel() }) }

func devUntil(t *testing.T, end func(cancel func())) {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, root)
	}
	read, write := io.Pipe()
	var stderr output
	a := &app{stdout: write, stderr: &stderr}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int, 1)
	go func() {
		ended <- a.run(ctx, []string{"dev", "--address=127.0.0.1:0", "-o", "json"})
		write.Close()
	}()
	var said devAnswer
	if err := json.Unmarshal([]byte(firstLine(t, read)), &said); err != nil {
		t.Fatal(err)
	}
	status, stdout, errs := run(t, "check", "--config", said.Config, "--user", said.User)
	if status != 0 || !strings.Contains(stdout, "user alice, 2 groups: admins, developers") {
		t.Errorf("check: status %d\n%s%s", status, stdout, errs)
	}
	end(cancel)
	if status := <-ended; status != 0 || stderr.String() != "" {
		t.Errorf("status %d: %s", status, stderr.String())
	}
	left, err := os.ReadDir(root)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDevText(t *testing.T) {
	h := newHouse(t)
	text := h.text()
	for what, want := range map[string]int{
		h.password.Reveal(): 1,
		h.caller.Reveal():   1,
		"kubecred get-token --exchange-url=" + h.issuer + " --certificate-authority=" + h.at("ca.crt"): 2,
		"PRIVATE KEY":                 0,
		"whether you trust this host": 1, // which is asked first
		"once\nfor the token and once for the certificate": 1,
	} {
		if got := strings.Count(text, what); got != want {
			t.Errorf("%q stands there %d times, not %d", what, got, want)
		}
	}
	for _, placeholder := range []string{"ISSUER", "CA_", "CLIENT", "CLUSTER", "REVIEW", "CALLER", "PASSWORD", "CONFIG", "AUDIT"} {
		if strings.Contains(strings.ReplaceAll(text, "CERTIFICATE", ""), placeholder) && !strings.Contains(h.password.Reveal()+h.caller.Reveal(), placeholder) {
			t.Errorf("%s was not filled in", placeholder)
		}
	}
	if out, err := os.Stat(h.at("tls.key")); err != nil || out.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("%v, %v", out, err)
	}
}

// What an API server is told is what it reads.
func TestDevSnippets(t *testing.T) {
	h := newHouse(t)
	var trust struct {
		Kind string
		JWT  []struct {
			Issuer struct {
				URL                  string
				Audiences            []string
				CertificateAuthority string `yaml:"certificateAuthority"`
			}
		} `yaml:"jwt"`
	}
	snippet(t, h.text(), "apiVersion: apiserver.config.k8s.io/v1", &trust)
	if len(trust.JWT) != 1 || trust.JWT[0].Issuer.URL != h.issuer || trust.JWT[0].Issuer.CertificateAuthority != string(h.ca) ||
		!slices.Equal(trust.JWT[0].Issuer.Audiences, []string{devClient}) {
		t.Errorf("%+v", trust)
	}
	var webhook struct {
		Clusters []struct {
			Cluster struct {
				Server string
				CA     string `yaml:"certificate-authority-data"`
			}
		}
		Users []struct{ User struct{ Token string } }
	}
	snippet(t, h.text(), "apiVersion: v1", &webhook)
	if len(webhook.Clusters) != 1 || webhook.Clusters[0].Cluster.Server != h.devHouse.review() ||
		webhook.Clusters[0].Cluster.CA != base64.StdEncoding.EncodeToString(h.ca) || webhook.Users[0].User.Token != h.caller.Reveal() {
		t.Errorf("%+v", webhook)
	}
}

// snippet reads the YAML that begins with a line.
func snippet(t *testing.T, text, first string, to any) {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n  "+first+"\n")
	body, _, end := strings.Cut(rest, "\n\n")
	if !ok || !end {
		t.Fatalf("no snippet begins with %q", first)
	}
	d := yaml.NewDecoder(strings.NewReader(first + "\n" + strings.ReplaceAll(strings.TrimPrefix(body, "  "), "\n  ", "\n")))
	if err := d.Decode(to); err != nil {
		t.Fatal(err)
	}
}

func TestDevListensOnLoopbackAlone(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "192.0.2.1:443", ":0", "nonsense", "localhost:0"} {
		if status, _, stderr := run(t, "dev", "--address="+address); status != exitConfig || !strings.Contains(stderr, "loopback") {
			t.Errorf("%s: status %d: %s", address, status, stderr)
		}
	}
}

// Nothing that an exchange says or writes, but for the tokens it is asked for,
// holds a secret.
func TestCanariesAreNowhere(t *testing.T) {
	h := newHouse(t)
	h.edit("log: {level: warn}", "log: {level: debug}")
	stop := h.serve()
	p := h.newPerson()
	issued := p.mustGetToken()
	bare := h.login()
	h.refresh(bare.Refresh)
	h.good(issued.Token, true)
	h.token(map[string][]string{"grant_type": {"password"}, "scope": {"openid"}, "username": {devUser}, "password": {"canary-wrong"}})
	out := h.must("sessions") + h.must("check", "--user", devUser) + h.must("rotate") + h.must("revoke", "all")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	secrets := []string{
		h.password.Reveal(), h.caller.Reveal(), "canary-wrong", issued.Token, bare.ID, bare.Access, bare.Refresh, "PRIVATE KEY",
	}
	where := map[string]string{"stdout": h.stdout.String(), "stderr": h.stderr.String(), "commands": out, "audit.log": readFile(t, h.at("audit.log"))}
	for path := range files(t, h.at("state")) {
		where[path] = readFile(t, path)
	}
	for name, text := range where {
		for i, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("secret %d is in %s", i, name)
			}
		}
	}
	if !strings.Contains(where["audit.log"], claim(t, bare.ID, "jti")) {
		t.Error("the audit does not name what was issued")
	}
}

func files(t *testing.T, root string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			found[path] = true
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %d files, %v", root, len(found), err)
	}
	return found
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(data)
}
