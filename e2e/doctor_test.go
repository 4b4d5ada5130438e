package e2e

// What doctor finds at a real keyring and a real API server, and that it leaves both as they were.

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/secretservice"
)

// finding is one line of doctor's.
type finding struct{ Group, Check, Mark, Found, Do string }

// diagnosed reads what doctor says, as group and check.
func (p *person) diagnosed(r desk.Result, code int) map[string]finding {
	p.t.Helper()
	if r.Code != code || r.Stderr != "" {
		p.t.Errorf("doctor exited with %d, want %d: %s%s", r.Code, code, r.Stdout, r.Stderr)
	}
	if r.Took > bounded+patience/4 {
		p.t.Errorf("doctor took %s", r.Took)
	}
	var report struct{ Checks []finding }
	p.must(json.Unmarshal([]byte(r.Stdout), &report))
	found := map[string]finding{}
	for _, f := range report.Checks {
		found[f.Group+" "+f.Check] = f
	}
	return found
}

func (p *person) finds(all map[string]finding, check, mark, text string) {
	p.t.Helper()
	if f := all[check]; f.Mark != mark || !strings.Contains(f.Found, text) {
		p.t.Errorf("%s: %s %q, want %s and %q", check, f.Mark, f.Found, mark, text)
	}
}

// A keyring that is open, locked, silent, prompting, stalled or not there is told apart, and neither it nor a
// file changes: nothing is unlocked, nothing is started, nobody is asked.
func TestDoctorLeavesTheKeyringAsItIs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		begin                   func(*member) (end func())
		code                    int
		mark, found, credential string
	}{
		"open":      {func(*member) func() { return func() {} }, 0, "ok", "is there", "ok"},
		"locked":    {lockedKeyring, 8, "failed", "is locked", "skipped"},
		"prompting": {endlessPrompt, 8, "failed", "is locked", "skipped"},
		"silent":    {silentBus(true), 8, "failed", "did not answer within", "skipped"},
		"stopped":   {stoppedService, 8, "failed", "did not answer within", "skipped"},
		"asleep":    {asleep, 0, "ok", "is there", "skipped"},
		"absent":    {absent, 8, "failed", "there is no keyring", "skipped"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newSealed(t)
			m.must(os.Symlink(m.program, filepath.Join(m.Home, "bin", "kubecred")))
			end := test.begin(m)
			before := m.files(m.Home)
			for _, stdin := range []desk.Stdin{desk.Null, desk.Terminal} {
				found := m.diagnosed(m.call(stdin, "doctor", append(m.byBrowser(), "-o", "json")...), test.code)
				m.finds(found, "storage keyring", test.mark, test.found)
				m.finds(found, "credential cached", test.credential, "")
				m.finds(found, "storage folder", "ok", "holds 1 entry")
				m.finds(found, "provider discovery", "ok", m.provider.Issuer)
			}
			if after := m.files(m.Home); !maps.Equal(before, after) {
				t.Errorf("the home is not what it was: %d files before, %d after", len(before), len(after))
			}
			m.asked = len(m.provider.All()) // the discovery document and the keys, which anyone may read
			end()
			m.serves()
		})
	}
}

func absent(m *member) func() {
	address, _ := goneBus(m)
	m.at(address)
	return func() { m.at(m.keyring.Address()) }
}

// asleep is a keyring that the bus knows of and has not started.
func asleep(m *member) func() {
	started := filepath.Join(m.Home, "tmp", "activated")
	bus, err := secretservice.StartBus("echo $$ >'" + started + "'; exec sleep 600")
	m.must(err)
	m.t.Cleanup(bus.Stop)
	m.at(bus.Address)
	return func() {
		if _, err := os.Stat(started); err == nil {
			m.t.Error("the keyring's service was started")
		}
		m.at(m.keyring.Address())
	}
}

// With a kubeconfig that kubectl uses, doctor finds the way from the command on PATH to whom the real API server
// takes the person for, the same as kubectl is told.
func TestDoctorAtARealCluster(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecred(t))
	flags := deviceFlags(p)
	p.writeKubeconfig(kubeconfig.V1, flags...)
	doctor := func(code int, more ...string) map[string]finding {
		return p.diagnosed(p.run(desk.Null, p.program, append([]string{"doctor", "-o", "json"}, more...)...), code)
	}
	p.finds(doctor(0), "credential cached", "note", "there is none yet")

	r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, flags...)...)
	approveDevice(p, r)
	token := credentialOf(p, p.finish(r)).Token
	before := p.files(p.Home)
	found := doctor(0)
	p.finds(found, "kubeconfig context", "ok", `the user "person"`)
	p.finds(found, "provider certificate", "ok", "the authority of --certificate-authority")
	p.finds(found, "provider clock", "ok", "agree")
	p.finds(found, "signing in way", "ok", "another device")
	p.finds(found, "API server identity", "ok", "you are oidc:"+p.account+" there")
	if after := p.files(p.Home); !maps.Equal(before, after) {
		t.Errorf("the home is not what it was: %d files before, %d after", len(before), len(after))
	}
	p.asked("refresh_token", 0)
	for _, f := range found {
		if strings.Contains(f.Found+f.Do, token) || strings.Contains(f.Found+f.Do, "eyJ") {
			t.Errorf("a token is shown by %s", f.Check)
		}
	}

	// An API server that has another authority than the kubeconfig says is not shown the token.
	c := theCluster(t)
	p.must(kubeconfig.Write(p.Kubeconfig(), c.URL, theProvider(t).CA, p.exec(kubeconfig.V1, flags...)))
	p.finds(doctor(8), "API server identity", "failed", "its certificate is not trusted")
}

