package e2e

// Import takes in what a real API server believes: kubectl is the same user before, after, and after an undo.

import (
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	"k8s.io/client-go/tools/clientcmd"
	api "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubecred/kubecred/e2e/internal/cluster"
	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/provider"
)

// holder is a person whose kubeconfig holds something in plain text.
type holder struct {
	*person
	plain string // the kubeconfig as it was
}

func newHolder(t *testing.T, user *api.AuthInfo) *holder {
	t.Helper()
	p, c := newPerson(t, kubecred(t)), theCluster(t)
	config := api.NewConfig()
	config.Clusters["e2e"] = &api.Cluster{Server: c.URL, CertificateAuthorityData: c.CA}
	config.AuthInfos["me"] = user
	config.Contexts["e2e"] = &api.Context{Cluster: "e2e", AuthInfo: "me"}
	config.CurrentContext = "e2e"
	p.must(clientcmd.WriteToFile(*config, p.Kubeconfig()))
	return &holder{p, readAll(p, p.Kubeconfig())}
}

func readAll(p *person, path string) string {
	p.t.Helper()
	data, err := os.ReadFile(path)
	p.must(err)
	return string(data)
}

// name is whom the API server takes kubectl for.
func (h *holder) name() string {
	h.t.Helper()
	r := h.finish(h.whoAmI(desk.Null))
	var review authv1.SelfSubjectReview
	if r.Code != 0 {
		h.t.Fatalf("kubectl exited with %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	h.must(json.Unmarshal([]byte(r.Stdout), &review))
	return review.Status.UserInfo.Username
}

// imports runs import and holds that none of the secrets stays in the kubeconfig or is shown.
func (h *holder) imports(secrets []string, flags ...string) {
	h.t.Helper()
	r := h.run(desk.Null, h.program, append([]string{"import", "--yes"}, flags...)...)
	if r.Code != 0 || r.Stderr != "" {
		h.t.Fatalf("import exited with %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	for _, secret := range secrets {
		if strings.Contains(readAll(h.person, h.Kubeconfig())+r.Stdout, secret) {
			h.t.Errorf("%.8s… stays or is shown", secret)
		}
	}
}

// undoes puts the kubeconfig back.
func (h *holder) undoes(flags ...string) {
	h.t.Helper()
	r := h.run(desk.Null, h.program, append([]string{"import", "--undo"}, flags...)...)
	if r.Code != 0 || readAll(h.person, h.Kubeconfig()) != h.plain {
		h.t.Fatalf("undo exited with %d, or the kubeconfig is another:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

func TestImportedIsTheSameUser(t *testing.T) {
	parts.Need(t, parts.Kubernetes, parts.Provider)
	c := theCluster(t)
	bootstrap, err := c.BootstrapToken(t.Context(), "e2e123", "0123456789abcdef")
	account, accountErr := c.ServiceAccountToken(t.Context(), "robot", time.Hour)
	certificate, certificateErr := c.Clients.Client("carla", "carpenters")
	for _, err := range []error{err, accountErr, certificateErr} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, kind := range map[string]struct {
		user    *api.AuthInfo
		secrets []string
		is      string
	}{
		"a static token":    {&api.AuthInfo{Token: cluster.AdminToken}, []string{cluster.AdminToken}, "admin"},
		"a bootstrap token": {&api.AuthInfo{Token: bootstrap}, []string{bootstrap}, "system:bootstrap:e2e123"},
		"a service account": {&api.AuthInfo{Token: account}, []string{account}, "system:serviceaccount:default:robot"},
		"a certificate": {
			&api.AuthInfo{ClientCertificateData: certificate.Cert, ClientKeyData: certificate.Key},
			[]string{"client-key-data", "PRIVATE KEY"}, "carla",
		},
		"as somebody else": {
			&api.AuthInfo{Token: cluster.AdminToken, Impersonate: "dora", ImpersonateGroups: []string{"doctors"}},
			[]string{cluster.AdminToken}, "dora",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHolder(t, kind.user)
			same := func(when string) {
				t.Helper()
				if got := h.name(); got != kind.is {
					t.Fatalf("%s the API server sees %q, want %q", when, got, kind.is)
				}
			}
			same("before the import")
			h.imports(kind.secrets, "--token-cache-storage=file")
			same("after the import")
			h.silent(h.finish(h.whoAmI(desk.Null)))
			h.undoes()
			same("after the undo")
		})
	}
}

// Sealed under a real keyring. Locked, it is waited for and not lost; without it nothing is taken in.
func TestImportUnderAKeyring(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.Keyring)
	h := newHolder(t, &api.AuthInfo{Token: cluster.AdminToken})
	alone := h.run(desk.Null, h.program, "import", "--yes")
	if alone.Code == 0 || readAll(h.person, h.Kubeconfig()) != h.plain {
		t.Fatalf("without a keyring: %+v", alone)
	}
	k, flags := newKeyring(h.person)
	flags = flags[1:] // auto
	h.imports([]string{cluster.AdminToken}, flags...)
	if got := h.name(); got != "admin" {
		t.Fatalf("the API server sees %q", got)
	}
	h.dropCopies()
	h.must(k.Relock(t.Context()))
	if r := h.finish(h.whoAmI(desk.Null)); r.Code == 0 || !strings.Contains(r.Stderr, "locked") {
		t.Errorf("with the keyring locked: %+v", r)
	}
	// In a session without the keyring, as over ssh, nothing of it is forgotten either.
	here := h.Env
	h.Env = slices.DeleteFunc(slices.Clone(here), func(v string) bool { return slices.Contains(k.Env(), v) })
	h.run(desk.Null, h.program, append([]string{"logout", "--all"}, flags...)...)
	h.run(desk.Null, h.program, append([]string{"logout"}, flags...)...)
	h.Env = here
	h.must(k.Reopen(t.Context()))
	if got := h.name(); got != "admin" {
		t.Fatalf("after the keyring opened the API server sees %q", got)
	}
	h.undoes(flags...)
}

// session is a sign-in of the account as it lies in a kubeconfig of old.
func (h *holder) legacy(p *provider.Provider) map[string]string {
	h.t.Helper()
	tokens, err := p.Token(h.t.Context(), url.Values{
		"grant_type": {"password"}, "client_id": {publicClient}, "scope": {"openid offline_access"},
		"username": {h.account}, "password": {provider.Password},
	})
	h.must(err)
	config := map[string]string{
		"idp-issuer-url": p.Issuer, "client-id": publicClient, "extra-scopes": "offline_access",
		"idp-certificate-authority": h.ca(),
	}
	for _, name := range []string{"id_token", "refresh_token"} {
		text, ok := tokens[name].(string)
		if !ok {
			h.t.Fatalf("no %s", name)
		}
		config[strings.ReplaceAll(name, "_", "-")] = text
	}
	return config
}

// The session of an auth-provider goes on in kubecred: by its ID token while that lives, then by a refresh.
func TestImportedLegacySessionGoesOn(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	h := newHolder(t, &api.AuthInfo{})
	for _, lives := range []bool{true, false} {
		config := h.legacy(theProvider(t))
		secrets := []string{config["id-token"], config["refresh-token"]}
		if !lives {
			delete(config, "id-token")
		}
		h.plain = newHolderAt(h.person, &api.AuthInfo{AuthProvider: &api.AuthProviderConfig{Name: "oidc", Config: config}})
		if lives {
			h.is(h.account, h.finish(h.whoAmI(desk.Null)))
		}
		h.imports(secrets, "--token-cache-storage=file")
		h.is(h.account, h.finish(h.whoAmI(desk.Null)))
		h.asked("authorization_code", 0)
		if lives {
			h.asked("refresh_token", 0)
			h.undoes()
			h.is(h.account, h.finish(h.whoAmI(desk.Null)))
		} else {
			h.asked("refresh_token", 1)
		}
	}
}

// newHolderAt gives a person another kubeconfig, and returns it.
func newHolderAt(p *person, user *api.AuthInfo) string {
	p.t.Helper()
	config, err := clientcmd.LoadFromFile(p.Kubeconfig())
	p.must(err)
	config.AuthInfos["me"] = user
	p.must(clientcmd.WriteToFile(*config, p.Kubeconfig()))
	return readAll(p, p.Kubeconfig())
}

// A block of int128/kubelogin becomes ours, and its client's secret goes to the provider out of the cache.
func TestImportedKubeloginSignsIn(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	h := newHolder(t, &api.AuthInfo{})
	h.plain = newHolderAt(h.person, &api.AuthInfo{Exec: &api.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1beta1", Command: "kubectl", InteractiveMode: api.IfAvailableExecInteractiveMode,
		Args: []string{
			"oidc-login", "get-token", "--oidc-issuer-url=" + theProvider(t).Issuer, "--oidc-client-id=" + secretClient,
			"--oidc-client-secret=" + clientSecret, "--certificate-authority=" + h.ca(), "--token-cache-storage=disk",
			"--grant-type=password", "--username=" + h.account, "--password=" + provider.Password,
		},
	}})
	h.imports([]string{clientSecret, "oidc-login", "disk"}, "--token-cache-storage=file")
	h.is(h.account, h.finish(h.whoAmI(desk.Null)))
	h.asked("password", 1)
	h.undoes()
}
