package owner

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func jwt(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

func read(t *testing.T, payload string) Token {
	t.Helper()
	token, err := ReadToken(jwt(payload))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestReadToken(t *testing.T) {
	token := read(t, `{"iss":"https://i","sub":"u","Sub":"other","aud":["a","b"],"exp":1795521600.9,"jti":"j","groups":["x",1,"y"],"roles":["r"],"amr":["pwd"],"_claim_sources":{"s":{"access_token":"canary"}}}`)
	if token.Text("iss") != "https://i" || token.Text("sub") != "u" || token.Text("exp") != "" || !reflect.DeepEqual(token.List("aud"), []string{"a", "b"}) || token.Time("exp").Unix() != 1795521600 {
		t.Errorf("%v", token)
	}
	want := Said{[]Claim{{"sub", "u"}}, []Claims{{"groups", []string{"x", "y"}}, {"roles", []string{"r"}}}, "https://i", "JTI=j"}
	if got := token.Said(); !reflect.DeepEqual(got, want) {
		t.Errorf("said %+v", got)
	}
	if _, kept := token["_claim_sources"]; kept {
		t.Error("_claim_sources is kept")
	}
	if token := read(t, `{"aud":"one","exp":1e300,"iat":"soon","groups":"g"}`); token.List("aud")[0] != "one" || !token.Time("exp").IsZero() || !token.Time("iat").IsZero() {
		t.Errorf("%v", token)
	}
	for _, text := range []string{"", "opaque", "abcdef.0123456789abcdef", "a.b", "a.b.c", "..", "a.%%.c", jwt("[]"), jwt("null"), jwt("{"), jwt(strings.Repeat(" ", maxToken) + "{}")} {
		if token, err := ReadToken(text); !errors.Is(err, ErrOpaque) {
			t.Errorf("%.20q: %v, %v", text, token, err)
		}
	}
}

func TestOverage(t *testing.T) {
	for payload, want := range map[string]bool{
		`{"_claim_names":{"groups":"src1"}}`: true, `{"hasgroups":true}`: true, `{"hasgroups":"true"}`: true,
		`{"_claim_names":{"address":"src1"}}`: false, `{"hasgroups":false,"_claim_names":[]}`: false, `{}`: false,
	} {
		if got := read(t, payload).Overage(); got != want {
			t.Errorf("%s: %v", payload, got)
		}
	}
}

// certificate is one of a client, made of a template.
func certificate(t *testing.T, edit func(*x509.Certificate)) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0xabc), Subject: pkix.Name{
			CommonName: "alice", Organization: []string{"dev", "ops"},
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: uidType(), Value: "u-1"}},
		},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	edit(template)
	der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestReadCertificate(t *testing.T) {
	leaf := certificate(t, func(*x509.Certificate) {})
	got, err := ReadCertificate(leaf + certificate(t, func(c *x509.Certificate) { c.Subject.CommonName = "another" }))
	if err != nil {
		t.Fatal(err)
	}
	want := Certificate{"alice", []string{"dev", "ops"}, "u-1", "CN=authority", "abc", got.Digest, now.Add(-time.Hour), now.Add(time.Hour), true}
	if !reflect.DeepEqual(got, want) || len(got.Digest) != 64 {
		t.Errorf("%+v", got)
	}
	if said := got.Said(); !reflect.DeepEqual(said, Said{[]Claim{{"CN", "alice"}, {"UID", "u-1"}}, []Claims{{"O", []string{"dev", "ops"}}}, "", "X509SHA256=" + got.Digest}) {
		t.Errorf("%+v", said)
	}
	for _, text := range []string{"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if _, err := ReadCertificate(text); !errors.Is(err, ErrCertificate) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSuspects(t *testing.T) {
	const usual = `"iss":"https://i","aud":"a","email":"e@x","email_verified":true,"sub":"u","iat":1795521600,"exp":1795525200`
	for payload, words := range map[string]string{
		usual:                                                "iss is https://i; aud is a; issuer's keys",
		usual + `,"email_verified":false`:                    "iss is; aud is; email_verified is false; issuer's keys",
		usual + `,"iat":1795525200`:                          "ahead of this machine's clock; iss is; aud is; issuer's keys",
		usual + `,"nbf":1795525200`:                          "ahead of this machine's clock; iss is; aud is; issuer's keys",
		usual + `,"sub":"system:admin"`:                      "iss is; aud is; sub begins with system:; issuer's keys",
		usual + `,"groups":["a","system:x","system:y"]`:      "iss is; aud is; groups has a name with system:; issuer's keys",
		usual + `,"exp":1795780800`:                          "iss is; aud is; exp is 72 hours after iat; issuer's keys",
		`"sub":"u"`:                                          "iss is missing; aud is missing; email and preferred_username are missing; issuer's keys",
		`"iss":"i","aud":["a","b"],"preferred_username":"x"`: "iss is i; aud is a, b; issuer's keys",
	} {
		holds(t, payload, read(t, "{"+payload+"}").Suspects(now), words)
	}
	for words, edit := range map[string]func(*x509.Certificate){
		"authority is CN=authority":                   func(*x509.Certificate) {},
		"has not begun; authority is":                 func(c *x509.Certificate) { c.NotBefore = now.Add(time.Minute) },
		"does not let it be a client's; authority is": func(c *x509.Certificate) { c.ExtKeyUsage = nil },
		"has no CN; authority is":                     func(c *x509.Certificate) { c.Subject.CommonName = "" },
	} {
		c, err := ReadCertificate(certificate(t, edit))
		if err != nil {
			t.Fatal(err)
		}
		holds(t, words, c.Suspects(now), words)
	}
}

// holds asserts that each of texts holds its part of words.
func holds(t *testing.T, name string, texts []string, words string) {
	t.Helper()
	parts := strings.Split(words, "; ")
	if words == "" {
		parts = nil
	}
	if len(parts) != len(texts) {
		t.Errorf("%s: %q, want %q", name, texts, parts)
		return
	}
	for i, part := range parts {
		if !strings.Contains(texts[i], part) {
			t.Errorf("%s: no %q in %q", name, part, texts[i])
		}
	}
}

// A token is whatever its bytes are: reading it ends, and nothing panics.
func FuzzToken(f *testing.F) {
	f.Add([]byte(`{"iss":"i","aud":["a",1],"groups":["g"],"exp":1e99,"_claim_names":{"groups":1}}`))
	f.Add([]byte(`{"sub":null,"email_verified":"no","iat":-1e308}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		token, err := ReadToken(jwt(string(payload)))
		if err != nil {
			return
		}
		said := token.Said()
		if len(said.Groups) > maxLists {
			t.Error("too many lists")
		}
		token.Overage()
		for _, line := range token.Suspects(now) {
			if line == "" {
				t.Error("an empty suspect")
			}
		}
	})
}
