package settings

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

const exchangeFlag = "--exchange-url=https://exchange.example"

func atExchange(t *testing.T, more ...string) Input {
	t.Helper()
	return Input{Flags: args(t, append([]string{exchangeFlag}, more...)...)}
}

func TestExchange(t *testing.T) {
	s := mustResolve(t, atExchange(t))
	if s.IssuerURL != "https://exchange.example" || s.ClientID != "kubernetes" || s.Exchange != ExchangeOAuth2 || s.Certificate ||
		s.Grant != GrantPassword || s.IssuerVouched || s.IssuerSource.Name != "--exchange-url" {
		t.Errorf("%+v", *s)
	}
	s = mustResolve(t, atExchange(t, "--exchange-profile=native", "--exchange-cluster=prod", "--username=alice", "--oidc-client-id=mine"))
	if s.Exchange != ExchangeNative || !s.Certificate || s.Cluster != "prod" || s.Username != "alice" || s.ClientID != "mine" {
		t.Errorf("%+v", *s)
	}
	s = mustResolve(t, atExchange(t, "--credential=certificate", "--exchange-cluster=prod", "--grant-type=password"))
	if s.Exchange != ExchangeOAuth2 || !s.Certificate {
		t.Errorf("%+v", *s)
	}
	if s = mustResolve(t, atExchange(t, "--exchange-profile=basic", "--credential=token")); s.Exchange != ExchangeBasic || s.Certificate {
		t.Errorf("%+v", *s)
	}
}

// Each setting arrives from each source that may give it.
func TestExchangeFromEverySource(t *testing.T) {
	p := newPlace(t)
	p.write(p.User, "profiles:\n  corp:\n    exchange-url: https://exchange.example\n    exchange-profile: native\n    credential: certificate\n    exchange-cluster: prod\n    password-file: pw\n")
	flags := []string{exchangeFlag, "--exchange-profile=native", "--credential=certificate", "--exchange-cluster=prod"}
	for from, in := range map[SourceKind]Input{
		FromFlag:       {Flags: args(t, flags...)},
		FromKubeconfig: {Kubeconfig: args(t, flags...)},
		FromVariable: {Variable: env("KUBECRED_EXCHANGE_URL", "https://exchange.example", "KUBECRED_EXCHANGE_PROFILE", "native",
			"KUBECRED_CREDENTIAL", "certificate", "KUBECRED_EXCHANGE_CLUSTER", "prod")},
		FromProfile: {Flags: args(t, "--profile=corp")},
	} {
		in.Files = p.Files
		all, err := Explain(in)
		if err != nil {
			t.Fatalf("%s: %v", from, err)
		}
		want := map[string]string{"exchange-url": "https://exchange.example", "exchange-profile": "native", "credential": "certificate", "exchange-cluster": "prod"}
		for _, e := range all {
			if value, ok := want[e.Setting]; ok && (e.Value != value || e.Source.Kind != from) {
				t.Errorf("%s: %s is %q from %v", from, e.Setting, e.Value, e.Source)
			}
		}
	}
	s := mustResolve(t, Input{Files: p.Files, Flags: args(t, "--profile=corp")})
	if !s.IssuerVouched || s.Password.File == "" {
		t.Errorf("vouched %v, password %v", s.IssuerVouched, s.Password.File)
	}
}

// Credentials go to one address, and it brings its own client, secret and CA.
func TestExchangeIsTheBundle(t *testing.T) {
	p := newPlace(t)
	p.write(p.User, "profiles:\n  corp:\n    exchange-url: https://exchange.example\n    password-file: pw\n"+
		"  idp:\n    oidc-issuer-url: https://issuer.example\n    oidc-client-id: mine\n    oidc-client-secret-file: secret\n    password-file: pw\n")
	mustRefuse(t, atExchange(t, issuerFlag, clientFlag), Invalid, "exchange-url")
	mustRefuse(t, Input{Files: p.Files, Flags: args(t, "--profile=corp", "--exchange-profile=basic")}, Mixed, "exchange-profile")
	mustRefuse(t, Input{Files: p.Files, Flags: args(t, "--profile=corp", "--insecure-skip-tls-verify")}, Mixed, "insecure-skip-tls-verify")
	// A kubeconfig's exchange gets nothing that is the profile's issuer's, nor the other way round.
	for _, flags := range [][]string{{"--profile=corp", issuerFlag, clientFlag}, {"--profile=idp", exchangeFlag}, {"--profile=corp", "--exchange-url=https://evil.example"}} {
		s := mustResolve(t, Input{Files: p.Files, Flags: args(t, flags...)})
		if !s.Password.Empty() || !s.ClientSecret.Empty() || s.IssuerVouched || s.ClientID != "kubernetes" {
			t.Errorf("%v: password %v, secret %v, client %s", flags, s.Password, s.ClientSecret, s.ClientID)
		}
	}
	// What depends on the cluster may come from its kubeconfig.
	s := mustResolve(t, Input{Files: p.Files, Flags: args(t, "--profile=corp", "--credential=certificate", "--exchange-cluster=prod")})
	if !s.Certificate || s.Cluster != "prod" || !s.IssuerVouched {
		t.Errorf("%+v", *s)
	}
}

// A password in a variable is bound to an exchange as it is to an issuer.
func TestExchangeAndSecretInVariable(t *testing.T) {
	with := func(in Input, password string) Input {
		in.Variable = env("KUBECRED_PASSWORD", password)
		return in
	}
	if s := mustResolve(t, with(atExchange(t), "https://exchange.example "+canary)); s.Password.Text.Reveal() != canary {
		t.Errorf("password %v", s.Password)
	}
	if s := mustResolve(t, with(atExchange(t), "https://other.example "+canary)); !s.Password.Empty() {
		t.Error("another's password is taken")
	}
	mustRefuse(t, with(atExchange(t), canary), Unbound, "password")
	mustRefuse(t, with(atExchange(t, "--insecure-skip-tls-verify"), "https://exchange.example "+canary), Unbound, "password")
}

