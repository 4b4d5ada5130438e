package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/build"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/ldapexchange/directory"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/control"
	"github.com/kubecred/kubecred/ldapexchange/server"
)

// Every command says what it is for, how it is used, and takes no word that it
// does not know.
func TestHelp(t *testing.T) {
	var out output
	root := (&app{stdout: &out, stderr: &out}).rootCommand()
	for _, c := range root.Commands() {
		if c.Short == "" || c.Example == "" || !strings.HasPrefix(c.Example, "  kubecred-exchange "+c.Name()) {
			t.Errorf("%s: %q, %q", c.Name(), c.Short, c.Example)
		}
		status, _, stderr := run(t, c.Name(), "--canary=canary")
		if status != exitConfig || strings.Contains(stderr, "canary") || strings.Count(stderr, "\n") != 2 {
			t.Errorf("%s --canary: status %d: %s", c.Name(), status, stderr)
		}
	}
	for _, args := range [][]string{{"frobnicate"}, {"serve", "canary"}, {"sessions", "-o", "xml", "--config=x"}, {"version", "-o", "xml"}, {"serve"}, {"check"}, {"backup"}, {"dev", "-o", "xml"}} {
		if status, _, stderr := run(t, args...); status != exitConfig || !strings.HasPrefix(stderr, "error: ") || !strings.Contains(stderr, "\nhint: ") {
			t.Errorf("%v: status %d: %s", args, status, stderr)
		}
	}
}

// Who revokes has to know how long that takes, and where it takes no effect.
func TestRevokeSaysWhenItCounts(t *testing.T) {
	_, help, _ := run(t, "revoke", "--help")
	for _, want := range []string{
		"2 minutes", "--authentication-token-webhook-cache-ttl", "10 seconds", // kube-apiserver's own
		"JWKS", "until it ends", "tokens.lifetime", "Certificates live",
	} {
		if !strings.Contains(help, want) {
			t.Errorf("nothing of %q in\n%s", want, help)
		}
	}
}

func TestVersionAndSchema(t *testing.T) {
	_, text, _ := run(t, "version")
	_, raw, _ := run(t, "version", "-o", "json")
	var b build.Info
	if err := json.Unmarshal([]byte(raw), &b); err != nil || b.Go != runtime.Version() || !strings.Contains(text, b.Version) {
		t.Errorf("%s%s%v", text, raw, err)
	}
	if _, schema, _ := run(t, "schema"); schema != string(config.Schema()) {
		t.Error("another schema")
	}
}

// What is wrong with a configuration is told with its lines, and nothing of
// what stands in them.
func TestABrokenConfiguration(t *testing.T) {
	h := newHouse(t)
	h.edit("clients:\n", "clients:\n- idd: canary\n  sekret: canary\n")
	status, _, stderr := h.command("serve")
	if status != exitConfig || strings.Contains(stderr, "canary") || strings.Count(stderr, "\n") != 4 || !strings.Contains(stderr, ", line 5: clients[0].idd: is not known") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// The commands do the same whether or not a service runs.
func TestOperators(t *testing.T) {
	for name, running := range map[string]bool{"running": true, "stopped": false} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			stop := h.serve()
			first, second := h.login(), h.login()
			if !running {
				if err := stop(); err != nil {
					t.Fatal(err)
				}
			}
			h.operate(first, second)
			if !running {
				h.serve()
			}
			h.good(first.ID, false)
			h.good(second.ID, false)
			h.good(h.login().ID, true)
		})
	}
}

func (h *house) operate(first, second tokens) {
	t := h.t
	t.Helper()
	var all []control.Session
	if err := json.Unmarshal([]byte(h.must("sessions", "-o", "json")), &all); err != nil || len(all) != 2 || all[0].User != devUser {
		t.Errorf("sessions: %+v, %v", all, err)
	}
	h.must("revoke", "session", claim(t, first.ID, "sid"))
	h.must("revoke", "token", claim(t, second.ID, "jti"))
	if out := h.must("sessions"); strings.Contains(out, claim(t, first.ID, "sid")) || !strings.Contains(out, claim(t, second.ID, "sid")) {
		t.Errorf("sessions:\n%s", out)
	}
	for _, missing := range [][]string{{"session", "nobody's"}, {"user", "nobody"}} {
		if status, _, stderr := h.command(append([]string{"revoke"}, missing...)...); status != exitDenied || !strings.Contains(stderr, "hint: kubecred-exchange sessions") {
			t.Errorf("revoke %v: status %d: %s", missing, status, stderr)
		}
	}
	var made control.Rotation
	if err := json.Unmarshal([]byte(h.must("rotate", "-o", "json")), &made); err != nil || time.Until(made.Signs) < 50*time.Minute {
		t.Errorf("rotate: %+v, %v", made, err)
	}
	backup := h.at("backup.db")
	h.must("backup", backup)
	if info, err := os.Stat(backup); err != nil || info.Size() == 0 || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("backup: %v, %v", info, err)
	}
	if status, _, stderr := h.command("backup", backup); status != exitConfig || !strings.Contains(stderr, "is there already") {
		t.Errorf("backup over another: status %d: %s", status, stderr)
	}
}

func TestBackupToStandardOutput(t *testing.T) {
	h := newHouse(t)
	h.serve()
	h.login()
	if out := h.must("backup", "-"); len(out) < 4096 || strings.Contains(out, "is copied") {
		t.Errorf("%d bytes", len(out))
	}
	left, err := os.ReadDir(h.at("state"))
	if err != nil || len(left) != 2 { // the file and the control folder
		t.Errorf("left beside the state: %v, %v", left, err)
	}
}

