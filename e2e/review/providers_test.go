package review

// The pages on providers, as the API server takes them: its own reader, its own
// checks, and its own authenticator on a token with the claims that the page maps.

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	apiserver "k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/apiserver/pkg/apis/apiserver/validation"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/cel"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"

	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/providers"
)

// onPage reads the AuthenticationConfiguration of a page as strictly as the API
// server's flag does.
func onPage(t *testing.T, p providers.Preset) apiserver.JWTAuthenticator {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", p.Doc))
	if err != nil {
		t.Fatal(err)
	}
	const begins = "apiVersion: apiserver.config.k8s.io/v1\n"
	_, rest, _ := bytes.Cut(doc, []byte("```yaml\n"+begins))
	text, _, _ := bytes.Cut(rest, []byte("```"))
	scheme := runtime.NewScheme()
	install.Install(scheme)
	read := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder()
	object, err := runtime.Decode(read, append([]byte(begins), text...))
	if err != nil {
		t.Fatal(err)
	}
	config := object.(*apiserver.AuthenticationConfiguration)
	if errs := validation.ValidateAuthenticationConfiguration(cel.NewDefaultCompiler(), config, nil); len(errs) > 0 {
		t.Fatal(errs.ToAggregate())
	}
	return config.JWT[0]
}

// carol is somebody whom every page lets in.
func carol(p providers.Preset) oidctest.User {
	u := oidctest.User{Sub: "user-0", PreferredUsername: "carol", Password: "carol's password", Extra: map[string]any{
		p.UsernameClaim: "carol@example.com", "email_verified": true, "hd": "example.com",
	}}
	if p.GroupsClaim != "" {
		u.Extra[p.GroupsClaim] = []string{"example-group"}
	}
	return u
}

// provided returns the authenticator that the page configures, and carol's token
// with the claims that edit leaves her.
func provided(t *testing.T, p providers.Preset, edit func(*oidctest.User), options ...oidctest.Option) (authenticator.Token, string) {
	t.Helper()
	config := onPage(t, p)
	u := carol(p)
	edit(&u)
	client := config.Issuer.Audiences[0]
	provider := oidctest.Start(t, append(options, oidctest.TLS(), oidctest.WithUser(u), oidctest.WithClient(oidctest.Client{ID: client}))...)
	config.Issuer.URL, config.Issuer.CertificateAuthority = provider.Issuer, string(provider.CAPEM())
	return judge(t, config), idToken(t, provider, client)
}

func judge(t *testing.T, config apiserver.JWTAuthenticator) authenticator.Token {
	t.Helper()
	ca, err := dynamiccertificates.NewStaticCAContent("provider", []byte(config.Issuer.CertificateAuthority))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	made, err := oidc.New(ctx, oidc.Options{JWTAuthenticator: config, CAContentProvider: ca, SupportedSigningAlgs: []string{"ES256"}})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); made.HealthCheck() != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the API server cannot use discovery: %v", made.HealthCheck())
		}
	}
	return made
}

func idToken(t *testing.T, provider *oidctest.Provider, client string) string {
	t.Helper()
	resp, err := provider.Client().PostForm(provider.Issuer+"/token", url.Values{
		"grant_type": {"password"}, "client_id": {client}, "scope": {"openid"}, "username": {"carol"}, "password": {"carol's password"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	var got tokens
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(body, &got) != nil {
		t.Fatalf("no token: %s %s %v", resp.Status, body, err)
	}
	return got.ID
}

func TestPagesConfigureTheAPIServer(t *testing.T) {
	for _, p := range providers.All() {
		t.Run(p.Name, func(t *testing.T) {
			by, token := provided(t, p, func(*oidctest.User) {})
			got, ok, err := by.AuthenticateToken(t.Context(), token)
			if !ok || err != nil {
				t.Fatalf("refused: %v", err)
			}
			var groups []string
			if p.GroupsClaim != "" {
				groups = []string{"oidc:example-group"}
			}
			if u := got.User; u.GetName() != "oidc:carol@example.com" || u.GetUID() != "user-0" || !reflect.DeepEqual(u.GetGroups(), groups) {
				t.Errorf("signed in as %+v", u)
			}
		})
	}
}

// What the pages promise to keep out.
func TestPagesKeepOut(t *testing.T) {
	for name, c := range map[string]struct {
		provider string
		edit     func(*oidctest.User)
		options  []oidctest.Option
		why      string
	}{
		"a token that lives for two days":    {"keycloak", func(*oidctest.User) {}, []oidctest.Option{oidctest.TokenLifetime(48 * time.Hour)}, "24 hours"},
		"another domain's Google account":    {"google", func(u *oidctest.User) { u.Extra["hd"] = "evil.example" }, nil, "hd"},
		"a Google account without a domain":  {"google", func(u *oidctest.User) { delete(u.Extra, "hd") }, nil, "hd"},
		"an address that nobody has checked": {"auth0", func(u *oidctest.User) { u.Extra["email_verified"] = false }, nil, "email not verified"},
		"a stranger at gitlab.com":           {"gitlab", func(u *oidctest.User) { u.Extra["groups_direct"] = []string{"another-group"} }, nil, "example-group"},
		"one with too many groups for Entra": {"entra", overage, nil, "could not expand distributed claims"},
		"one without groups at gitlab.com":   {"gitlab", func(u *oidctest.User) { delete(u.Extra, "groups_direct") }, nil, "groups_direct"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := providers.Named(c.provider)
			by, token := provided(t, p, c.edit, c.options...)
			if _, ok, err := by.AuthenticateToken(t.Context(), token); ok || err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%v, %v", ok, err)
			}
		})
	}
}

// overage is how Entra ID leaves out more than 200 groups. The API server asks at
// that address for a signed claim, gets none, and refuses the token as a whole.
func overage(u *oidctest.User) {
	delete(u.Extra, "groups")
	u.Extra["_claim_names"] = map[string]string{"groups": "src1"}
	u.Extra["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": "https://localhost:1/v1.0/users/user-0/getMemberObjects"}}
}
