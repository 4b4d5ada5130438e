package e2e

// What setup prints and writes, given to those it is for: an API server is started with the
// AuthenticationConfiguration, kubectl reads the kubeconfig and the kuberc.

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "k8s.io/api/authentication/v1"

	"github.com/kubecred/kubecred/e2e/internal/cluster"
	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/setup"
)

// setter is a person who sets up, at a provider that says of them whatever a test wants.
type setter struct {
	*person
	provider *oidctest.Provider
}

func newSetter(t *testing.T) *setter {
	t.Helper()
	s := &setter{person: newPerson(t, kubecred(t))}
	provider, err := oidctest.New(oidctest.TLS(), oidctest.AlwaysRefresh())
	s.must(err)
	t.Cleanup(func() { provider.Close() })
	s.provider = provider
	s.must(os.WriteFile(s.ca(), provider.CAPEM(), 0o600))
	return s
}

// flags name the provider, and map names as they are, so that the rules alone keep the system's out.
func (s *setter) flags(more ...string) []string {
	return append([]string{
		"setup", "--oidc-issuer-url=" + s.provider.Issuer, "--oidc-client-id=" + oidctest.ClientID,
		"--certificate-authority=" + s.ca(), "--token-cache-storage=file", "--listen-address=127.0.0.1:0",
		"--browser-command=" + s.Browser, "--user=me",
		"--oidc-username-claim=email", "--oidc-username-prefix=-", "--oidc-groups-prefix=-",
	}, more...)
}

// printed is one of the parts.
func (s *setter) printed(part string) string {
	s.t.Helper()
	r := s.run(desk.Null, s.program, s.flags("--print="+part)...)
	if r.Code != 0 || r.Stderr != "" {
		s.t.Fatalf("setup --print=%s exited with %d: %s", part, r.Code, r.Stderr)
	}
	return r.Stdout
}

// setUp runs setup with a browser, and returns all that it says.
func (s *setter) setUp() string {
	s.t.Helper()
	r := s.start(desk.Null, s.program, s.flags()...)
	_, err := oidctest.Browser{CAPEM: s.provider.CAPEM()}.Open(context.Background(), s.opens(r))
	s.must(err)
	done := s.finish(r)
	if done.Code != 0 {
		s.t.Fatalf("setup exited with %d: %s", done.Code, done.Stderr)
	}
	return done.Stdout
}

// token is a new one, past kubecred, which need not trust what the API server is shown.
func (s *setter) token() string {
	s.t.Helper()
	response, err := s.provider.Client().PostForm(s.provider.Issuer+"/token", url.Values{
		"grant_type": {oidctest.GrantPassword}, "client_id": {oidctest.ClientID}, "scope": {"openid email groups"},
		"username": {"alice"}, "password": {"alice's password"},
	})
	s.must(err)
	defer response.Body.Close()
	var answer struct {
		IDToken string `json:"id_token"`
	}
	s.must(json.NewDecoder(response.Body).Decode(&answer))
	if response.StatusCode != http.StatusOK || answer.IDToken == "" {
		s.t.Fatalf("the provider answered %s", response.Status)
	}
	return answer.IDToken
}

func (s *setter) kubectl(args ...string) desk.Result {
	s.t.Helper()
	return s.run(desk.Null, kubectl(s.t), args...)
}

func (s *setter) mustKubectl(args ...string) string {
	s.t.Helper()
	r := s.kubectl(args...)
	if r.Code != 0 {
		s.t.Fatalf("kubectl %q exited with %d: %s", args, r.Code, r.Stderr)
	}
	return r.Stdout
}

// An API server that is started with what setup printed sees whom setup showed, through the user that
// setup wrote, and gives the rights of the example; it refuses what the rules are there for.
func TestSetup(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	s := newSetter(t)
	said := s.setUp()
	config := s.printed("authentication-config")
	if !strings.Contains(said, config) {
		t.Errorf("the parts of setup differ from the whole:\n%s", config)
	}
	c, err := cluster.Start(context.Background(), cluster.Options{Authentication: []byte(config)})
	s.must(err)
	t.Cleanup(c.Stop)
	s.must(c.WaitForToken(context.Background(), s.token()))
	authority := filepath.Join(s.Home, "cluster-ca.pem")
	s.must(os.WriteFile(authority, c.CA, 0o600))
	s.mustKubectl("config", "set-cluster", "e2e", "--server="+c.URL, "--certificate-authority="+authority)
	s.mustKubectl("config", "set-context", "e2e", "--cluster=e2e", "--user=me")
	s.mustKubectl("config", "use-context", "e2e")
	s.mustKubectl("config", "set-credentials", "admin", "--token="+cluster.AdminToken)
	s.mustKubectl("config", "set-context", "admin", "--cluster=e2e", "--user=admin")

	t.Run("whom", func(t *testing.T) { s.in(t).seesWhomSetupShowed(said) })
	t.Run("rights", func(t *testing.T) { s.in(t).givesRights(said) })
	t.Run("kuberc", func(t *testing.T) { s.in(t).keepsToKuberc() })
	t.Run("refused", func(t *testing.T) { s.in(t).refuses(c) })
}

