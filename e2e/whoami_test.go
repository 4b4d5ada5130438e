package e2e

// Whom a credential says it is for, beside whom the API server takes it for.

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubecred/kubecred/e2e/internal/cluster"
	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/exchange"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// sides is what `kubecred whoami -o json` prints, as far as these tests look.
type sides struct {
	Token *struct {
		Issuer string
		Groups []string
	}
	Certificate *struct {
		CommonName    string
		Organizations []string
		UID           string
	}
	Impersonates *struct {
		User string
	}
	Server *struct {
		Status        int
		Username, UID string
		Groups        []string
		Differences   []string
		Suspects      []string
	}
}

// besides runs `kubecred whoami --server` for JSON and holds its exit code.
func besides(p *person, code int) (s sides) {
	p.t.Helper()
	r := p.run(desk.Null, p.program, "whoami", "--server", "-o", "json")
	if r.Code != code {
		p.t.Fatalf("exit code %d, want %d:\n%s%s", r.Code, code, r.Stdout, r.Stderr)
	}
	p.must(json.Unmarshal([]byte(r.Stdout), &s))
	return s
}

// says asserts that the reasons for the differences are these, by what each holds.
func says(t *testing.T, reasons []string, words ...string) {
	t.Helper()
	if len(reasons) != len(words) {
		t.Errorf("%d reasons, want %d: %q", len(reasons), len(words), reasons)
		return
	}
	for i, word := range words {
		if !strings.Contains(reasons[i], word) {
			t.Errorf("no %q in %q", word, reasons[i])
		}
	}
}

// A token that the API server verifies itself, with a prefix before user name and groups.
func TestWhoamiOfATokenWithPrefixes(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecredRace(t))
	p.writeKubeconfig(kubeconfig.V1, signedInByDevice(p)...)
	s := besides(p, 0)
	if s.Token.Issuer != theProvider(t).Issuer || s.Server.Username != cluster.Prefix+p.account || len(s.Token.Groups) == 0 {
		t.Errorf("%+v, %+v", s.Token, s.Server)
	}
	says(t, s.Server.Differences, "puts oidc: before the user name", "puts oidc: before groups", "adds system:authenticated")
	shown := p.run(desk.Null, p.program, "whoami", "--server")
	for _, text := range []string{p.account + " (sub)", cluster.Prefix + p.account, cluster.Prefix + s.Token.Groups[0]} {
		if shown.Code != 0 || !strings.Contains(shown.Stdout, text) {
			t.Errorf("no %q in\n%s%s", text, shown.Stdout, shown.Stderr)
		}
	}
	p.silent(shown)
	p.asked("refresh_token", 0)
}

// The exchange's tokens, verified by the API server and by its webhook, and its certificates, with their UID.
func TestWhoamiAtAnExchange(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	for name, test := range map[string]struct {
		flags   []string
		reasons []string
	}{
		"verified":    {[]string{"--audience=" + exchange.Verify}, []string{"adds system:authenticated"}},
		"webhook":     {[]string{"--audience=" + exchange.Here}, []string{"adds system:authenticated"}},
		"certificate": {[]string{"--credential=certificate", "--exchange-cluster=" + exchange.Here}, []string{"adds system:authenticated"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStaff(t, theExchange(t))
			flags := s.kept(test.flags...)
			s.writeExec(kubeconfig.V1, flags...)
			s.getToken(desk.Null, flags...)
			got := besides(s.person, 0)
			if got.Server.Username != exchange.Prefix+s.account || got.Server.UID != s.account || len(got.Server.Groups) != 3 {
				t.Errorf("the server says %+v", got.Server)
			}
			if c := got.Certificate; (c != nil) != (name == "certificate") || c != nil && (c.CommonName != got.Server.Username || c.UID != s.account || len(c.Organizations) != 2) {
				t.Errorf("the certificate says %+v", c)
			}
			says(t, got.Server.Differences, test.reasons...)
		})
	}
}

// A token for another cluster is refused, and what it says is laid out for that.
func TestWhoamiOfARefusedToken(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	s := newStaff(t, theExchange(t))
	flags := s.kept("--audience=" + exchange.There)
	s.writeExec(kubeconfig.V1, flags...)
	s.getToken(desk.Null, flags...)
	got := besides(s.person, 5)
	if got.Server.Status != 401 || got.Server.Username != "" {
		t.Errorf("the server says %+v", got.Server)
	}
	if !strings.Contains(strings.Join(got.Server.Suspects, "\n"), "aud is "+exchange.There) {
		t.Errorf("suspects: %q", got.Server.Suspects)
	}
}

