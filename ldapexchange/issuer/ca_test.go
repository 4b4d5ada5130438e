package issuer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// ca is an authority of a test's.
type ca struct {
	cert *x509.Certificate
	key  crypto.Signer
	pem  []byte
}

func newCA(t testing.TB, now time.Time, parent *ca, change func(*x509.Certificate)) *ca {
	t.Helper()
	made := &ca{key: ecKey(t, elliptic.P256())}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if parent != nil {
		template.Subject.CommonName = "intermediate"
	}
	if change != nil {
		change(template)
	}
	by := &ca{cert: template, key: made.key}
	if parent != nil {
		by = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, made.key.Public(), by.key)
	if err == nil {
		made.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	made.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return made
}

// files writes the authority's files and returns options for them.
func (a *ca) files(t testing.TB, now func() time.Time, more ...*ca) CAOptions {
	t.Helper()
	dir := t.TempDir()
	o := CAOptions{CertFile: filepath.Join(dir, "ca.crt"), KeyFile: filepath.Join(dir, "ca.key"), Now: now}
	a.write(t, o, more...)
	return o
}

func (a *ca) write(t testing.TB, o CAOptions, more ...*ca) {
	t.Helper()
	certs := bytes.Clone(a.pem)
	for _, other := range more {
		certs = append(certs, other.pem...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err := errors.Join(err, os.WriteFile(o.CertFile, certs, 0o644),
		os.WriteFile(o.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func mustOpenCA(t testing.TB, o CAOptions) *CA {
	t.Helper()
	opened, err := OpenCA(o)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func csr(t testing.TB, key crypto.Signer, change func(*x509.CertificateRequest)) []byte {
	t.Helper()
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}}}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func parseChain(t *testing.T, data []byte) (certs []*x509.Certificate) {
	t.Helper()
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, cert)
	}
	return certs
}

func alice() Subject {
	return Subject{Name: "älice, \"the\" admin", UID: "5f0f7e7c-0001", Groups: []string{"öps", "cn=dev,dc=corp", "a+b"}}
}

func TestCertificateSaysWhatTheDirectorySays(t *testing.T) {
	t.Parallel()
	now := newClock()
	root := newCA(t, now.now(), nil, nil)
	between := newCA(t, now.now(), root, nil)
	issuing := mustOpenCA(t, between.files(t, now.now, root))
	chain, end, serial, err := issuing.Issue(csr(t, ecKey(t, elliptic.P256()), func(r *x509.CertificateRequest) {
		r.DNSNames = []string{"kubernetes.default"}
		basic, err := asn1.Marshal(struct{ CA bool }{true})
		if err != nil {
			t.Fatal(err)
		}
		r.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: basic}}
	}), alice(), 30*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	certs := parseChain(t, chain)
	if len(certs) != 2 || !certs[1].Equal(between.cert) { // the root stays at home
		t.Fatalf("a chain of %d", len(certs))
	}
	c := certs[0]
	pool, intermediates := x509.NewCertPool(), x509.NewCertPool()
	pool.AddCert(root.cert)
	intermediates.AddCert(certs[1])
	// As k8s.io/apiserver/pkg/authentication/request/x509 does.
	if _, err := c.Verify(x509.VerifyOptions{
		Roots: pool, Intermediates: intermediates, CurrentTime: now.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		t.Error(err)
	}
	groups := c.Subject.Organization
	slices.Sort(groups)
	if c.Subject.CommonName != alice().Name || !slices.Equal(groups, []string{"a+b", "cn=dev,dc=corp", "öps"}) {
		t.Errorf("%+v", c.Subject)
	}
	if got := uids(c); len(got) != 1 || got[0] != alice().UID {
		t.Errorf("UIDs %v", got)
	}
	switch {
	case c.IsCA || !c.BasicConstraintsValid,
		c.KeyUsage != x509.KeyUsageDigitalSignature,
		!slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) || len(c.UnknownExtKeyUsage) > 0,
		len(c.DNSNames)+len(c.EmailAddresses)+len(c.IPAddresses)+len(c.URIs) > 0,
		len(c.SubjectKeyId) != 20 || !bytes.Equal(c.AuthorityKeyId, between.cert.SubjectKeyId) || len(c.AuthorityKeyId) == 0:
		t.Errorf("%+v", c)
	}
	if !c.NotBefore.Equal(now.now().Add(-5*time.Minute)) || !c.NotAfter.Equal(now.now().Add(30*time.Minute)) || !end.Equal(c.NotAfter) {
		t.Errorf("from %v to %v", c.NotBefore, c.NotAfter)
	}
	if c.SerialNumber.BitLen() != 128 || serial != c.SerialNumber.Text(16) {
		t.Errorf("serial number %s", serial)
	}
}

func uids(c *x509.Certificate) (found []any) {
	for _, name := range c.Subject.Names {
		if name.Type.String() == "1.3.6.1.4.1.57683.2" {
			found = append(found, name.Value)
		}
	}
	return found
}

// A certificate does not begin before its authority, which some verifiers mind.
func TestCertificateBeginsWithItsAuthority(t *testing.T) {
	t.Parallel()
	now := newClock()
	young := newCA(t, now.now(), nil, func(c *x509.Certificate) { c.NotBefore = now.now().Add(-time.Minute) })
	chain, _, _, err := mustOpenCA(t, young.files(t, now.now)).Issue(csr(t, ecKey(t, elliptic.P256()), nil), alice(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := parseChain(t, chain)[0].NotBefore; !got.Equal(now.now().Add(-time.Minute)) {
		t.Errorf("from %v", got)
	}
}

func TestSerialNumbersDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		serial, err := newSerial()
		if err != nil || seen[serial.String()] || serial.BitLen() != 128 {
			t.Fatal(serial, err)
		}
		seen[serial.String()] = true
	}
}

func TestCertificateEndsWithWhatEndsFirst(t *testing.T) {
	t.Parallel()
	now := newClock()
	o := newCA(t, now.now(), nil, nil).files(t, now.now)
	o.MaxLife = 2 * time.Hour
	issuing := mustOpenCA(t, o)
	request := csr(t, ecKey(t, elliptic.P256()), nil)
	tests := []struct {
		name     string
		asked    time.Duration
		session  time.Duration // from now; 0 has none
		after    time.Duration // of the authority's 24 hours
		want     time.Duration
		is       error
		mentions string
	}{
		{"as asked", time.Hour, 0, 0, time.Hour, nil, ""},
		{"not asked", 0, 0, 0, 2 * time.Hour, nil, ""},
		{"more than allowed", 1000 * time.Hour, 0, 0, 2 * time.Hour, nil, ""},
		{"the session's", time.Hour, time.Minute, 0, time.Minute, nil, ""},
		{"a longer session", time.Hour, 3 * time.Hour, 0, time.Hour, nil, ""},
		{"the authority's", 2 * time.Hour, 5 * time.Hour, 23 * time.Hour, time.Hour, nil, ""},
		{"too short", time.Second, 0, 0, 0, ErrCSR, "too short"},
		{"negative", -time.Hour, 0, 0, 0, ErrCSR, "too short"},
		{"a session that has ended", time.Hour, -time.Second, 0, 0, ErrCSR, "session has ended"},
		{"an authority that has ended", time.Hour, 0, 25 * time.Hour, 0, ErrCA, "ended at"},
	}
	for _, tt := range tests {
		now.add(tt.after)
		s := alice()
		if tt.session != 0 {
			s.Until = now.now().Add(tt.session)
		}
		_, end, _, err := issuing.Issue(request, s, tt.asked)
		switch {
		case tt.is != nil && (!errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.mentions)):
			t.Errorf("%s: %v", tt.name, err)
		case tt.is == nil && (err != nil || !end.Equal(now.now().Add(tt.want))):
			t.Errorf("%s: until %v, %v", tt.name, end, err)
		}
		now.add(-tt.after)
	}
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeysOfRequests(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0") // or no weak key could be made
	now := newClock()
	issuing := mustOpenCA(t, newCA(t, now.now(), nil, nil).files(t, now.now))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		key   crypto.Signer
		wrong string
	}{
		"RSA 2048": {rsaKey(t, 2048), ""},
		"RSA 1024": {rsaKey(t, 1024), "1024 bits"},
		"P-256":    {ecKey(t, elliptic.P256()), ""},
		"P-384":    {ecKey(t, elliptic.P384()), ""},
		"P-521":    {ecKey(t, elliptic.P521()), ""},
		"P-224":    {ecKey(t, elliptic.P224()), "kind"},
		"Ed25519":  {ed, ""},
	} {
		_, _, _, err := issuing.Issue(csr(t, tt.key, nil), alice(), 0)
		if tt.wrong == "" && err != nil || tt.wrong != "" && (!errors.Is(err, ErrCSR) || !strings.Contains(err.Error(), tt.wrong)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, key := range map[string]crypto.PublicKey{
		"RSA 16384":  &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 16383), E: 65537},
		"exponent 3": &rsa.PublicKey{N: rsaKey(t, 2048).N, E: 3},
		"none":       nil,
	} {
		if err := checkStrength(key); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	now := newClock()
	issuing := mustOpenCA(t, newCA(t, now.now(), nil, nil).files(t, now.now))
	good := csr(t, ecKey(t, elliptic.P256()), nil)
	block, _ := pem.Decode(good)
	encode := func(kind string, headers map[string]string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: der})
	}
	unsigned := bytes.Clone(block.Bytes)
	unsigned[len(unsigned)-1] ^= 1
	stolen := bytes.Replace(block.Bytes, publicBits(t, block.Bytes), publicBits(t, mustDER(t, csr(t, ecKey(t, elliptic.P256()), nil))), 1)
	for name, request := range map[string][]byte{
		"nothing":                  nil,
		"text":                     []byte("canary-5ecret"),
		"DER":                      block.Bytes,
		"two":                      append(bytes.Clone(good), good...),
		"text behind":              append(bytes.Clone(good), "canary-5ecret"...),
		"a certificate":            encode("CERTIFICATE", nil, block.Bytes),
		"headers":                  encode("CERTIFICATE REQUEST", map[string]string{"a": "b"}, block.Bytes),
		"cut":                      encode("CERTIFICATE REQUEST", nil, block.Bytes[:len(block.Bytes)-1]),
		"longer":                   encode("CERTIFICATE REQUEST", nil, append(bytes.Clone(block.Bytes), 0)),
		"a changed signature":      encode("CERTIFICATE REQUEST", nil, unsigned),
		"another's public key":     encode("CERTIFICATE REQUEST", nil, stolen),
		"huge":                     encode("CERTIFICATE REQUEST", nil, make([]byte, maxCSR)),
		"a name in it that is odd": encode("CERTIFICATE REQUEST", nil, []byte("canary-5ecret")),
	} {
		chain, _, _, err := issuing.Issue(request, alice(), 0)
		if chain != nil || !errors.Is(err, ErrCSR) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
		if name == "huge" && !strings.Contains(err.Error(), "larger") {
			t.Errorf("it was read: %v", err)
		}
	}
	if _, _, _, err := issuing.Issue(encode("NEW CERTIFICATE REQUEST", nil, block.Bytes), alice(), 0); err != nil {
		t.Errorf("OpenSSL's older name: %v", err)
	}
}