// in is the same person, whose failures are the subtest's.
func (s *setter) in(t *testing.T) *setter {
	p := *s.person
	p.t = t
	return &setter{&p, s.provider}
}

func (s *setter) seesWhomSetupShowed(said string) {
	shown := regexp.MustCompile(`(?m)^  user    (\S+) .*\n  groups  (.*?)   \(claim groups\)$`).FindStringSubmatch(said)
	if shown == nil {
		s.t.Fatalf("setup showed nobody:\n%s", said)
	}
	var review authv1.SelfSubjectReview
	s.must(json.Unmarshal([]byte(s.mustKubectl("auth", "whoami", "-o", "json")), &review))
	user := review.Status.UserInfo
	groups := slices.DeleteFunc(user.Groups, func(name string) bool { return name == "system:authenticated" })
	if user.Username != shown[1] || strings.Join(groups, ", ") != shown[2] || user.UID != "user-1" {
		s.t.Errorf("the API server sees %q (%s) in %q, setup showed %q in %q", user.Username, user.UID, groups, shown[1], shown[2])
	}
}

// givesRights applies the example as the administrator would. Its role is the tests' own: what a cluster
// has is made by controllers, and none runs here.
func (s *setter) givesRights(said string) {
	_, example, found := strings.Cut(said, "# rbac: an example of rights, for kubectl apply -f -\n")
	example, _, ended := strings.Cut(example, "\n# kuberc")
	if !found || !ended {
		s.t.Fatalf("setup printed no example of rights:\n%s", said)
	}
	file := filepath.Join(s.Home, "rbac.yaml")
	s.must(os.WriteFile(file, []byte(example), 0o600))
	if before := s.kubectl("get", "configmaps"); before.Code == 0 {
		s.t.Error("they have rights before")
	}
	const admin = "--context=admin"
	s.mustKubectl(admin, "create", "-f", file)
	if bound := s.mustKubectl(admin, "get", "clusterrolebinding", "kubecred-example-view", "-o", "jsonpath={.roleRef.name} {.subjects[0].kind} {.subjects[0].name}"); bound != "view Group developers" {
		s.t.Errorf("bound: %s", bound)
	}
	s.mustKubectl(admin, "create", "clusterrole", "look", "--verb=list", "--resource=configmaps")
	s.mustKubectl(admin, "create", "clusterrolebinding", "look", "--clusterrole=look", "--group=developers")
	s.mustKubectl("get", "configmaps")
}

// keepsToKuberc shows that kubectl takes the kuberc, runs kubecred by it, and nothing else.
func (s *setter) keepsToKuberc() {
	kuberc := filepath.Join(s.Home, ".kube", "kuberc")
	s.must(os.WriteFile(kuberc, []byte(s.printed("kuberc")), 0o600))
	s.Env = append(s.Env, "KUBERC="+kuberc)
	s.mustKubectl("auth", "whoami")
	other := filepath.Join(s.Home, "bin", "other")
	s.must(os.Symlink(s.program, other))
	s.mustKubectl("config", "set-credentials", "other", "--exec-command=other", "--exec-api-version=client.authentication.k8s.io/v1", "--exec-interactive-mode=Never")
	if r := s.kubectl("--user=other", "auth", "whoami"); r.Code == 0 || !strings.Contains(r.Stderr, "not permitted by the credential plugin allowlist") {
		s.t.Errorf("another program: exited with %d: %s", r.Code, r.Stderr)
	}
}

