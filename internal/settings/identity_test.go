package settings

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// full is an identity with every field set.
func full() identity {
	return identity{
		issuer: "https://issuer.example", client: "kubernetes",
		scopes:      []string{"openid", "email", "groups"},
		params:      map[string]string{"audience": "cluster", "prompt": "login", "acr_values": "2"},
		credential:  "access-token",
		account:     "alice@example.com",
		username:    "alice",
		itself:      true,
		authorities: []string{strings.Repeat("a", 32), strings.Repeat("b", 32)},
		systemRoots: true,
		insecure:    true,
		headers:     map[string]string{"Origin": "localhost", "X-Tenant": "a"},
	}
}

// The encoding is stored on people's machines, as a hash. When this test fails,
// everybody would have to sign in again: add a version rather than change it.
func TestIdentityIsGolden(t *testing.T) {
	want := "kubecred identity 1\n" +
		"6:issuer\n1\n22:https://issuer.example\n" +
		"6:client\n1\n10:kubernetes\n" +
		"6:scopes\n1\n6:openid\n"
	s := mustResolve(t, Input{Flags: usual(t)})
	if got := string(s.Identity()); got != want {
		t.Errorf("the usual identity is\n%s", got)
	}
	id := full()
	sum := sha256.Sum256(id.encode())
	if got := hex.EncodeToString(sum[:]); got != goldenFull {
		t.Errorf("the full identity hashes to %s:\n%s", got, id.encode())
	}
}

const goldenFull = "4ac1f2f5354e0d9d43e2536abc0122b40f7e6ca6d18d41a7822fd164054d08fb"

// Maps and lists in any order are one identity.
func TestIdentityIsStable(t *testing.T) {
	id := full()
	want := string(id.encode())
	for range 10_000 {
		shuffled := full()
		shuffled.params, shuffled.headers = reordered(shuffled.params), reordered(shuffled.headers)
		rand.Shuffle(len(shuffled.scopes), func(i, j int) {
			shuffled.scopes[i], shuffled.scopes[j] = shuffled.scopes[j], shuffled.scopes[i]
		})
		shuffled.scopes = append(shuffled.scopes, shuffled.scopes[0])
		if got := string(shuffled.encode()); got != want {
			t.Fatalf("an order changes the identity:\n%s", got)
		}
	}
}

func reordered(m map[string]string) map[string]string {
	keys := slices.Collect(maps.Keys(m))
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	out := map[string]string{}
	for _, k := range keys {
		out[k] = m[k]
	}
	return out
}

