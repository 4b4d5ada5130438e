package e2e

// The settings of an exec block: versions, interactive modes, the install hint,
// and how the plugin's own failures reach the person.

import (
	"net/http"
	"strings"
	"testing"
	"time"

	api "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// block writes a kubeconfig whose exec block was changed.
func (p *person) block(flags []string, change func(*kubeconfig.Exec)) {
	p.t.Helper()
	e := p.exec(kubeconfig.V1, flags...)
	change(&e)
	c := theCluster(p.t)
	p.must(kubeconfig.Write(p.Kubeconfig(), c.URL, c.CA, e))
}

func TestInteractiveModes(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.Terminal)
	t.Run("Never, at a terminal", func(t *testing.T) {
		t.Parallel()
		p := newPerson(t, kubecred(t))
		p.block(pasteFlags(p), func(e *kubeconfig.Exec) { e.Mode = api.NeverExecInteractiveMode })
		refused := p.finish(p.whoAmI(desk.Terminal))
		if _, err := hint(refused.Stderr); err != nil || refused.Code == 0 {
			t.Errorf("kubectl exited with %d: %v", refused.Code, err)
		}
	})
	t.Run("Always, at a terminal", func(t *testing.T) {
		t.Parallel()
		p := newPerson(t, kubecred(t))
		p.block(pasteFlags(p), func(e *kubeconfig.Exec) { e.Mode = api.AlwaysExecInteractiveMode })
		r := p.whoAmI(desk.Terminal)
		pasteAddress(p, r)
		p.is(p.account, p.finish(r))
	})
	t.Run("Always, without one", func(t *testing.T) {
		t.Parallel()
		p := newPerson(t, kubecred(t))
		p.block(machineFlags(p), func(e *kubeconfig.Exec) { e.Mode = api.AlwaysExecInteractiveMode })
		refused := p.finish(p.whoAmI(desk.Null))
		if refused.Code == 0 || !strings.Contains(refused.Stderr, "standard input is not a terminal") {
			t.Errorf("kubectl exited with %d: %s", refused.Code, refused.Stderr)
		}
	})
}

// The cluster's own entry reaches the plugin and does not confuse it.
func TestClusterInfoIsProvided(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	p := newPerson(t, kubecred(t))
	p.block(machineFlags(p), func(e *kubeconfig.Exec) { e.ClusterInfo = true })
	p.is(machineClient, p.finish(p.whoAmI(desk.Null)))
}

func TestInstallHintIsShown(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	p := newPerson(t, kubecred(t))
	p.block(machineFlags(p), func(e *kubeconfig.Exec) {
		e.Command, e.InstallHint = "kubecred-that-is-not-installed", "get it at https://kubecred.example"
	})
	refused := p.finish(p.whoAmI(desk.Null))
	if refused.Code == 0 || !strings.Contains(refused.Stderr, "get it at https://kubecred.example") {
		t.Errorf("kubectl exited with %d: %s", refused.Code, refused.Stderr)
	}
}

// A version that nobody speaks is an error that names those that are spoken, and echoes nothing.
func TestUnknownVersionIsRefused(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider)
	p := newPerson(t, kubecred(t))
	p.Env = append(p.Env, `KUBERNETES_EXEC_INFO={"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1alpha1","spec":{"interactive":false}}`)
	refused := p.getToken(desk.Null, machineFlags(p)...)
	if refused.Code != 2 || refused.Stdout != "" {
		t.Errorf("exited with %d, printed %q", refused.Code, refused.Stdout)
	}
	for _, version := range []string{kubeconfig.V1, kubeconfig.V1beta1} {
		if !strings.Contains(refused.Stderr, version) {
			t.Errorf("it does not name %s: %s", version, refused.Stderr)
		}
	}
}

// client-go reports the plugin's exit code and shows its two lines.
func TestFailureReachesThePerson(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	p := newPerson(t, kubecred(t))
	p.writeKubeconfig(kubeconfig.V1, append(machineFlags(p), "--oidc-client-secret=wrong")...)
	refused := p.finish(p.whoAmI(desk.Null))
	for _, want := range []string{"error: ", "hint: ", "exit code 5"} {
		if !strings.Contains(refused.Stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, refused.Stderr)
		}
	}
	if strings.Contains(refused.Stderr, "wrong") && strings.Contains(refused.Stderr, "secret=wrong") {
		t.Errorf("stderr holds the secret:\n%s", refused.Stderr)
	}
}

// With nobody to ask and no browser to open, the answer is quick: a dashboard is waiting for it.
func TestRefusalIsQuick(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider)
	p := newPerson(t, kubecred(t))
	for name, flags := range map[string][]string{
		"auto": p.flags(), "device": deviceFlags(p), "paste": pasteFlags(p), "password": passwordFlags(p),
	} {
		refused := p.getToken(desk.Null, flags...)
		if refused.Code != 3 || refused.Stdout != "" {
			t.Errorf("%s: exited with %d, printed %q, said %q", name, refused.Code, refused.Stdout, refused.Stderr)
		}
		if refused.Took > 3*time.Second { // one, on a machine with nothing else to do
			t.Errorf("%s: it took %s", name, refused.Took)
		}
		if _, err := hint(refused.Stderr); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Expiry as client-go sees it: the program that it runs hands out what lives, and a new one after that.
func TestClientGoDrivesTheProgram(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider)
	p := newPerson(t, kubecredRace(t))
	s := newServer(t)
	e := p.exec(kubeconfig.V1, append(machineFlags(p), "--oidc-client-id="+shortMachine)...)
	e.Command, e.Env = p.program, p.Env
	client := s.client(t, e)
	s.mustGet(t, client, http.StatusOK)
	first := s.last(t)
	s.getUntil(t, client, 2*shortLife, func(got seen) bool { return got != first })
}

// client-go is answered 401 and runs the program again, without saying why: that costs the provider one
// refresh, and never a login, though the new token may be refused as well.
func TestUnauthorizedCostsNoLogin(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecredRace(t))
	flags := deviceFlags(p)
	r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, flags...)...)
	approveDevice(p, r)
	token := credentialOf(p, p.finish(r)).Token

	s := newServer(t)
	s.refuse(token)
	e := p.exec(kubeconfig.V1, flags...)
	e.Command, e.Env = p.program, p.Env
	client := s.client(t, e)
	s.mustGet(t, client, http.StatusUnauthorized)
	s.mustGet(t, client, http.StatusOK) // with another token, and nobody was asked
	s.refuse(strings.TrimPrefix(s.last(t).authorization, "Bearer "))
	for range 3 {
		s.mustGet(t, client, http.StatusUnauthorized)
	}
	p.asked("refresh_token", 1)
	p.asked(deviceGrant, 1)
}