// refuses shows the API server tokens of the same provider that differ in one thing, and holds that setup
// says of each that it will be refused.
func (s *setter) refuses(c *cluster.Cluster) {
	for name, spoil := range map[string]oidctest.Option{
		"a user of the system's":   oidctest.Claim("email", "system:kube-scheduler"),
		"a group of the system's":  oidctest.Claim("groups", []string{"developers", "system:masters"}),
		"a long life":              oidctest.TokenLifetime(24*time.Hour + time.Minute),
		"an unverified address":    oidctest.Claim("email_verified", false),
		"another client's":         oidctest.Claim("aud", "other"),
		"one that says no more":    oidctest.Claim("iat", nil),
		"a name that is no text":   oidctest.Claim("email", 5),
		"groups that are no texts": oidctest.Claim("groups", []int{1}),
	} {
		s.t.Run(name, func(t *testing.T) {
			s, config := s.in(t), c.Config()
			s.provider.Apply(spoil)
			config.BearerToken = s.token()
			s.provider.Apply(oidctest.Honest(), oidctest.TokenLifetime(time.Hour))
			if s.foresees(config.BearerToken) == nil {
				s.t.Error("setup would not say that it is refused")
			}
			if user, err := cluster.WhoAmI(context.Background(), config); err == nil {
				t.Errorf("it was taken for %s in %q", user.Username, user.Groups)
			}
			config.BearerToken = s.token()
			if why := s.foresees(config.BearerToken); why != nil {
				s.t.Errorf("setup would say that a good one is refused: %q", why)
			}
			if _, err := cluster.WhoAmI(context.Background(), config); err != nil {
				t.Errorf("a good one is refused too: %v", err)
			}
		})
	}
	s.t.Run("almost a day", func(t *testing.T) {
		s, config := s.in(t), c.Config()
		s.provider.Apply(oidctest.TokenLifetime(24*time.Hour - time.Minute))
		config.BearerToken = s.token()
		if _, err := cluster.WhoAmI(context.Background(), config); err != nil {
			t.Error(err)
		}
	})
}

// The flags say the same, but for the rules.
func TestSetupFlags(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	s := newSetter(t)
	_, flags, found := strings.Cut(s.setUp(), "that live long\n")
	flags, _, ended := strings.Cut(flags, "\n\n# rbac")
	if !found || !ended {
		t.Fatal("setup printed no flags")
	}
	flags = strings.Replace(flags, "=/etc/kubernetes/oidc-ca.pem", "="+s.ca(), 1)
	c, err := cluster.Start(context.Background(), cluster.Options{OIDC: strings.Split(flags, "\n")})
	s.must(err)
	t.Cleanup(c.Stop)
	token := s.token()
	s.must(c.WaitForToken(context.Background(), token))
	config := c.Config()
	config.BearerToken = token
	user, err := cluster.WhoAmI(context.Background(), config)
	s.must(err)
	if user.Username != "alice@example.com" || !slices.Contains(user.Groups, "developers") {
		t.Errorf("the API server sees %q in %q", user.Username, user.Groups)
	}
}

// foresees is what setup says of a token before any API server sees it.
func (s *setter) foresees(token string) []string {
	s.t.Helper()
	parsed, err := setup.ParseToken(secret.New(token))
	s.must(err)
	return setup.Server{
		Issuer: s.provider.Issuer, Audience: oidctest.ClientID,
		Username: setup.Mapping{Claim: "email"}, Groups: setup.Mapping{Claim: "groups"},
	}.See(parsed).Refused
}

// The person who only has an address: setup asks for the rest, at a real terminal, and what it writes works.
func TestSetupAsks(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecred(t))
	r := p.start(desk.Terminal, p.program, "setup", "--certificate-authority="+p.ca(), "--token-cache-storage=file", "--grant-type=device-code")
	for _, turn := range []struct{ asked, answer string }{
		{`Address of the provider \(its issuer URL\): $`, theProvider(t).Issuer},
		{`(?s)Known providers: auth0, .*Which one is it, if it is one of them \(Enter for none\): $`, ""},
		{`Client ID at the provider \[kubernetes\]: $`, publicClient},
		{`Name of the user in the kubeconfig \[localhost:\d+\]: $`, "corp"},
	} {
		_, err := r.Terminal.Expect(turn.asked, patience)
		p.must(err)
		p.must(r.Terminal.Type(turn.answer + "\r"))
	}
	approveDevice(p, r)
	_, err := r.Terminal.Expect(`email +`+p.account+`(?s:.*)user name from \[sub\]: $`, patience)
	p.must(err)
	p.must(r.Terminal.Type("email\r"))
	done := p.finish(r)
	if done.Code != 0 || !strings.Contains(done.Stdout, "  user    oidc:"+p.account+"   (claim email)\n") {
		t.Fatalf("setup exited with %d: %s%s", done.Code, done.Stdout, done.Stderr)
	}
	if again := p.run(desk.Null, p.program, "login", "--user=corp"); again.Code != 0 || !strings.Contains(again.Stdout, "Already signed in") {
		t.Errorf("login exited with %d: %s%s", again.Code, again.Stdout, again.Stderr)
	}
}
