package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// as links this test binary under a stand-in's name.
func as(t *testing.T, mode string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), standinPrefix+mode)
	if err := os.Symlink(self, program); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	return program
}

// alone puts the temporary folder of the demonstration where the test can see
// what is left of it.
func alone(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, folder)
	}
	return folder
}

func TestDemonstration(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	left := alone(t)
	var stdout, stderr bytes.Buffer
	if status := run(nil, &stdout, &stderr); status != 0 {
		t.Fatalf("status %d\n%s%s", status, stdout.Bytes(), stderr.Bytes())
	}
	for _, want := range []string{
		"Built kubecred and kubecred-exchange in", `"kind": "ExecCredential"`, "alice@example.com", "from the cache in", "1 sign-in and 1 token request",
		`"kind": "TokenReview"`, `"authenticated": true`, `"clientKeyData": "[REDACTED]"`, "The certificate says: alice, in admins and developers", "The exchange was asked nothing",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%q is missing in\n%s", want, stdout.Bytes())
		}
	}
	if strings.Contains(stdout.String(), "PRIVATE KEY") {
		t.Error("a key is shown")
	}
	if strings.Contains(stdout.String(), "\x1b") {
		t.Error("colors where there is no terminal")
	}
	wantEmpty(t, left)
}

// wantEmpty looks for what a demonstration forgot to remove.
func wantEmpty(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "kubecred") {
			t.Errorf("%s is left behind", e.Name())
		}
	}
}

func TestItFailsWhenThePluginDoes(t *testing.T) {
	left := alone(t)
	var all sync.WaitGroup
	for mode, want := range map[string]string{
		"honest":      "",
		"failing":     "the stand-in fails",
		"chatty":      "not one JSON object",
		"unwelcoming": "a page of status 500",
		"forgetful":   "not the first one from the cache",
		"noisy":       "a hit is not silent",
		"asking":      "sent 1 requests",
	} {
		program := as(t, mode)
		// All at once: each process of a race build takes a second to exit.
		all.Go(func() {
			var stdout, stderr bytes.Buffer
			status := run([]string{program}, &stdout, &stderr)
			if (status == 0) != (want == "") || !strings.Contains(stderr.String(), want) {
				t.Errorf("%s: status %d, want %q\n%s%s", mode, status, want, stdout.Bytes(), stderr.Bytes())
			}
		})
	}
	all.Wait()
	wantEmpty(t, left)
}

func TestWrongAnswers(t *testing.T) {
	const right = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"e30.e30.","expirationTimestamp":"2999-01-01T00:00:00Z"}}` + "\n"
	if err := (&answer{stdout: []byte(right)}).read(); err != nil {
		t.Fatal(err)
	}
	for name, stdout := range map[string]string{
		"empty":           "",
		"two":             right + right,
		"no newline":      strings.TrimSpace(right),
		"another version": strings.Replace(right, "k8s.io/v1", "k8s.io/v1alpha1", 1),
		"another kind":    strings.Replace(right, "ExecCredential", "Secret", 1),
		"expired":         strings.Replace(right, "2999", "1999", 1),
		"no expiry":       strings.Replace(right, `,"expirationTimestamp":"2999-01-01T00:00:00Z"`, "", 1),
		"no JWT":          strings.Replace(right, "e30.e30.", "opaque", 1),
		"no base64":       strings.Replace(right, "e30.e30.", "e30.?.", 1),
		"no claims":       strings.Replace(right, "e30.e30.", "e30.W10.", 1),
	} {
		if err := (&answer{stdout: []byte(stdout)}).read(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestWrongReviews(t *testing.T) {
	s := &service{said: said{User: "alice", Groups: []string{"admins"}}}
	const right = `{"kind":"TokenReview","status":{"authenticated":true,"user":{"username":"alice","groups":["admins"]}}}`
	if err := s.readReview([]byte(right)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty":           "",
		"another kind":    strings.Replace(right, "TokenReview", "Status", 1),
		"refused":         strings.Replace(right, "true", "false", 1),
		"somebody else":   strings.Replace(right, "alice", "bob", 1),
		"another's group": strings.Replace(right, "admins", "system:masters", 1),
	} {
		if err := s.readReview([]byte(text)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestWrongCertificates(t *testing.T) {
	s := &service{said: said{User: "alice"}}
	for name, wrong := range map[string]status{
		"none":    {Token: "e30.e30."},
		"no key":  {ClientCertificateData: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
		"garbage": {ClientCertificateData: "x", ClientKeyData: "x"},
	} {
		if _, err := s.readCertificate(wrong); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// A service that does not start, or says nothing, ends the demonstration.
func TestItFailsWhenTheExchangeDoes(t *testing.T) {
	program := as(t, "failing")
	s, err := startExchange(t.Context(), program, os.Environ())
	if err == nil {
		s.stop()
	}
	if err == nil || !strings.Contains(err.Error(), "the stand-in fails") {
		t.Errorf("%v", err)
	}
}

func TestTheEnvironmentIsClean(t *testing.T) {
	for _, name := range []string{"KUBECONFIG", "KUBECRED_LOG", "KUBECRED_OIDC_CLIENT_SECRET", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "HOME", "DISPLAY", "SSH_CONNECTION", "HTTPS_PROXY"} {
		t.Setenv(name, "/of-the-person")
	}
	s := &stage{root: filepath.Join(t.TempDir(), "stage")}
	for _, pair := range s.env() {
		name, value, _ := strings.Cut(pair, "=")
		if strings.Contains(value, "of-the-person") || strings.HasPrefix(name, "KUBE") || strings.HasPrefix(name, "DBUS") {
			t.Errorf("the program gets %s", pair)
		}
	}
}

func TestBelongings(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	t.Setenv("XDG_CONFIG_HOME", "")
	other := filepath.Join(home, "other.yaml")
	t.Setenv("KUBECONFIG", other)
	write := func(file, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kubeconfig := filepath.Join(home, ".kube", "config")
	write(kubeconfig, "a")
	before, err := belongings()
	if err != nil {
		t.Fatal(err)
	}
	if err := before.untouched(); err != nil {
		t.Errorf("nothing happened: %v", err)
	}
	for name, touch := range map[string]func(){
		"a longer kubeconfig": func() { write(kubeconfig, "ab") },
		"a new kubeconfig":    func() { write(other, "a") },
		"no kubeconfig": func() {
			if err := os.Remove(kubeconfig); err != nil {
				t.Fatal(err)
			}
		},
	} {
		write(kubeconfig, "a")
		os.Remove(other)
		before, err := belongings()
		if err != nil {
			t.Fatal(err)
		}
		touch()
		if before.untouched() == nil {
			t.Errorf("%s goes unseen", name)
		}
	}
	if runtime.GOOS != "linux" {
		return // the cache folder is elsewhere there
	}
	before, err = belongings()
	if err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(home, "cache", "kubecred", "entry"), "a")
	if before.untouched() == nil {
		t.Error("a new cache entry goes unseen")
	}
}

func TestShort(t *testing.T) {
	for want, d := range map[string]int64{"1.2 ms": 1_234_000, "12 ms": 12_345_000, "1.2 s": 1_234_000_000} {
		if got := short(time.Duration(d)); got != want {
			t.Errorf("%d ns are %q, want %q", d, got, want)
		}
	}
}
