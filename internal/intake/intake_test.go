package intake

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/secret"
)

// jwt is a token with a payload, signed by nobody.
func jwt(payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(payload)) + ".c2ln"
}

func TestToken(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		kind   Kind
		who    string
		expiry int64
	}{
		"static":                       {"a-static/token+=", StaticToken, "", 0},
		"bootstrap":                    {"abc123.0123456789abcdef", BootstrapToken, "system:bootstrap:abc123", 0},
		"nearly bootstrap":             {"ABC123.0123456789abcdef", StaticToken, "", 0},
		"a bootstrap too long":         {"abc123.0123456789abcdef0", StaticToken, "", 0},
		"service account":              {jwt(`{"sub":"system:serviceaccount:ns:robot","exp":1900000000}`), ServiceAccountToken, "system:serviceaccount:ns:robot", 1900000000},
		"service account without end":  {jwt(`{"sub":"system:serviceaccount:ns:robot"}`), ServiceAccountToken, "system:serviceaccount:ns:robot", 0},
		"another JWT":                  {jwt(`{"sub":"u1","email":"a@example.com","exp":1900000000.7}`), SignedToken, "a@example.com", 1900000000},
		"an end of another shape":      {jwt(`{"sub":"u1","exp":"tomorrow"}`), SignedToken, "u1", 0},
		"an end beyond all calendars":  {jwt(`{"sub":"u1","exp":1e300}`), SignedToken, "u1", 0},
		"an end before all":            {jwt(`{"sub":"u1","exp":-5}`), SignedToken, "u1", 0},
		"a subject of another shape":   {jwt(`{"sub":{"a":1},"exp":1900000000}`), SignedToken, "", 1900000000},
		"dots without a JWT":           {"a.b.c", StaticToken, "", 0},
		"a payload that is no object":  {jwt(`[1]`), StaticToken, "", 0},
		"a payload that is cut":        {jwt(`{"exp":`), StaticToken, "", 0},
		"a payload with too many ends": {jwt(`{"exp":1,"exp":1900000000}`), SignedToken, "", 1900000000},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Token(c.text)
			if err != nil || got.Kind != c.kind || got.Who != c.who || got.Token.Reveal() != c.text {
				t.Fatalf("%+v, %v", got, err)
			}
			if end := got.Expiry; (c.expiry == 0) != end.IsZero() || c.expiry != 0 && end.Unix() != c.expiry {
				t.Errorf("ends %v", end)
			}
		})
	}
}