// Every setting that identifies changes the identity, and no other does. The
// table says which is which.
func TestIdentityOfEachSetting(t *testing.T) {
	p := newPlace(t)
	ca, other := certificate(t), certificate(t)
	for name, content := range map[string]string{"ca.pem": ca, "same.pem": "# a comment\n" + ca, "other.pem": other} {
		p.write(p.Home+"/"+name, content)
	}
	base := []string{"--certificate-authority=~/ca.pem"}
	want := string(mustResolve(t, Input{Files: p.Files, Flags: usual(t, base...)}).Identity())
	seen := map[string]string{want: "nothing"}
	changes := map[string]string{
		"oidc-issuer-url": "https://issuer.example/", "oidc-client-id": "other", "oidc-extra-scope": "email",
		"oidc-use-access-token": "true", "oidc-request-header": "X-Tenant=a", "audience": "cluster",
		"account": "alice", "certificate-authority": "~/other.pem", "add-system-roots": "true",
		"insecure-skip-tls-verify": "true", "oidc-auth-request-extra-params": "prompt=login", "username": "alice",

		"oidc-client-secret": "x", "oidc-client-auth-method": "none", "oidc-redirect-url": "http://localhost:9000", "force-refresh": "true",
		"token-cache-dir": "/x", "token-cache-storage": "file", "kernel-keyring": "off", "tls-renegotiation-once": "true", "tls-renegotiation-freely": "true",
		"oidc-pkce-method": "S256", "oidc-use-pkce": "true", "grant-type": "device-code", "listen-address": "localhost:9000",
		"skip-open-browser": "true", "browser-command": "firefox", "authentication-timeout-sec": "1", "password": "x",
		"open-url-after-authentication": "https://x.example", "exec-api-version": "v1beta1", "v": "1",
	}
	for k, s := range table() {
		content, ok := changes[s.name]
		if !ok {
			if s.from&inFlag != 0 && !slices.Contains([]string{"certificate-authority-data", "profile", "local-server-cert", "local-server-key",
				"exchange-url", "exchange-profile", "credential", "exchange-cluster", "imported"}, s.name) {
				t.Errorf("%s has no case here", s.name)
			}
			continue
		}
		flags := usual(t, base...)
		// A repeated flag adds to its list; here it replaces.
		flags.values[k].list = nil
		if err := flags.set(s.name, content); err != nil {
			t.Fatal(err)
		}
		if k == int(keyCA) {
			flags.values[k].list = []string{content}
		}
		got := string(mustResolve(t, Input{Files: p.Files, Flags: flags}).Identity())
		if identifies := s.is&identifying != 0; identifies != (got != want) {
			t.Errorf("%s: identifying is %v:\n%s", s.name, identifies, got)
		}
		if twin, twice := seen[got]; twice && got != want {
			t.Errorf("%s and %s have one identity", s.name, twin)
		}
		seen[got] = s.name
	}
	same := string(mustResolve(t, Input{Files: p.Files, Flags: usual(t, "--certificate-authority=~/same.pem", "--certificate-authority=~/ca.pem")}).Identity())
	if same != want {
		t.Error("one CA, given twice and with a comment, is another identity")
	}
}

// A machine's own credential is not a person's, though the grant as such is
// not part of the identity.
func TestIdentityOfTheClientItself(t *testing.T) {
	person := string(mustResolve(t, Input{Flags: usual(t)}).Identity())
	machine := string(mustResolve(t, Input{Flags: usual(t, "--grant-type=client-credentials")}).Identity())
	if person == machine {
		t.Error("client-credentials shares an entry with a person")
	}
	for _, grant := range []string{"authcode", "authcode-keyboard", "password", "device-code"} {
		if string(mustResolve(t, Input{Flags: usual(t, "--grant-type="+grant)}).Identity()) != person {
			t.Errorf("%s changes the identity", grant)
		}
	}
}

// Values that look like the encoding do not make two identities one.
func TestIdentityIsUnambiguous(t *testing.T) {
	seen := map[string]int{}
	for i, id := range []identity{
		{issuer: "a", client: "b"},
		{issuer: "a\n6:client\n1\n1:b"},
		{issuer: "a", client: "b", scopes: []string{"x", "y"}},
		{issuer: "a", client: "b", scopes: []string{"x\n1:y"}},
		{issuer: "a", client: "b", params: map[string]string{"x": "y"}},
		{issuer: "a", client: "b", headers: map[string]string{"x": "y"}},
		{issuer: "a", client: "b", params: map[string]string{"x": ""}},
		{issuer: "a", client: "b", account: "c"},
		{issuer: "a", client: "b", username: "c"},
	} {
		encoded := string(id.encode())
		if other, twice := seen[encoded]; twice {
			t.Errorf("%d and %d encode alike", i, other)
		}
		seen[encoded] = i
	}
}

func TestLabel(t *testing.T) {
	for label, flags := range map[string][]string{
		"kubernetes at https://issuer.example":                       nil,
		"kubernetes at https://issuer.example for alice":             {"--username=alice"},
		"kubernetes at https://issuer.example for alice@example.com": {"--username=alice", "--account=alice@example.com"},
		"kubernetes at https://issuer.example for the client itself": {"--grant-type=client-credentials"},
	} {
		s := mustResolve(t, Input{Flags: usual(t, flags...)})
		if s.Label() != label || fmt.Sprintf("%+v %#v %s", s, s, s) != label+" "+label+" "+label {
			t.Errorf("label %q, want %q", s.Label(), label)
		}
	}
}
