package oidctest

import (
	"encoding/base64"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
)

// spoiled signs in and returns the claims and what go-oidc says.
func spoiled(t *testing.T, p *Provider) (header string, claims map[string]any, verdict error) {
	t.Helper()
	a := post(t, p, pathToken, codeForm(callbackOf(t, p, authRequestForm()).Get("code")))
	raw, ok := a.body["id_token"].(string)
	if !ok || strings.HasPrefix(raw, "not.") {
		return "", nil, fmt.Errorf("no ID token: %v", a.body["id_token"])
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	ctx, provider, _ := thirdParty(t, p)
	_, verdict = provider.Verifier(&oidc.Config{ClientID: ClientID}).Verify(ctx, raw)
	return string(text), claimsIn(t, raw), verdict
}

// TestWrongTokens finds in each exactly the fault that its name says, and
// that go-oidc refuses those it looks at.
func TestWrongTokens(t *testing.T) {
	_, right, verdict := spoiled(t, Start(t))
	if verdict != nil {
		t.Fatal(verdict)
	}
	ours := map[string]bool{ // go-oidc leaves these to its caller
		"aud several without azp": true, "azp another": true, "nonce another": true, "nonce missing": true,
		"at_hash another": true, "sub missing": true, "sub empty": true,
		"iat a day ahead": true, "iat missing": true, "auth_time of 1970": true,
	}
	for name, opt := range WrongTokens() {
		t.Run(name, func(t *testing.T) {
			header, claims, verdict := spoiled(t, Start(t, opt))
			if (verdict == nil) != ours[name] {
				t.Errorf("go-oidc says %v", verdict)
			}
			first, _, _ := strings.Cut(name, " ")
			if _, isClaim := right[first]; !isClaim {
				if first == "alg" && !strings.Contains(header, strings.Fields(name)[1]) {
					t.Errorf("the header is %s", header)
				}
				return
			}
			if reflect.DeepEqual(claims[first], right[first]) {
				t.Errorf("%s is %v as ever", first, claims[first])
			}
			for _, same := range []string{"sub", "aud", "nonce", "email"} {
				if same != first && !reflect.DeepEqual(claims[same], right[same]) {
					t.Errorf("%s is %v too", same, claims[same])
				}
			}
		})
	}
}

func TestNamedFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		opt  Option
		path string
		miss string
	}{
		"no PKCE":       {NoPKCEAdvertised(), pathDiscovery, "code_challenge_methods_supported"},
		"no revocation": {NoRevocation(), pathDiscovery, "revocation_endpoint"},
		"no device":     {NoDeviceEndpoint(), pathDiscovery, "device_authorization_endpoint"},
	} {
		if _, there := get(t, Start(t, tt.opt), tt.path).body[tt.miss]; there {
			t.Errorf("%s: %s is there", name, tt.miss)
		}
		if _, there := get(t, Start(t), tt.path).body[tt.miss]; !there {
			t.Errorf("%s is never there", tt.miss)
		}
	}
	for name, tt := range map[string]struct {
		opt  Option
		miss string
	}{
		"no ID token":      {NoIDToken(), "id_token"},
		"no refresh token": {NoRefreshToken(), "refresh_token"},
		"no expires_in":    {NoExpiresIn(), "expires_in"},
	} {
		if _, there := signedIn(t, Start(t, tt.opt)).body[tt.miss]; there {
			t.Errorf("%s: %s is there", name, tt.miss)
		}
	}
}

func TestDiscoveryLies(t *testing.T) {
	p := Start(t, SlashedIssuer())
	if got := get(t, p, pathDiscovery).text("issuer"); got != p.Issuer+"/" {
		t.Errorf("issuer %q", got)
	}
	p.Apply(Unedited(Discovery), EndpointAt("token_endpoint", "javascript:alert(1)"))
	if got := get(t, p, pathDiscovery); got.text("token_endpoint") != "javascript:alert(1)" || got.text("issuer") != p.Issuer {
		t.Errorf("%v", got.body)
	}
}

func TestRefreshLies(t *testing.T) {
	p := Start(t, NoIDTokenOnRefresh())
	first := signedIn(t, p)
	second := post(t, p, pathToken, refreshForm(first.text("refresh_token")))
	if first.text("id_token") == "" || second.text("id_token") != "" || second.status != 200 {
		t.Errorf("%v, then %v", first.body, second.body)
	}
	p.Apply(Unedited(Token), SubjectChanges())
	third := post(t, p, pathToken, refreshForm(second.text("refresh_token")))
	if claimsIn(t, third.text("id_token"))["sub"] != "someone-else" {
		t.Errorf("%v", third.body)
	}
}

func TestGrowingKeys(t *testing.T) {
	p := Start(t, GrowingKeys(100))
	for i := range 3 {
		if keys, _ := get(t, p, pathJWKS).body["keys"].([]any); len(keys) != 1+100*(i+1) {
			t.Errorf("request %d: %d keys", i+1, len(keys))
		}
	}
}

func TestOddNumbersGoOutAsTheyAre(t *testing.T) {
	for name, value := range OddNumbers() {
		p := Start(t, Set(Device, "interval", value), Set(Token, "expires_in", value))
		if a := post(t, p, pathDevice, deviceForm()); a.status != 200 {
			t.Errorf("%s: %d", name, a.status)
		} else if s, isText := value.(string); isText && a.body["interval"] != s {
			t.Errorf("%s: %v", name, a.body["interval"])
		}
		signedIn(t, p)
	}
}

func TestGoogleDevice(t *testing.T) {
	a := post(t, Start(t, GoogleDevice()), pathDevice, deviceForm())
	if a.text("verification_url") == "" || a.text("verification_uri") != "" || a.text("verification_uri_complete") != "" {
		t.Errorf("%v", a.body)
	}
}

func TestEchoSecrets(t *testing.T) {
	p := Start(t, EchoSecrets())
	a := post(t, p, pathToken, refreshForm("canary"))
	if got := a.text("error_description"); !strings.Contains(got, "canary") || !strings.Contains(got, "\x1b[31m") {
		t.Errorf("%q", got)
	}
}

// TestApplyLeavesEarlierConfigurations: an Option must not write through what
// a running request reads.
func TestApplyLeavesEarlierConfigurations(t *testing.T) {
	p := Start(t, Edit(Token, func(*Answer) {}), Break(Token, Cut()), Claim("a", 1), SetRedirect("a", "b"))
	before := p.config.Load()
	clients, edits, faults := len(before.Clients), len(before.edits[Token]), maps.Clone(before.faults)
	p.Apply(Confidential(AuthPost, "s"), WithClient(Client{ID: "x"}), WithUser(User{Sub: "x"}),
		Edit(Token, func(*Answer) {}), Mend(Token), Honest())
	if len(before.Clients) != clients || before.Clients[0].Secret != "" || len(before.Users) != 2 ||
		len(before.edits[Token]) != edits || len(before.faults) != len(faults) || len(before.claims) != 1 {
		t.Error("the configuration in force was written to")
	}
}