// A plugin that fails never becomes an anonymous request: neither kubectl nor kubecred sends any.
func TestFailureIsNoAnonymousRequest(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	p, s := newPerson(t, kubecred(t)), newServer(t)
	p.must(kubeconfig.Write(p.Kubeconfig(), s.URL, s.ca, p.exec(kubeconfig.V1, pasteFlags(p)...)))
	for _, command := range [][]string{
		{kubectl(t), "auth", "whoami"}, {kubectl(t), "get", "--raw", "/version"},
		{p.program, "whoami"}, {p.program, "whoami", "--server"},
	} {
		r := p.run(desk.Null, command[0], command[1:]...)
		if r.Code == 0 || r.Stdout != "" {
			t.Errorf("%q exited with %d and printed %q", command, r.Code, r.Stdout)
		}
		if command[0] == p.program && (r.Code != 3 || !strings.Contains(r.Stderr, "system:anonymous")) {
			t.Errorf("%q exited with %d and said %q", command, r.Code, r.Stderr)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) != 0 {
		t.Errorf("%d requests arrived: %+v", len(s.seen), s.seen)
	}
}

// kubectl --as and its kin go through the plugin: the person may act as some and not as others.
func TestImpersonation(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.Terminal)
	p, c := newPerson(t, kubecred(t)), theCluster(t)
	flags := signedInByDevice(p)
	p.writeKubeconfig(kubeconfig.V1, flags...)
	bob, team := "bob-of-"+p.account, "team-of-"+p.account
	p.must(c.LetImpersonate(t.Context(), cluster.Prefix+p.account, cluster.Acting{User: bob, Group: team, UID: "uid-of-bob"}))
	acting := func(as ...string) desk.Result {
		t.Helper()
		return p.run(desk.Null, kubectl(t), append([]string{"auth", "whoami", "-o", "json"}, as...)...)
	}
	as := p.seen(acting("--as="+bob, "--as-group="+team, "--as-uid=uid-of-bob"))
	if as.Username != bob || as.UID != "uid-of-bob" || !slices.Contains(as.Groups, team) {
		t.Errorf("acting as bob: %+v", as)
	}
	if as = p.seen(acting("--as=" + bob)); as.Username != bob || as.UID != "" || slices.Contains(as.Groups, team) {
		t.Errorf("acting as bob, without the team: %+v", as)
	}
	for resource, flags := range map[string][]string{
		"users": {"--as=carol"}, "groups": {"--as=" + bob, "--as-group=system:masters"}, "uids": {"--as=" + bob, "--as-uid=another"},
	} {
		if r := acting(flags...); r.Code == 0 || r.Stdout != "" {
			t.Errorf("%q: kubectl exited with %d: %s", flags, r.Code, r.Stdout)
		}
		// whoami has words of its own for a 403; another request has the server's.
		r := p.run(desk.Null, kubectl(t), append([]string{"get", "--raw", "/version"}, flags...)...)
		if want := `cannot impersonate resource "` + resource + `"`; r.Code == 0 || !strings.Contains(r.Stderr, want) || !strings.Contains(r.Stderr, cluster.Prefix+p.account) {
			t.Errorf("%q: no %s in %s", flags, want, r.Stderr)
		}
	}
	actingAs(p, bob)
	if as = p.seen(acting()); as.Username != bob {
		t.Errorf("acting as the kubeconfig says: %+v", as)
	}
	// whoami names it, and asks as the person.
	if s := besides(p, 0); s.Impersonates == nil || s.Impersonates.User != bob || s.Server.Username != cluster.Prefix+p.account {
		t.Errorf("%+v, %+v", s.Impersonates, s.Server)
	}
}

// actingAs writes "as" into the person's kubeconfig, by client-go's hand.
func actingAs(p *person, user string) {
	p.t.Helper()
	text, err := os.ReadFile(p.Kubeconfig())
	p.must(err)
	config, err := clientcmd.Load(text)
	p.must(err)
	for _, info := range config.AuthInfos {
		info.Impersonate = user
	}
	p.must(clientcmd.WriteToFile(*config, p.Kubeconfig()))
}