func mustDER(t *testing.T, data []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(data)
	return block.Bytes
}

func publicBits(t *testing.T, der []byte) []byte {
	t.Helper()
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Fatal(err)
	}
	bits, err := request.PublicKey.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return bits
}

func TestSubjectsThatAreRefused(t *testing.T) {
	t.Parallel()
	now := newClock()
	o := newCA(t, now.now(), nil, nil).files(t, now.now)
	issuing := mustOpenCA(t, o)
	o.AllowSystemNames = true
	lax := mustOpenCA(t, o)
	request := csr(t, ecKey(t, elliptic.P256()), nil)
	for name, tt := range map[string]struct {
		s   Subject
		lax bool
	}{
		"no name":         {Subject{UID: "u"}, false},
		"no UID":          {Subject{Name: "a"}, false},
		"a system user":   {Subject{Name: "system:admin", UID: "u"}, true},
		"a system group":  {Subject{Name: "a", UID: "u", Groups: []string{"system:masters"}}, true},
		"NUL":             {Subject{Name: "a\x00b", UID: "u"}, false},
		"no UTF-8":        {Subject{Name: "a", UID: "u", Groups: []string{"\xff"}}, false},
		"an empty group":  {Subject{Name: "a", UID: "u", Groups: []string{""}}, false},
		"a very long one": {Subject{Name: strings.Repeat("a", 1025), UID: "u"}, false},
	} {
		_, _, _, err := issuing.Issue(request, tt.s, 0)
		if wrong := (*NameError)(nil); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, _, err := lax.Issue(request, tt.s, 0); (err == nil) != tt.lax {
			t.Errorf("%s, with system names: %v", name, err)
		}
	}
	many := alice()
	for n := range 5000 {
		many.Groups = append(many.Groups, fmt.Sprintf("team-%04d", n))
	}
	_, _, _, err := issuing.Issue(request, many, 0)
	if large := (*TooLargeError)(nil); !errors.As(err, &large) || large.Groups != 5003 {
		t.Errorf("%v", err)
	}
}

