package e2e

// client-go runs kubecred itself against an exchange, and shows a server what it got.

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/exchangetest"
	"github.com/kubecred/kubecred/internal/oidctest"
)

// exchangeExec is an exec block for the exchange at an address. The password is alice's.
func exchangeExec(t *testing.T, program, address string, more ...string) kubeconfig.Exec {
	t.Helper()
	home := t.TempDir()
	return kubeconfig.Exec{
		Command: program, Args: append([]string{"get-token", "--exchange-url=" + address, "--username=alice"}, more...),
		Env: []string{
			"HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, ".cache"), "XDG_CONFIG_HOME=" + filepath.Join(home, ".config"), "XDG_RUNTIME_DIR=",
			"KUBECRED_TOKEN_CACHE_STORAGE=file", "KUBECRED_PASSWORD=" + address + " alice's password",
		},
	}
}

// A certificate serves client-go, whose own clock has it renewed by the session: a new key on
// new connections, and no second password.
func TestExchangeCertificateInClientGo(t *testing.T) {
	t.Parallel()
	s, x := newServer(t), exchangetest.Start(t)
	x.Lifetime(5 * time.Second)
	client := s.client(t, exchangeExec(t, kubecred(t), x.Provider.Issuer, "--credential=certificate", "--exchange-cluster=prod"))
	s.mustGet(t, client, http.StatusOK)
	if got, want := s.last(t), (seen{"", "user-1", 1}); got != want {
		t.Fatalf("the server saw %+v, want %+v", got, want)
	}
	s.mustGet(t, client, http.StatusOK)
	if n := len(x.Requests()); n != 1 {
		t.Fatalf("%d certificates for one that lives", n)
	}
	old := s.connections()
	x.Lifetime(time.Hour)
	s.getUntil(t, client, 20*time.Second, func(seen) bool { return len(x.Requests()) == 2 })
	if n := x.Provider.CountGrant(oidctest.GrantPassword); n != 1 {
		t.Errorf("the password was sent %d times", n)
	}
	s.mustGet(t, client, http.StatusOK)
	for _, closed := range old {
		select {
		case <-closed:
		case <-time.After(5 * time.Second):
			t.Error("a connection of the first certificate is still open")
		}
	}
}

// The other profiles, as client-go sees them.
func TestExchangeProfilesInClientGo(t *testing.T) {
	t.Parallel()
	x := exchangetest.Start(t)
	for profile, more := range map[string][]string{"basic": nil, "native": {"--exchange-cluster=prod"}} {
		s := newServer(t)
		s.mustGet(t, s.client(t, exchangeExec(t, kubecred(t), x.URL, append(more, "--exchange-profile="+profile)...)), http.StatusOK)
		got := s.last(t)
		if isToken := strings.HasPrefix(got.authorization, "Bearer eyJ") && got.chain == 0; isToken != (profile == "basic") {
			t.Errorf("%s: the server saw %+v", profile, got)
		}
		if profile == "native" && got.certificate != "alice" {
			t.Errorf("the certificate is %s's", got.certificate)
		}
	}
}