// What doctor says of a kubeconfig and a kuberc is what the real kubectl makes of them: where a line fails, so
// does kubectl, and where none does, kubectl works.
func TestDoctorAgreesWithKubectl(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecred(t))
	flags := deviceFlags(p)
	r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, flags...)...)
	approveDevice(p, r)
	credentialOf(p, p.finish(r))

	const kuberc = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ncredentialPluginPolicy: "
	same := func(text string) string { return text }
	replaced := func(old, with string) func(string) string {
		return func(text string) string { return strings.Replace(text, old, with, 1) }
	}
	large := append(bytes.Repeat([]byte("# what surrounds a certificate\n"), 4000), theCluster(t).CA...)
	for name, test := range map[string]struct {
		edit   func(string) string
		ca     []byte
		kuberc string
		check  string
		fails  bool
	}{
		"as it is":     {edit: same, check: "kubeconfig apiVersion"},
		"v1beta1":      {edit: replaced("/v1\n", "/v1beta1\n"), check: "kubeconfig apiVersion"},
		"v1alpha1":     {edit: replaced("/v1\n", "/v1alpha1\n"), check: "kubeconfig apiVersion", fails: true},
		"no version":   {edit: replaced("apiVersion: client.authentication.k8s.io/v1\n", "apiVersion: \"\"\n"), check: "kubeconfig apiVersion", fails: true},
		"no mode":      {edit: replaced("IfAvailable", `""`), check: "kubeconfig interactiveMode", fails: true},
		"another mode": {edit: replaced("IfAvailable", "Sometimes"), check: "kubeconfig interactiveMode", fails: true},
		"a beta without a mode": {edit: func(s string) string {
			return replaced("/v1\n", "/v1beta1\n")(replaced("IfAvailable", `""`)(s))
		}, check: "kubeconfig interactiveMode"},
		"a large authority":    {edit: replaced("provideClusterInfo: false", "provideClusterInfo: true"), ca: large, check: "kubeconfig cluster info", fails: true},
		"not asked for":        {edit: same, ca: large, check: "kubeconfig cluster info"},
		"a lost command":       {edit: replaced("command: kubecred", "command: ./no/kubecred"), check: "command path", fails: true},
		"a relative command":   {edit: replaced("command: kubecred", "command: ../bin/kubecred"), check: "command path"},
		"no plugin":            {edit: same, kuberc: "DenyAll\n", check: "kubeconfig kuberc", fails: true},
		"every plugin":         {edit: same, kuberc: "AllowAll\n", check: "kubeconfig kuberc"},
		"this plugin":          {edit: same, kuberc: "Allowlist\ncredentialPluginAllowlist: [{command: kubecred}]\n", check: "kubeconfig kuberc"},
		"by its path":          {edit: same, kuberc: "Allowlist\ncredentialPluginAllowlist: [{command: " + filepath.Join(p.Home, "bin", "kubecred") + "}]\n", check: "kubeconfig kuberc"},
		"another plugin":       {edit: same, kuberc: "Allowlist\ncredentialPluginAllowlist: [{command: kubelogin}]\n", check: "kubeconfig kuberc", fails: true},
		"a list of nothing":    {edit: same, kuberc: "Allowlist\n", check: "kubeconfig kuberc", fails: true},
		"a list without a use": {edit: same, kuberc: "DenyAll\ncredentialPluginAllowlist: [{command: kubecred}]\n", check: "kubeconfig kuberc", fails: true},
	} {
		ca, c := test.ca, theCluster(t)
		if ca == nil {
			ca = c.CA
		}
		p.must(kubeconfig.Write(p.Kubeconfig(), c.URL, ca, p.exec(kubeconfig.V1, flags...)))
		text, err := os.ReadFile(p.Kubeconfig())
		p.must(err)
		p.must(os.WriteFile(p.Kubeconfig(), []byte(test.edit(string(text))), 0o600))
		preferences := filepath.Join(p.Home, "kuberc")
		p.must(os.WriteFile(preferences, []byte(kuberc+test.kuberc), 0o600))
		if test.kuberc == "" {
			p.must(os.WriteFile(preferences, nil, 0o600))
		}
		p.Env = append(p.Env, "KUBERC="+preferences)

		asked := p.finish(p.whoAmI(desk.Null))
		found := p.run(desk.Null, p.program, "doctor", "-o", "json")
		var report struct{ Checks []finding }
		p.must(json.Unmarshal([]byte(found.Stdout), &report))
		failed := false
		for _, f := range report.Checks {
			failed = failed || f.Mark == "failed" && f.Group+" "+f.Check == test.check
		}
		if (asked.Code != 0) != test.fails {
			t.Errorf("%s: kubectl exited with %d: %s", name, asked.Code, asked.Stderr)
		}
		if failed != test.fails {
			t.Errorf("%s: doctor says otherwise: %+v", name, report.Checks[:12])
		}
	}
}