func TestTokenIsRefused(t *testing.T) {
	for text, want := range map[string]error{
		"Bearer canary": ErrToken, "canary\n": ErrToken, "canary\x00": ErrToken, "cänary": ErrToken,
		strings.Repeat("x", maxCredential+1): ErrTooLong,
	} {
		if c, err := Token(text); !errors.Is(err, want) || strings.Contains(err.Error(), "canary") || !c.Empty() {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// pair is a certificate and its key, as PEM.
func pair(t testing.TB, name string, ends time.Time) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: ends.Add(-time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
}

func TestCertificate(t *testing.T) {
	ends := time.Now().Add(time.Hour).Truncate(time.Second)
	certificate, key := pair(t, "admin", ends)
	parameters := []byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n")
	for name, c := range map[string][2][]byte{
		"plain":                {certificate, key},
		"with text around":     {slices.Concat([]byte("subject=x\n"), certificate, []byte("issuer=y\n")), slices.Concat(parameters, key, []byte("# end"))},
		"both in the one":      {slices.Concat(key, certificate), slices.Concat(certificate, key)},
		"with other line ends": {bytes.ReplaceAll(certificate, []byte("\n"), []byte("\r\n")), key},
		"a chain":              {slices.Concat(certificate, certificate), key},
	} {
		got, err := Certificate(c[0], c[1])
		if err != nil || got.Kind != ClientCertificate || got.Who != "admin" || !got.Expiry.Equal(ends) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if !strings.HasPrefix(got.Certificate, string(certificate)) || got.Key.Reveal() != string(key) {
			t.Errorf("%s: not the PEM alone", name)
		}
	}
}

func TestCertificateIsRefused(t *testing.T) {
	certificate, key := pair(t, "admin", time.Now().Add(time.Hour))
	_, other := pair(t, "other", time.Now().Add(time.Hour))
	block, _ := pem.Decode(key)
	pkcs8 := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: block.Bytes})
	legacy := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: block.Bytes})
	for name, c := range map[string]struct {
		certificate, key []byte
		want             error
	}{
		"no key":               {certificate, nil, ErrHalfPair},
		"no certificate":       {nil, key, ErrHalfPair},
		"another key":          {certificate, other, ErrMismatch},
		"encrypted, PKCS #8":   {certificate, pkcs8, ErrEncryptedKey},
		"encrypted, RFC 1423":  {certificate, legacy, ErrEncryptedKey},
		"a certificate as key": {certificate, certificate, ErrKey},
		"a key as certificate": {key, key, ErrCertificate},
		"damaged certificate":  {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), key, ErrCertificate},
		"damaged key":          {certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}), ErrKey},
		"DER":                  {block.Bytes, key, ErrCertificate},
		"long":                 {bytes.Repeat(certificate, 1+maxCredential/len(certificate)), key, ErrTooLong},
	} {
		if got, err := Certificate(c.certificate, c.key); !errors.Is(err, c.want) || !got.Empty() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// texts wraps what an auth-provider's config holds.
func texts(pairs ...string) map[string]secret.Text {
	m := map[string]secret.Text{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = secret.New(pairs[i+1])
	}
	return m
}

func TestLegacyOIDC(t *testing.T) {
	token := jwt(`{"sub":"u1","email":"a@example.com","exp":1900000000}`)
	p, err := LegacyOIDC(texts("idp-issuer-url", "https://i.example", "client-id", "c", "client-secret", "canary-s",
		"refresh-token", "canary-r", "id-token", token, "extra-scopes", "email, groups,openid,", "idp-certificate-authority", "/ca.pem"))
	want := []string{"get-token", "--oidc-issuer-url=https://i.example", "--oidc-client-id=c", "--oidc-extra-scope=email", "--oidc-extra-scope=groups", "--certificate-authority=/ca.pem"}
	if err != nil || !slices.Equal(p.Args, want) {
		t.Fatalf("%q, %v", p.Args, err)
	}
	if p.ClientSecret.Reveal() != "canary-s" || p.Refresh.Reveal() != "canary-r" || p.IDToken.Reveal() != token || p.Subject != "u1" || p.Expiry.Unix() != 1900000000 {
		t.Errorf("%+v", p)
	}
	both, err := LegacyOIDC(texts("idp-issuer-url", "https://i.example", "client-id", "c", "idp-certificate-authority", "/ca.pem", "idp-certificate-authority-data", "ZGF0YQ==", "id-token", "no JWT"))
	if err != nil || !slices.Equal(both.Args[3:], []string{"--certificate-authority-data=ZGF0YQ=="}) || !both.IDToken.Empty() {
		t.Errorf("%q, %v", both.Args, err)
	}
	for _, wrong := range []map[string]secret.Text{nil, texts("client-id", "c"), texts("idp-issuer-url", "https://i.example")} {
		if _, err := LegacyOIDC(wrong); !errors.Is(err, ErrNoIssuer) {
			t.Errorf("%v", err)
		}
	}
	if _, err := LegacyOIDC(texts("idp-issuer-url", "i", "client-id", "c", "id-token", strings.Repeat("x", maxCredential+1))); !errors.Is(err, ErrTooLong) {
		t.Errorf("%v", err)
	}
}

func TestKubelogin(t *testing.T) {
	p := Kubelogin([]string{"oidc-login", "get-token", "--oidc-issuer-url=https://i.example", "--oidc-client-secret", "canary", "-v", "1",
		"--oidc-client-id=c", "--token-cache-storage=disk", "--password=canary-p", "--token-cache-dir", "/x"})
	want := []string{"get-token", "--oidc-issuer-url=https://i.example", "-v", "1", "--oidc-client-id=c", "--password=canary-p"}
	if !slices.Equal(p.Args, want) || p.ClientSecret.Reveal() != "canary" {
		t.Errorf("%q", p.Args)
	}
	if !slices.Equal(p.Stays, []string{"--password"}) || !slices.Equal(p.Dropped, []string{"--token-cache-storage", "--token-cache-dir"}) {
		t.Errorf("stays %v, dropped %v", p.Stays, p.Dropped)
	}
	if p := Kubelogin([]string{"get-token", "--oidc-client-secret=a", "--oidc-client-secret=b"}); p.ClientSecret.Reveal() != "b" || len(p.Args) != 1 {
		t.Errorf("of a flag given twice the last counts: %q", p.Args)
	}
}

func TestOf(t *testing.T) {
	certificate, key := pair(t, "admin", time.Unix(1800000000, 0))
	token := secret.New(jwt(`{"sub":"u1","exp":1900000000}`))
	both, err := Of(&kubeconfig.UserEntry{Token: token, ClientCertificateData: certificate, ClientKeyData: secret.New(string(key))})
	if c := both.Credential; err != nil || c.Kind != "signed token and client certificate" || c.Expiry.Unix() != 1800000000 || c.Who != "u1" {
		t.Errorf("both: %+v, %v", c, err)
	}
	for name, c := range map[string]struct {
		user kubeconfig.UserEntry
		want string
	}{
		"nothing":                {kubeconfig.UserEntry{}, "holds no credential"},
		"a token's file":         {kubeconfig.UserEntry{TokenFile: "/t"}, "stay files"},
		"a token and its file":   {kubeconfig.UserEntry{Token: token, TokenFile: "/t"}, "stay files"},
		"a certificate's file":   {kubeconfig.UserEntry{ClientCertificate: "/c", ClientKeyData: secret.New(string(key))}, "stay files"},
		"a password":             {kubeconfig.UserEntry{Username: "u", Password: secret.New("canary")}, "1.19"},
		"a password and a token": {kubeconfig.UserEntry{Username: "u", Token: token}, "several"},
		"a token and a plugin":   {kubeconfig.UserEntry{Token: token, Exec: &kubeconfig.Exec{Command: "aws"}}, "several"},
		"our own":                {kubeconfig.UserEntry{Exec: &kubeconfig.Exec{Command: `C:\bin\kubecred.EXE`, Args: []string{"get-token"}}}, "already"},
		"another plugin":         {kubeconfig.UserEntry{Exec: &kubeconfig.Exec{Command: "aws", Args: []string{"eks", "get-token"}}}, "another plugin (aws)"},
		"kubectl itself":         {kubeconfig.UserEntry{Exec: &kubeconfig.Exec{Command: "kubectl", Args: []string{"gke", "get-token"}}}, "another plugin"},
		"kubelogin's setup":      {kubeconfig.UserEntry{Exec: &kubeconfig.Exec{Command: "kubelogin", Args: []string{"setup"}}}, "another plugin"},
		"gcp":                    {kubeconfig.UserEntry{AuthProvider: &kubeconfig.AuthProvider{Name: "gcp"}}, `auth-provider "gcp"`},
		"oidc without an issuer": {kubeconfig.UserEntry{AuthProvider: &kubeconfig.AuthProvider{Name: "oidc"}}, "no issuer"},
	} {
		entry, err := Of(&c.user)
		var stays *StayError
		if !errors.As(err, &stays) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
		if !entry.Credential.Empty() || entry.Provider != nil {
			t.Errorf("%s: taken in", name)
		}
	}
}

// Whatever a kubeconfig holds, an intake is bounded and repeats no secret.
func FuzzOf(f *testing.F) {
	certificate, key := pair(f, "admin", time.Unix(1900000000, 0))
	f.Add(jwt(`{"sub":"u","exp":1}`), certificate, key, "kubectl", "oidc-login\x00get-token\x00--oidc-client-secret\x00x")
	f.Add("abc123.0123456789abcdef", []byte{}, []byte{}, "kubelogin", "get-token")
	f.Fuzz(func(t *testing.T, token string, certificate, key []byte, command, args string) {
		if entry, err := Of(&kubeconfig.UserEntry{Token: secret.New(token), ClientCertificateData: certificate, ClientKeyData: secret.New(string(key))}); err == nil {
			c := entry.Credential
			if c.Empty() || !c.Expiry.IsZero() && c.Expiry.Year() > 9999 || len(c.Certificate) > 2*maxCredential {
				t.Errorf("%+v", c)
			}
		} else if len(token) > 40 && strings.Contains(err.Error(), token) {
			t.Error("the error repeats the token")
		}
		entry, err := Of(&kubeconfig.UserEntry{Exec: &kubeconfig.Exec{Command: command, Args: strings.Split(args, "\x00")}})
		if err == nil && strings.Contains(strings.Join(entry.Provider.Args, "\x00")+"\x00", "\x00--oidc-client-secret\x00") {
			t.Errorf("a secret's flag stays in %q", entry.Provider.Args)
		}
	})
}
