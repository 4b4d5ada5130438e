package providers

// Each preset against a provider with that provider's peculiarities, as far as
// oidctest can play them: the preset is enough, and nothing of it is too much.

import (
	"context"
	"errors"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/login"
)

const clientSecret = "the secret"

// peculiar is the provider of that name. What the preset's hints have people
// configure is done; what they register is added by start.
func peculiar(name string) []oidctest.Option {
	without := oidctest.Scopes("openid", "profile", "email") // offline_access is refused
	usual := oidctest.Scopes("openid", "profile", "email", "offline_access")
	quiet, exact := oidctest.NoIssuerParameter(), oidctest.ExactPorts()
	return map[string][]oidctest.Option{
		"keycloak": {
			oidctest.Path("/realms/main"), usual, exact, oidctest.AlwaysRefresh(), person("groups", "preferred_username"),
			func(c *oidctest.Config) { c.DevicePKCE = true },
		},
		"dex":    {oidctest.Path("/dex"), quiet, oidctest.NoRevocation(), person()},
		"entra":  {quiet, usual, oidctest.NoPKCEAdvertised(), person("groups", "oid"), withProfile("oid")},
		"okta":   {oidctest.Path("/oauth2/default"), quiet, exact, person(), func(c *oidctest.Config) { c.RefreshNeedsOpenID = true }},
		"google": {quiet, without, oidctest.OfflineByParameter(), oidctest.NoRotation(), oidctest.GoogleDevice(), oidctest.Confidential(oidctest.AuthBasic, clientSecret), person()},
		"gitlab": {
			quiet, without, exact, oidctest.AlwaysRefresh(), oidctest.NoDeviceEndpoint(), person("groups_direct"),
			oidctest.Claim("preferred_username", nil), oidctest.TokenLifetime(2 * time.Minute),
		},
		"auth0":   {oidctest.Path("/"), quiet, exact, usual, person("https://kubernetes/groups")},
		"cognito": {quiet, without, exact, oidctest.AlwaysRefresh(), oidctest.NoRotation(), oidctest.NoPKCEAdvertised(), oidctest.NoDeviceEndpoint(), person("cognito:groups", "cognito:username")},
		"ping":    {oidctest.Path("/11111111/as"), quiet, exact, usual, person("groups")},
	}[name]
}

// person signs in, and has these claims whatever the scope.
func person(claims ...string) oidctest.Option {
	u := oidctest.User{Sub: "user-0", Email: "carol@example.com", PreferredUsername: "carol", Name: "Carol Example", Groups: []string{"developers"}, Extra: map[string]any{}}
	for _, name := range claims {
		u.Extra[name] = []string{"developers"}
		if !strings.Contains(name, "groups") {
			u.Extra[name] = "carol"
		}
	}
	return oidctest.WithUser(u)
}

// withProfile gives a claim for the scope profile, as name is given.
func withProfile(claim string) oidctest.Option {
	return oidctest.EditClaims(func(_ string, claims map[string]any) {
		if claims["name"] == nil {
			delete(claims, claim)
		}
	})
}

// start runs the preset's provider, where somebody registered what it says.
func start(t *testing.T, p Preset) *oidctest.Provider {
	t.Helper()
	register := p.Redirects()
	if register == nil {
		register = []string{"http://localhost"} // oidctest's any port is the provider's
	}
	options := append(peculiar(p.Name), oidctest.Redirects(register...), oidctest.DeviceInterval(1), oidctest.DeviceApprovedAfter(1))
	return oidctest.Start(t, options...)
}

