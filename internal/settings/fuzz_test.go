package settings

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"unicode"
)

// emptyPlace is a machine without any file.
func emptyPlace() *Files {
	return &Files{
		Home: "/home/u", User: "/home/u/config.yaml", Machine: "/etc/config.yaml", Policy: "/etc/policy.yaml", Cache: "/home/u/cache",
		open: func(string) (*os.File, error) { return nil, fs.ErrNotExist },
	}
}

// checkError holds for every error, whatever the input: it is typed, and a
// terminal may show it.
func checkError(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("an error of type %T: %v", err, err)
	}
	if err != nil && strings.ContainsFunc(err.Error(), unicode.IsControl) {
		t.Fatalf("the error holds control characters: %q", err)
	}
}

// checkSettings holds for everything that was resolved.
func checkSettings(t *testing.T, s *Settings) {
	t.Helper()
	if !strings.HasPrefix(s.IssuerURL, "https://") && !strings.HasPrefix(s.IssuerURL, "http://") {
		t.Fatalf("issuer %q", s.IssuerURL)
	}
	if s.Identity() == nil || s.Scopes[0] != "openid" || strings.ContainsFunc(s.Label(), unicode.IsControl) {
		t.Fatalf("label %q, scopes %q", s.Label(), s.Scopes)
	}
	for name := range s.ExtraParams {
		if strings.EqualFold(name, "state") || strings.EqualFold(name, "nonce") {
			t.Fatalf("parameter %q", name)
		}
	}
}

func FuzzArgs(f *testing.F) {
	f.Add("get-token\x00" + issuerFlag + "\x00" + clientFlag)
	f.Add(issuerFlag + "\x00" + clientFlag + "\x00--oidc-extra-scope=a,\"b\"\x00--oidc-request-header=A=b,C=d\x00-v1")
	f.Add(issuerFlag + "\x00" + clientFlag + "\x00--oidc-auth-request-extra-params=a=b=c\x00--listen-address=[::1]:1\x00--")
	f.Fuzz(func(t *testing.T, line string) {
		flags, err := ParseArgs(strings.Split(line, "\x00"))
		checkError(t, err)
		if err != nil {
			return
		}
		in := Input{Flags: flags, Files: emptyPlace()}
		s, err := Resolve(in)
		checkError(t, err)
		if err == nil {
			checkSettings(t, s)
		}
		_, again := Explain(in)
		if (again == nil) != (err == nil) {
			t.Fatalf("Explain: %v, Resolve: %v", again, err)
		}
	})
}

func FuzzVariable(f *testing.F) {
	f.Add("KUBECRED_OIDC_CLIENT_SECRET", "https://issuer.example secret")
	f.Add("KUBECRED_OIDC_REQUEST_HEADER", "a=b,\"c=d\"")
	f.Add("KUBECRED_LISTEN_ADDRESS", "localhost:1,localhost:2")
	f.Fuzz(func(t *testing.T, name, content string) {
		flags, err := ParseArgs([]string{issuerFlag, clientFlag, "--username=u"})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Resolve(Input{Flags: flags, Variable: env(name, content), Files: emptyPlace()})
		checkError(t, err)
		if err != nil {
			return
		}
		checkSettings(t, s)
		bound := strings.HasPrefix(content, "https://issuer.example ")
		if !bound && (!s.ClientSecret.Empty() || !s.Password.Empty()) {
			t.Fatalf("%s=%q gave a secret to an issuer that nothing vouches for", name, content)
		}
	})
}

func FuzzProfile(f *testing.F) {
	f.Add([]byte(corporate))
	f.Add([]byte("profiles: &a {p: {oidc-extra-scope: [a], oidc-request-header: {a: b}}}"))
	f.Add([]byte("%YAML 1.2\n---\nprofiles:\n  ? p\n  : !!map {}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		values := map[key]value{}
		found, err := readProfile(data, "p", values, table())
		checkError(t, err)
		for k := range values {
			if table()[k].from&inProfile == 0 || !found {
				t.Fatalf("%s was taken from a profile", table()[k].name)
			}
		}
	})
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte("issuers: [https://a.example, 'https://*.corp.example']\ndeny-grants: [password]\n"))
	f.Add([]byte("token-cache-storage: file\nproxy: none\ndeny-insecure: true\n"))
	f.Add([]byte("issuers: ['https://*.*']"))
	f.Add([]byte("exchanges: [https://x.example]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &policy{}
		err := p.parse(data)
		checkError(t, err)
		for _, e := range []Exchange{"", ExchangeOAuth2, ExchangeNative} {
			limited := p.issuers != nil || p.exchanges != nil
			if err == nil && limited && p.allows("https://unheard-of.test", e) && !strings.Contains(string(data), "unheard-of") {
				t.Fatalf("the policy %q allows what it does not name", data)
			}
		}
	})
}

func FuzzExtension(f *testing.F) {
	f.Add([]byte(`{"audience": "a", "scopes": ["b"], "profile": "c"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := extension(raw)
		checkError(t, err)
		for k := range l.values {
			if table()[k].from&inCluster == 0 {
				t.Fatalf("the extension set %s", table()[k].name)
			}
		}
	})
}

func FuzzCA(f *testing.F) {
	f.Add([]byte(certificate(f)), []byte("-----BEGIN CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		var a, b authorities
		if a.add(one) != nil || a.add(two) != nil || b.add(two) != nil || b.add(one) != nil {
			return
		}
		if strings.Join(a.digests(), "") != strings.Join(b.digests(), "") {
			t.Fatal("the order of two files changes the identity")
		}
	})
}
