package ldapexchange

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// asked is the request that an exchange received, and the key it is for.
func asked(t *testing.T, body string) (CredentialRequest, *ecdsa.PublicKey) {
	t.Helper()
	r, err := ParseCredentialRequest([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode([]byte(r.CSR))
	if block == nil || len(rest) > 0 {
		t.Fatalf("the request reads %q", r.CSR)
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err == nil {
		err = csr.CheckSignature()
	}
	if err != nil {
		t.Fatal(err)
	}
	return r, csr.PublicKey.(*ecdsa.PublicKey)
}

// issuing answers each request with the certificate that template describes.
func issuing(t *testing.T, template func() *x509.Certificate, end time.Time) *exchange {
	ca := newAuthority(t)
	var x *exchange
	x = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, public := asked(t, x.bodies[len(x.bodies)-1])
		body, err := EncodeCertificate(ca.sign(t, template(), public), end)
		if err != nil {
			t.Error(err)
		}
		w.Write(body)
	})
	return x
}

// The key is made here, stays here, and fits the certificate.
func TestCertify(t *testing.T) {
	x := issuing(t, client, start.Add(time.Hour))
	for name, by := range map[string]Proof{"Basic YWxpY2U6cHc=": mustProof(t, "alice", "pw"), "Bearer access": Bearer(secret.New("access"))} {
		key := mustKey(t)
		got, err := x.Certify(t.Context(), x.CredentialsURL(), by, key, "prod")
		if err != nil || got.Name != "alice" || got.Groups != 2 || !got.Expiry.Equal(start.Add(time.Hour)) {
			t.Fatalf("%+v, %v", got, err)
		}
		private, err := key.PEM()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tls.X509KeyPair([]byte(got.Chain), []byte(private.Reveal())); err != nil {
			t.Error(err)
		}
		r, body := x.requests[len(x.requests)-1], x.bodies[len(x.bodies)-1]
		if r.Method != http.MethodPost || r.URL.Path != "/v1/credentials" || r.Header.Get("Authorization") != name || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		if strings.Contains(body, "PRIVATE") {
			t.Error("the key was sent")
		}
		if request, _ := asked(t, body); request.Cluster != "prod" || request.Lifetime != 0 {
			t.Errorf("asked for %+v", request)
		}
	}
}

// The earlier end counts.
func TestCertificateEnds(t *testing.T) {
	for end, want := range map[time.Time]time.Time{
		start.Add(30 * time.Minute): start.Add(30 * time.Minute),
		start.Add(9 * time.Hour):    start.Add(time.Hour),
	} {
		x := issuing(t, client, end)
		got, err := x.Certify(t.Context(), x.CredentialsURL(), mustProof(t, "alice", "pw"), mustKey(t), "prod")
		if err != nil || !got.Expiry.Equal(want) {
			t.Errorf("until %v, %v", got.Expiry, err)
		}
	}
}

// A certificate that would not work, or that does more than it should, is not
// handed out.
func TestCertificatesThatAreRefused(t *testing.T) {
	for says, edit := range map[string]func(*x509.Certificate){
		"an authority's":              func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true },
		"not a client's":              func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} },
		"does not say whom it is for": func(c *x509.Certificate) { c.Subject = pkix.Name{} },
		"begins 10m0s from now":       func(c *x509.Certificate) { c.NotBefore = start.Add(10 * time.Minute) },
		"ended 1s ago":                func(c *x509.Certificate) { c.NotAfter = start.Add(-time.Second) },
	} {
		x := issuing(t, func() *x509.Certificate { c := client(); edit(c); return c }, start.Add(time.Hour))
		_, err := x.Certify(t.Context(), x.CredentialsURL(), mustProof(t, "alice", "pw"), mustKey(t), "prod")
		if e := wantError[*AnswerError](t, err); !strings.Contains(e.Error(), says) {
			t.Errorf("%q: %v", says, e)
		}
	}
}

func TestNativeAnswersThatAreNone(t *testing.T) {
	ca, key := newAuthority(t), mustKey(t)
	good := ca.sign(t, client(), key.private.Public())
	other := ca.sign(t, client(), mustKey(t).private.Public())
	answer := func(chain string) string {
		body, err := EncodeCertificate(chain, start.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	for name, body := range map[string]string{
		"nothing":          "",
		"a page":           "<html>canary",
		"no certificate":   answer(""),
		"a token":          `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"canary"}}`,
		"another's":        answer(other),
		"another's first":  answer(other + good),
		"no PEM":           answer("canary"),
		"a key beside it":  answer(good + "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n"),
		"text behind it":   answer(good + "canary"),
		"no DER":           answer("-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n"),
		"a long chain":     answer(strings.Repeat(good, maxChain+1)),
		"a key of its own": strings.Replace(answer(good), `"clientCertificateData"`, `"clientKeyData":"canary","clientCertificateData"`, 1),
		"an end in the past": func() string {
			body, _ := EncodeCertificate(good, start)
			return string(body)
		}(),
	} {
		_, err := readCertificate([]byte(body), key, start)
		if e := wantError[*AnswerError](t, err); strings.Contains(e.Error(), "canary") {
			t.Errorf("%s: %v", name, e)
		}
	}
	if got, err := readCertificate([]byte(answer("\n"+good+other+"\n")), key, start); err != nil || got.Chain != good+other {
		t.Errorf("a chain: %q, %v", got.Chain, err)
	}
}

// An access token that is refused is not a wrong password.
func TestRefusedAccessToken(t *testing.T) {
	x := serve(t, says(401, `{"error":"invalid_token","error_description":"canary has ended"}`))
	_, err := x.Certify(t.Context(), x.CredentialsURL(), Bearer(secret.New("canary")), mustKey(t), "prod")
	if e := wantError[*RefusedError](t, err); e.Status != 401 || strings.Contains(e.Error(), "canary") {
		t.Error(e)
	}
}

func TestKeyIsNotShown(t *testing.T) {
	key := mustKey(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if shown := fmt.Sprintf(verb, key); shown != secret.Redacted {
			t.Errorf("%s shows %s", verb, shown)
		}
	}
	text, err := key.PEM()
	if err != nil || text.String() != secret.Redacted {
		t.Errorf("%v, %v", text, err)
	}
}

func FuzzReadCertificate(f *testing.F) {
	key := mustKey(f)
	f.Add([]byte(`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"clientCertificateData":"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, err := readCertificate(body, key, start); err == nil {
			t.Errorf("%q became %+v: nobody signed for this key", body, got)
		}
	})
}