// A leaked key signs nothing that is believed any more.
func TestReplaceTheKeys(t *testing.T) {
	h := newHouse(t)
	h.serve()
	before := h.login()
	h.must("rotate", "--replace")
	h.good(before.ID, false)
	if got := h.refresh(before.Refresh); got.status != http.StatusOK {
		t.Errorf("the session ended: %+v", got)
	}
	after := h.login()
	h.good(after.ID, true)
	h.verify(after.ID)
}

func TestRevokeTakesNoToken(t *testing.T) {
	h := newHouse(t)
	token := "eyJcanary.eyJcanary.canary"
	status, _, stderr := h.command("revoke", "token", token)
	if status != exitConfig || strings.Contains(stderr, "canary") || !strings.Contains(stderr, "jti") {
		t.Errorf("status %d: %s", status, stderr)
	}
	for _, args := range [][]string{{}, {"all", "x"}, {"user"}, {"user", ""}, {"user", "a", "b"}, {"everything"}} {
		if status, _, stderr := h.command(append([]string{"revoke"}, args...)...); status != exitConfig || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%q: status %d: %s", args, status, stderr)
		}
	}
}

// Operators are in the audit, with whom they revoked; so is who goes on.
func TestOperatorsAreAudited(t *testing.T) {
	h := newHouse(t)
	h.serve()
	got := h.login()
	h.must("revoke", "user", devUser)
	h.refresh(got.Refresh)
	audit := readFile(t, h.at("audit.log"))
	if !strings.Contains(audit, `"operation":"revoke user","target":"alice","decision":"done"`) {
		t.Errorf("%s", audit)
	}
	_, refused, _ := strings.Cut(audit, `"msg":"refresh","decision":"refused","reason":"no session"`)
	if !strings.Contains(refused, `"session":"`) || !strings.Contains(refused, `"subject":"`) {
		t.Errorf("who goes on is not named: %s", audit)
	}
}

func TestErrorsOfTheDirectory(t *testing.T) {
	for err, want := range map[error]error{
		directory.ErrCredentials: server.ErrCredentials,
		directory.ErrAmbiguous:   server.ErrCredentials,
		directory.ErrInput:       server.ErrCredentials,
		directory.ErrGone:        server.ErrGone,
		directory.ErrUnavailable: server.ErrUnavailable,
		errors.New("anything"):   server.ErrUnavailable,
	} {
		if got := fromDirectory(fmt.Errorf("x: %w", err)); !errors.Is(got, want) {
			t.Errorf("%v is %v, not %v", err, got, want)
		}
	}
	for reason, want := range map[directory.Reason]server.AccountReason{
		directory.Disabled: server.AccountDisabled, directory.Locked: server.AccountLocked, directory.Expired: server.AccountExpired,
		directory.PasswordExpired: server.AccountPasswordExpired, directory.MustChange: server.AccountMustChange, directory.Restricted: server.AccountRestricted,
	} {
		var account *server.AccountError
		if err := fromDirectory(&directory.AccountError{Reason: reason}); !errors.As(err, &account) || account.Reason != want {
			t.Errorf("%s is %v", reason, err)
		}
	}
	if fromDirectory(nil) != nil {
		t.Error("nil is an error")
	}
}

func TestGroupPatterns(t *testing.T) {
	keeps := keep([]string{"k8s-*", "admins", "a.c", "*\n*"})
	for group, want := range map[string]bool{
		"k8s-dev": true, "k8s-": true, "xk8s-dev": false, "admins": true, "admins2": false, "a.c": true, "abc": false, "with\nbreak": true, "": false,
	} {
		if keeps(group) != want {
			t.Errorf("%q is kept: %v", group, !want)
		}
	}
	if keep(nil) != nil {
		t.Error("no pattern keeps all")
	}
}

// The metrics listener has health too, and is not the service's door.
func TestMetricsListener(t *testing.T) {
	h := newHouse(t)
	address, err := freeLoopback(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.edit("clients:\n", "metrics: {address: \""+address+"\"}\nclients:\n")
	h.edit("callers: {tokenFile: caller}", "callers: {insecureAnyone: true}")
	h.serve()
	h.login()
	get := func(path string) (int, string) {
		t.Helper()
		answer, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	for path, want := range map[string]string{
		"/metrics": `kubecred_exchange_decisions_total{decision="granted",event="password",reason=""} 1`,
		"/livez":   "ok",
		"/readyz":  "[!]insecure: anyone may ask for reviews of cluster dev",
	} {
		if status, text := get(path); status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d\n%s", path, status, text)
		}
	}
	if status, _ := get("/token"); status != http.StatusNotFound {
		t.Errorf("passwords are taken without TLS: %d", status)
	}
	answer, err := h.client().Get(h.issuer + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNotFound {
		t.Errorf("everybody sees the metrics: %d", answer.StatusCode)
	}
}

// Others of the same name are no state that is away.
func TestBusyName(t *testing.T) {
	t.Parallel()
	s := newHouse(t).service()
	l := limits{s.attempts}
	for range s.current.config.Limits.FailuresPerUser {
		attempt, err := l.Begin(t.Context(), devUser, netip.Addr{}, secret.New("x"))
		if err != nil {
			t.Fatal(err)
		}
		defer attempt.Done()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := l.Begin(ctx, devUser, netip.Addr{}, secret.New("x")); !errors.Is(err, server.ErrBusy) || errors.Is(err, server.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}