func TestExchangeContradictions(t *testing.T) {
	basic, native := "--exchange-profile=basic", "--exchange-profile=native"
	const cluster, certificate = "--exchange-cluster=prod", "--credential=certificate"
	for _, test := range []struct {
		setting string
		problem Problem
		flags   []string
	}{
		{"exchange-profile", Invalid, []string{"--exchange-profile=ldap"}},
		{"credential", Invalid, []string{"--credential=key"}},
		{"exchange-cluster", Invalid, []string{certificate, "--exchange-cluster=../x"}},
		{"exchange-cluster", Invalid, []string{cluster}},
		{"exchange-cluster", Missing, []string{certificate}},
		{"exchange-cluster", Missing, []string{native}},
		{"credential", Invalid, []string{basic, certificate, cluster}},
		{"credential", Invalid, []string{native, "--credential=token", cluster}},
		{"oidc-use-access-token", Invalid, []string{certificate, cluster, "--oidc-use-access-token"}},
		{"grant-type", Invalid, []string{"--grant-type=device-code"}},
		{"audience", Invalid, []string{basic, "--audience=prod"}},
		{"oidc-extra-scope", Invalid, []string{basic, "--oidc-extra-scope=groups"}},
		{"account", Invalid, []string{native, cluster, "--account=alice"}},
		{"oidc-auth-request-extra-params", Invalid, []string{native, cluster, "--oidc-auth-request-extra-params=a=b"}},
		{"exchange-url", Invalid, []string{"--exchange-url=http://exchange.example"}},
	} {
		mustRefuse(t, atExchange(t, test.flags...), test.problem, test.setting)
	}
	for setting, flag := range map[string]string{"exchange-profile": basic, "credential": certificate, "exchange-cluster": cluster} {
		mustRefuse(t, Input{Flags: usual(t, flag)}, Invalid, setting)
	}
}

// Once the policy has one of the two lists, what is in neither may not be used.
func TestPolicyExchanges(t *testing.T) {
	for policy, want := range map[string][2]bool{
		"deny-insecure: true\n":                                                        {true, true},
		"issuers: [https://issuer.example]\n":                                          {true, false},
		"exchanges: [https://exchange.example]\n":                                      {false, true},
		"issuers: [https://exchange.example]\n":                                        {false, false},
		"issuers: [https://issuer.example]\nexchanges: ['https://*.corp.example']\n":   {true, false},
		"issuers: ['https://*.corp.example']\nexchanges: [https://exchange.example]\n": {false, true},
	} {
		p := policyPlace(t, policy)
		for i, in := range []Input{{Flags: usual(t)}, atExchange(t)} {
			in.Files = p.Files
			if want[i] {
				mustResolve(t, in)
				continue
			}
			mustRefuse(t, in, Denied, []string{"oidc-issuer-url", "exchange-url"}[i])
		}
	}
	// The list vouches, as that of the issuers does.
	p := policyPlace(t, "exchanges: ['https://*.corp.example']\n")
	in := Input{Files: p.Files, Flags: args(t, "--exchange-url=https://x.corp.example"), Variable: env("KUBECRED_PASSWORD", canary)}
	if s := mustResolve(t, in); !s.IssuerVouched || s.Password.Empty() {
		t.Errorf("vouched %v, password %v", s.IssuerVouched, s.Password)
	}
	p = policyPlace(t, "deny-grants: [password]\n")
	in = atExchange(t)
	in.Files = p.Files
	mustRefuse(t, in, Denied, "exchange-url")
	p = policyPlace(t, "exchanges: []\n")
	in.Files = p.Files
	mustRefuse(t, in, Invalid, "")
}

// Each of an exchange's settings makes another entry, and none is a provider's.
func TestIdentityOfExchanges(t *testing.T) {
	seen := map[string]string{}
	add := func(name string, in Input) {
		id := string(mustResolve(t, in).Identity())
		if twin, twice := seen[id]; twice {
			t.Errorf("%s and %s are one entry", name, twin)
		}
		seen[id] = name
	}
	add("a provider", Input{Flags: args(t, "--oidc-issuer-url=https://exchange.example", clientFlag)})
	add("oauth2", atExchange(t))
	add("basic", atExchange(t, "--exchange-profile=basic"))
	add("native", atExchange(t, "--exchange-profile=native", "--exchange-cluster=a"))
	add("a certificate", atExchange(t, "--credential=certificate", "--exchange-cluster=a"))
	add("another cluster's", atExchange(t, "--credential=certificate", "--exchange-cluster=b"))
	add("an audience", atExchange(t, "--audience=a"))
	add("a user name", atExchange(t, "--username=alice"))
	add("an account", atExchange(t, "--account=alice"))
	same := string(mustResolve(t, atExchange(t, "--credential=token", "--exchange-profile=oauth2", clientFlag, "--grant-type=password")).Identity())
	if seen[same] != "oauth2" {
		t.Errorf("what is the default changes the identity:\n%s", same)
	}
	sum := sha256.Sum256(mustResolve(t, atExchange(t, "--credential=certificate", "--exchange-cluster=a", "--username=alice")).Identity())
	if got := hex.EncodeToString(sum[:]); got != goldenExchange {
		t.Errorf("the identity of an exchange hashes to %s", got)
	}
}

const goldenExchange = "77279464d34d561397195cb85290ccaa8aa3b0f7b8a8c9a301c47dd306bd7423"
