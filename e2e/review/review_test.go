package review

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	apiserver "k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	webhookutil "k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/webhook"
	"k8s.io/client-go/rest"
)

// apiAudiences is what every kubeadm cluster calls itself.
var apiAudiences = authenticator.Audiences{"https://kubernetes.default.svc.cluster.local"}

var versions = []string{"v1", "v1beta1"}

func (e *exchange) http() *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(e.ca)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}, Timeout: 20 * time.Second}
}

// webhook is the API server's own, as its flags make it.
func (e *exchange) webhook(cluster, version, token string) authenticator.Token {
	e.t.Helper()
	config := &rest.Config{Host: e.url + "/v1/clusters/" + cluster + "/tokenreview", BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: e.ca}}
	backoff := webhookutil.DefaultRetryBackoffWithInitialDelay(500 * time.Millisecond)
	made, err := webhook.New(config, version, apiAudiences, backoff)
	if err != nil {
		e.t.Fatal(err)
	}
	return made
}

// asked is one question to an authenticator.
type asked struct {
	response *authenticator.Response
	ok       bool
	err      error
	took     time.Duration
	requests int
}

func (e *exchange) ask(by authenticator.Token, token string) asked {
	before, begin := e.requests.Load(), time.Now()
	ctx := authenticator.WithAudiences(context.Background(), apiAudiences)
	response, ok, err := by.AuthenticateToken(ctx, token)
	return asked{response, ok, err, time.Since(begin), int(e.requests.Load() - before)}
}

// What a review says of a person is what the API server's own authenticator
// makes of the same token, found through discovery and the published keys.
func TestReviewIsTheAPIServersOwnView(t *testing.T) {
	e := newExchange(t)
	token := e.login(e.http(), audience).ID
	own := e.ask(e.jwt(), token)
	if !own.ok || own.err != nil {
		t.Fatalf("the API server refuses the token itself: %v", own.err)
	}
	for _, version := range versions {
		got := e.ask(e.webhook("a", version, caller), token)
		if !got.ok || got.err != nil || got.requests != 1 {
			t.Fatalf("%s: %+v", version, got)
		}
		if !reflect.DeepEqual(got.response.User, own.response.User) {
			t.Errorf("%s: %+v; the API server says %+v", version, got.response.User, own.response.User)
		}
		if !reflect.DeepEqual(got.response.Audiences, apiAudiences) {
			t.Errorf("%s: audiences %v", version, got.response.Audiences)
		}
		who := got.response.User
		if who.GetName() != username || who.GetUID() != "5f3c-entry-uuid" || !reflect.DeepEqual(who.GetGroups(), groups) ||
			!strings.HasPrefix(strings.Join(who.GetExtra()[user.CredentialIDKey], " "), "JTI=") {
			t.Errorf("%s: %+v", version, who)
		}
	}
}

// jwt is the authenticator that AuthenticationConfiguration makes, with the
// mappings that the documentation shows.
func (e *exchange) jwt() authenticator.Token {
	e.t.Helper()
	ca, err := dynamiccertificates.NewStaticCAContent("exchange", e.ca)
	if err != nil {
		e.t.Fatal(err)
	}
	none := ""
	ctx, cancel := context.WithCancel(context.Background())
	e.t.Cleanup(cancel)
	made, err := oidc.New(ctx, oidc.Options{
		JWTAuthenticator: apiserver.JWTAuthenticator{
			Issuer: apiserver.Issuer{URL: e.url, Audiences: []string{audience}, CertificateAuthority: string(e.ca)},
			ClaimMappings: apiserver.ClaimMappings{
				Username: apiserver.PrefixedClaimOrExpression{Claim: "preferred_username", Prefix: &none},
				Groups:   apiserver.PrefixedClaimOrExpression{Claim: "groups", Prefix: &none},
				UID:      apiserver.ClaimOrExpression{Claim: "sub"},
			},
		},
		CAContentProvider:    ca,
		SupportedSigningAlgs: []string{"RS256", "ES256"},
	})
	if err != nil {
		e.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); made.HealthCheck() != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			e.t.Fatalf("the API server cannot use discovery: %v", made.HealthCheck())
		}
	}
	return made
}

// A refusal is a plain "no": one request, no error, which the API server may
// cache.
func TestReviewRefuses(t *testing.T) {
	e := newExchange(t)
	a, b := e.login(e.http(), audience), e.login(e.http(), "cluster-b")
	for name, token := range map[string]string{
		"a token for cluster B":     b.ID,
		"a token for the client":    e.login(e.http(), client).ID,
		"an access token":           a.Access,
		"a refresh token":           a.Refresh,
		"a signature that is wrong": a.ID[:len(a.ID)-4] + "AAAA",
		"nonsense":                  "nonsense",
		"a token too large":         strings.Repeat("x", 20<<10) + ".x.x",
	} {
		for _, version := range versions {
			got := e.ask(e.webhook("a", version, caller), token)
			if got.ok || got.err != nil || got.requests != 1 {
				t.Errorf("%s, %s: %+v", name, version, got)
			}
		}
	}
	if got := e.ask(e.jwt(), b.ID); got.ok {
		t.Error("the API server of cluster A takes a token for cluster B")
	}
	e.rooms.revoked.Store(true)
	if got := e.ask(e.webhook("a", "v1", caller), a.ID); got.ok || got.err != nil {
		t.Errorf("a revoked token: %+v", got)
	}
}

// What cannot be answered is an error at once. With Retry-After the API server
// would ask for half a minute, and with 500 or 429 five times.
func TestReviewThatCannotBeAnswered(t *testing.T) {
	e := newExchange(t)
	token := e.login(e.http(), audience).ID
	for name, test := range map[string]struct {
		cluster, caller, token string
		away                   bool
	}{
		"the store is away":     {"a", caller, token, true},
		"the caller is unknown": {"a", "other", token, false},
		"so is the cluster":     {"x", caller, token, false},
		"a body too large":      {"a", caller, strings.Repeat("x", 100<<10), false},
	} {
		for _, version := range versions {
			e.rooms.away.Store(test.away)
			got := e.ask(e.webhook(test.cluster, version, test.caller), test.token)
			if got.ok || got.err == nil || got.requests != 1 || got.took > 400*time.Millisecond {
				t.Errorf("%s, %s: %+v", name, version, got)
			}
			if got.err != nil && (strings.Contains(got.err.Error(), "disk full") || strings.Contains(got.err.Error(), test.token)) {
				t.Errorf("%s: the API server's log would hold %v", name, got.err)
			}
		}
	}
	e.rooms.away.Store(false)
	if got := e.ask(e.webhook("a", "v1", caller), token); !got.ok {
		t.Errorf("the store is back: %+v", got)
	}
}