// resolve reads the preset's flags as get-token does.
func resolve(t *testing.T, p Preset, issuer string) *settings.Settings {
	t.Helper()
	flags, err := settings.ParseArgs(append([]string{"get-token", "--oidc-issuer-url=" + issuer, "--oidc-client-id=" + oidctest.ClientID}, p.Args()...))
	if err != nil {
		t.Fatal(err)
	}
	s, err := settings.Resolve(settings.Input{Flags: flags, Files: emptyFiles(t)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// emptyFiles are a machine's without any settings.
func emptyFiles(t *testing.T) *settings.Files {
	t.Helper()
	dir := t.TempDir()
	return &settings.Files{
		User: filepath.Join(dir, "user"), Machine: filepath.Join(dir, "machine"), Policy: filepath.Join(dir, "policy"), Cache: filepath.Join(dir, "cache"),
	}
}

func discover(t *testing.T, p Preset, provider *oidctest.Provider) *login.Client {
	t.Helper()
	s := resolve(t, p, provider.Issuer)
	web, err := httpclient.New(httpclient.Options{Proxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := login.Config{Issuer: s.IssuerURL, ClientID: s.ClientID, Scopes: s.Scopes, ExtraParams: s.ExtraParams, PKCE: s.PKCE, HTTP: web}
	if p.ClientSecret {
		cfg.ClientSecret = secret.New(clientSecret)
	}
	client, err := login.Discover(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// listening returns the redirect URIs that kubecred uses when left alone.
func listening(t *testing.T, p Preset) []string {
	t.Helper()
	var uris []string
	for _, address := range resolve(t, p, "https://issuer.example").ListenAddresses {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		uris = append(uris, "http://localhost:"+port)
	}
	return uris
}

// carrier is the person of login.Paste, with a browser on another machine.
type carrier struct{ address string }

func (c *carrier) Show(text string) {
	for _, word := range strings.Fields(text) {
		if strings.Contains(word, "client_id=") {
			c.address = word
		}
	}
}

func (c *carrier) Ask(ctx context.Context, _ string) (string, error) {
	return oidctest.Browser{}.Callback(ctx, c.address)
}

func (*carrier) Open(context.Context, string) error { return nil }
func (*carrier) Await(string, time.Time) func()     { return func() {} }
func (*carrier) Width() int                         { return 0 }

var errLost = errors.New("something is missing")

// use signs in, renews, and fails where a mapped claim or the renewal is missing.
func use(ctx context.Context, p Preset, client *login.Client, redirect string) error {
	tokens, err := client.Paste(ctx, login.PasteOptions{Person: new(carrier), RedirectURL: redirect})
	if err != nil {
		return err
	}
	return good(ctx, p, client, tokens)
}

func good(ctx context.Context, p Preset, client *login.Client, tokens login.Tokens) error {
	if err := mapped(p, tokens); err != nil {
		return err
	}
	renewed, err := client.Refresh(ctx, tokens.RefreshToken, tokens.Claims.Subject)
	if err != nil {
		return err
	}
	return mapped(p, renewed)
}

func mapped(p Preset, tokens login.Tokens) error {
	if name, _ := tokens.Claims.Raw[p.UsernameClaim].(string); name == "" {
		return errLost
	}
	if groups, _ := tokens.Claims.Raw[p.GroupsClaim].([]any); p.GroupsClaim != "" && len(groups) == 0 {
		return errLost
	}
	return nil
}

func TestPresetsSuffice(t *testing.T) {
	for _, p := range All() {
		t.Run(p.Name, func(t *testing.T) {
			client := discover(t, p, start(t, p))
			for _, redirect := range listening(t, p) {
				if err := use(t.Context(), p, client, redirect); err != nil {
					t.Errorf("%s: %v", redirect, err)
				}
			}
		})
	}
}

// The logins wait together: each waits a second before it polls.
func TestDeviceLogins(t *testing.T) {
	var all sync.WaitGroup
	for _, p := range All() {
		client := discover(t, p, start(t, p))
		all.Go(func() {
			tokens, err := client.Device(t.Context(), login.DeviceOptions{Person: new(carrier)})
			if err == nil {
				err = good(t.Context(), p, client, tokens)
			}
			var none *login.UnsupportedError
			if p.DeviceGrant && err != nil || !p.DeviceGrant && !errors.As(err, &none) {
				t.Errorf("%s: %v", p.Name, err)
			}
		})
	}
	all.Wait()
}

// less returns the preset with one thing of it taken away, by what it was.
func less(p Preset) map[string]Preset {
	all := map[string]Preset{}
	for i, scope := range p.Scopes {
		q := p
		q.Scopes = slices.Delete(slices.Clone(p.Scopes), i, i+1)
		all["scope "+scope] = q
	}
	for name := range p.ExtraParams {
		q := p
		q.ExtraParams = maps.Clone(p.ExtraParams)
		delete(q.ExtraParams, name)
		all["parameter "+name] = q
	}
	for i, port := range p.Ports {
		q := p
		q.Ports = []int{p.Ports[1-i]}
		all["port "+strconv.Itoa(port)] = q
	}
	if p.ClientSecret {
		q := p
		q.ClientSecret = false
		all["secret"] = q
	}
	return all
}

func TestNothingOfAPresetIsTooMuch(t *testing.T) {
	for _, p := range All() {
		for what, q := range less(p) {
			t.Run(p.Name+" without "+what, func(t *testing.T) {
				client := discover(t, q, start(t, q))
				var err error
				for _, redirect := range listening(t, q) {
					err = errors.Join(err, use(t.Context(), q, client, redirect))
				}
				if err == nil {
					t.Error("nothing is missing")
				}
			})
		}
	}
}

// What most providers want, and these refuse.
func TestPresetsAskForNothingThatIsRefused(t *testing.T) {
	for _, name := range []string{"google", "gitlab", "cognito"} {
		p, _ := Named(name)
		p.Scopes = append(p.Scopes, "offline_access")
		err := use(t.Context(), p, discover(t, p, start(t, p)), "http://localhost:8000")
		if err == nil || !strings.Contains(err.Error(), "invalid_scope") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Where the port counts, a port of one's own is to be registered too.
func TestPortsThatCount(t *testing.T) {
	for _, p := range All() {
		err := use(t.Context(), p, discover(t, p, start(t, p)), "http://localhost:40000")
		if counts := p.Ports != nil; (err != nil) != counts {
			t.Errorf("%s, whose port counts: %v: %v", p.Name, counts, err)
		}
	}
}

// PingFederate's setting is among the hints for a reason.
func TestPingFederateWithoutItsHint(t *testing.T) {
	p, _ := Named("ping")
	provider := start(t, p)
	provider.Apply(oidctest.NoIDTokenOnRefresh())
	err := use(t.Context(), p, discover(t, p, provider), "http://localhost:8000")
	var none *login.NoIDTokenError
	if !errors.As(err, &none) {
		t.Errorf("%v", err)
	}
	hint := func(hint string) bool { return strings.Contains(hint, "Return ID Token on Refresh Grant") }
	if !slices.ContainsFunc(p.Hints, hint) {
		t.Error("no hint says so")
	}
}