func TestAuthoritiesThatAreRefused(t *testing.T) {
	t.Parallel()
	now := newClock()
	good := newCA(t, now.now(), nil, nil)
	with := func(change func(*x509.Certificate)) *ca { return newCA(t, now.now(), nil, change) }
	for name, tt := range map[string]struct {
		ca    *ca
		wrong string
	}{
		"another's key":    {&ca{cert: good.cert, pem: good.pem, key: ecKey(t, elliptic.P256())}, "not the key of the certificate"},
		"not an authority": {with(func(c *x509.Certificate) { c.IsCA = false }), "not an authority"},
		"no constraints":   {with(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = false, false }), "not an authority"},
		"a key usage":      {with(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }), "key usage"},
		"servers only":     {with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), "client certificates"},
		"ended":            {with(func(c *x509.Certificate) { c.NotAfter = now.now() }), "ended at 2026-11-24T08:00:00Z"},
		"not begun":        {with(func(c *x509.Certificate) { c.NotBefore = now.now().Add(time.Second) }), "begins at"},
		"no certificate":   {&ca{pem: []byte("canary-5ecret"), key: good.key}, "no certificate"},
		"a damaged one":    {&ca{pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), key: good.key}, "cannot be read"},
		"a key beside it":  {&ca{pem: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}), key: good.key}, "not a certificate"},
	} {
		o := tt.ca.files(t, now.now)
		_, err := OpenCA(o)
		if !errors.Is(err, ErrCA) || !strings.Contains(err.Error(), tt.wrong) || strings.Contains(err.Error(), "canary") ||
			!strings.Contains(err.Error(), o.CertFile) && !strings.Contains(err.Error(), o.KeyFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := good.files(t, now.now)
	if err := os.Chmod(o.KeyFile, 0o440); err != nil { // as a Secret is mounted
		t.Fatal(err)
	}
	mustOpenCA(t, o)
	if err := os.Chmod(o.KeyFile, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"a key for the world": func() error { return os.Chmod(o.KeyFile, 0o644) },
		"no key":              func() error { return os.Remove(o.KeyFile) },
		"an empty key":        func() error { return os.WriteFile(o.KeyFile, nil, 0o600) },
	} {
		good.write(t, o)
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenCA(o); err == nil || !strings.Contains(err.Error(), o.KeyFile) {
			t.Errorf("%s: %v", name, err)
		}
		_ = os.Remove(o.KeyFile)
	}
	o.MaxLife = time.Second
	if _, err := OpenCA(o); !errors.Is(err, ErrCA) {
		t.Errorf("a life of a second: %v", err)
	}
}

func TestAuthorityReloads(t *testing.T) {
	t.Parallel()
	now := newClock()
	first, second := newCA(t, now.now(), nil, nil), newCA(t, now.now(), nil, func(c *x509.Certificate) { c.NotAfter = c.NotAfter.Add(time.Hour) })
	o := first.files(t, now.now)
	issuing := mustOpenCA(t, o)
	request := csr(t, ecKey(t, elliptic.P256()), nil)
	signedBy := func(want *ca) {
		t.Helper()
		chain, _, _, err := issuing.Issue(request, alice(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := parseChain(t, chain)[0].CheckSignatureFrom(want.cert); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(o.CertFile, second.pem, 0o644); err != nil { // half of a change
		t.Fatal(err)
	}
	if err := issuing.Reload(); !errors.Is(err, ErrCA) {
		t.Errorf("%v", err)
	}
	signedBy(first)
	second.write(t, o)
	if err := issuing.Reload(); err != nil {
		t.Fatal(err)
	}
	signedBy(second)
	if !issuing.NotAfter().Equal(second.cert.NotAfter) {
		t.Error("NotAfter is the old one's")
	}
}

// Whatever is sent as a request, the answer is ErrCSR or a certificate for its
// key that says what we say.
func FuzzIssue(f *testing.F) {
	now := newClock()
	issuing := mustOpenCA(f, newCA(f, now.now(), nil, nil).files(f, now.now))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	for _, key := range []crypto.Signer{ecKey(f, elliptic.P256()), rsaKey(f, 2048), ed} {
		block, _ := pem.Decode(csr(f, key, nil))
		f.Add(block.Bytes)
	}
	f.Add([]byte("canary-5ecret"))
	f.Fuzz(func(t *testing.T, der []byte) {
		request := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
		chain, _, _, err := issuing.Issue(request, alice(), 0)
		_, raw := parseCSR(der)
		if raw != nil && !errors.Is(raw, ErrCSR) {
			t.Errorf("%v", raw)
		}
		if err != nil {
			if !errors.Is(err, ErrCSR) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v", err)
			}
			return
		}
		c := parseChain(t, chain)[0]
		if c.IsCA || c.Subject.CommonName != alice().Name || len(c.Subject.Organization) != 3 || len(c.DNSNames) > 0 {
			t.Errorf("%+v", c.Subject)
		}
	})
}
