package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubecred/kubecred/cmd"
)

// asPlugin makes this test binary be kubecred.
const asPlugin = "KUBECRED_EXCHANGE_TEST_PLUGIN"

func TestMain(m *testing.M) {
	if os.Getenv(asPlugin) != "" {
		os.Exit(cmd.Main(cmd.Build{}))
	}
	os.Exit(m.Run())
}

// output may be read while it is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// house is an exchange of a test's own: what dev makes, without dev.
type house struct {
	*devHouse
	t              *testing.T
	stdout, stderr *output
}

func newHouse(t *testing.T) *house {
	t.Helper()
	folder, err := os.MkdirTemp("", "x") // a short path, for the socket's sake
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	address, err := freeLoopback(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d, err := furnish(folder, address, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &house{devHouse: d, t: t, stdout: new(output), stderr: new(output)}
}

// edit changes the configuration.
func (h *house) edit(old, text string) {
	h.t.Helper()
	data, err := os.ReadFile(h.at("exchange.yaml"))
	if err != nil {
		h.t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(old)) {
		h.t.Fatalf("the configuration has no %q", old)
	}
	h.write("exchange.yaml", strings.Replace(string(data), old, text, 1))
}

func (h *house) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(h.at(name), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// serve starts a service and returns what ends it.
func (h *house) serve() (stop func() error) {
	h.t.Helper()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	h.t.Cleanup(func() { signal.Stop(hangups) })
	ctx, cancel := context.WithCancel(h.t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	a := &app{stdout: h.stdout, stderr: h.stderr}
	go func() { ended <- a.serve(ctx, h.at("exchange.yaml"), hangups, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		h.t.Fatal(err)
	}
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	h.t.Cleanup(func() { stop() })
	return stop
}

// command runs one of the program's commands against the house.
func (h *house) command(args ...string) (status int, stdout, stderr string) {
	h.t.Helper()
	return run(h.t, append(args, "--config="+h.at("exchange.yaml"))...)
}

func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs output
	a := &app{stdout: &out, stderr: &errs}
	status = a.run(t.Context(), args)
	return status, out.String(), errs.String()
}

// must is command for one that has to work.
func (h *house) must(args ...string) string {
	h.t.Helper()
	status, stdout, stderr := h.command(args...)
	if status != 0 {
		h.t.Fatalf("%v: status %d\n%s%s", args, status, stdout, stderr)
	}
	return stdout
}

// client trusts the house's authority.
func (h *house) client() *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(h.ca)
	return &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true, ExpectContinueTimeout: time.Minute},
		Timeout:   time.Minute,
	}
}

// tokens is what the token endpoint answers.
type tokens struct {
	ID      string `json:"id_token"`
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`
	status  int
}

func (h *house) token(form url.Values) (got tokens) {
	h.t.Helper()
	form.Set("client_id", devClient)
	answer, err := h.client().PostForm(h.issuer+"/token", form)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		h.t.Fatal(err)
	}
	got.status = answer.StatusCode
	return got
}

// login signs the demo user in.
func (h *house) login() tokens {
	h.t.Helper()
	got := h.token(url.Values{"grant_type": {"password"}, "scope": {"openid"}, "username": {devUser}, "password": {h.password.Reveal()}})
	if got.status != http.StatusOK {
		h.t.Fatalf("no sign-in: %d %s\n%s", got.status, got.Error, h.stderr)
	}
	return got
}

func (h *house) refresh(token string) tokens {
	h.t.Helper()
	return h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// review is the answer to a TokenReview.
type review struct {
	APIVersion string
	Kind       string
	Status     struct {
		Authenticated bool
		User          struct {
			Username, UID string
			Groups        []string
		}
	}
}

func (h *house) review(token string) (got review) {
	h.t.Helper()
	body := fmt.Sprintf(`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":%q}}`, token)
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.devHouse.review(), strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+h.caller.Reveal())
	answer, err := h.client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		h.t.Fatalf("a review is answered %d", answer.StatusCode)
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		h.t.Fatal(err)
	}
	return got
}

// good wants a token to be accepted, or not to be.
func (h *house) good(token string, want bool) {
	h.t.Helper()
	if got := h.review(token); got.Status.Authenticated != want {
		h.t.Errorf("the token is good: %v", got.Status.Authenticated)
	}
}

// person is somebody with kubecred on a machine of their own.
type person struct {
	h    *house
	home string
}

// newPerson has a profile for the house, as a machine without a person has it.
func (h *house) newPerson() *person {
	h.t.Helper()
	p := &person{h, h.t.TempDir()}
	profile := fmt.Sprintf("profiles:\n  dev:\n    exchange-url: %s\n    certificate-authority: %s\n    username: %s\n    password-file: %s\n    token-cache-storage: file\n",
		h.issuer, h.at("ca.crt"), devUser, filepath.Join(p.home, "password"))
	for name, text := range map[string]string{"config.yaml": profile, "password": h.password.Reveal()} {
		path := filepath.Join(p.home, name)
		if name == "config.yaml" {
			path = filepath.Join(p.home, "config", "kubecred", name)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			h.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	return p
}

// credential is an ExecCredential's status.
type credential struct {
	Token                 string
	ClientCertificateData string
	ClientKeyData         string
	ExpirationTimestamp   string
}

// getToken runs kubecred get-token as a client of Kubernetes does.
func (p *person) getToken(args ...string) (got credential, status int, stderr string) {
	p.h.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.h.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.h.t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, self, append([]string{"get-token", "--profile=dev"}, args...)...)
	// No runtime folder: two kubectls are two processes, and to kubecred this one
	// would look like a client that was refused (docs/decisions/0009).
	c.Env = []string{
		asPlugin + "=1", "HOME=" + p.home, "XDG_CONFIG_HOME=" + filepath.Join(p.home, "config"), "XDG_CACHE_HOME=" + filepath.Join(p.home, "cache"),
		"PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=10",
		`KUBERNETES_EXEC_INFO={"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}`,
	}
	var stdout, errs bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &errs
	if err := c.Run(); err != nil {
		return got, c.ProcessState.ExitCode(), errs.String()
	}
	var answer struct{ Status credential }
	if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil {
		p.h.t.Fatalf("%v: %s", err, stdout.Bytes())
	}
	return answer.Status, 0, errs.String()
}

// mustGetToken is getToken where it has to work, silently.
func (p *person) mustGetToken(args ...string) credential {
	p.h.t.Helper()
	got, status, stderr := p.getToken(args...)
	if status != 0 || stderr != "" {
		p.h.t.Fatalf("kubecred: status %d: %s\n%s", status, stderr, p.h.stderr)
	}
	return got
}

// firstLine waits for a line of a running command.
func firstLine(t *testing.T, r io.Reader) string {
	t.Helper()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func decodeSegment(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }

// ask calls a handler; a form is posted.
func ask(h http.Handler, method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
