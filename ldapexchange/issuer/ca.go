package issuer

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"sync/atomic"
	"time"

	"github.com/kubecred/kubecred/internal/private"
)

const (
	// backdate lets a cluster's clock be behind ours.
	backdate = 5 * time.Minute
	// shortest is the life below which a certificate is of no use.
	shortest = 10 * time.Second
	// MaxCertificate is the largest size of a chain in PEM, in bytes. TLS takes
	// more; in a kubeconfig and in an ExecCredential it has to be carried.
	MaxCertificate = 64 << 10
	maxCAFile      = 64 << 10
)

// uidOID is the attribute from which the API server reads a user's UID, since
// 1.33 (k8s.io/apimachinery/pkg/apis/asn1, X509UID): once, and a string.
func uidOID() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57683, 2} }

// CAOptions say where an authority is and what it may do.
type CAOptions struct {
	// CertFile holds its certificate, and after it those up to the root, which
	// are sent along; KeyFile its key, in PEM.
	CertFile, KeyFile string
	MaxLife           time.Duration // the longest life of a certificate; empty is an hour
	// AllowSystemNames lets it name users and groups that begin with "system:".
	// MUST NOT be set where the directory's people can choose names.
	AllowSystemNames bool
	Now              func() time.Time // nil is time.Now
}

// CA issues client certificates. An authority on line is a risk that an
// administrator chooses, for one cluster: the API server looks at no
// revocation list, so what it signs is good until it ends, and short lives are
// all there is. Its methods may be called at the same time.
type CA struct {
	o      CAOptions
	loaded atomic.Pointer[authority]
}

// authority is what a reading of the files gave.
type authority struct {
	files [2][]byte
	cert  *x509.Certificate
	key   crypto.Signer
	chain []byte // PEM that follows each certificate
}

// Subject is whom a certificate is for, as the directory says.
type Subject struct {
	Name, UID string // UID is Identity.ID
	Groups    []string
	Until     time.Time // the end of the session, which a certificate does not outlive; zero has none
}

// OpenCA reads an authority. Its errors say which file is wrong and how, and
// are ErrCA or the file system's.
func OpenCA(o CAOptions) (*CA, error) {
	if o.MaxLife == 0 {
		o.MaxLife = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxLife < shortest {
		return nil, fmt.Errorf("%w: certificates may live for %s only", ErrCA, o.MaxLife)
	}
	ca := &CA{o: o}
	return ca, ca.Reload()
}

// Reload reads the files again; those that are as they were cost nothing more.
// After an error the authority is as it was.
func (ca *CA) Reload() error {
	next, err := readAuthority(ca.o)
	if err != nil {
		return err
	}
	if last := ca.loaded.Load(); last != nil && bytes.Equal(last.files[0], next.files[0]) && bytes.Equal(last.files[1], next.files[1]) {
		return nil
	}
	if err := next.parse(ca.o); err != nil {
		return err
	}
	ca.loaded.Store(next)
	return nil
}

func readAuthority(o CAOptions) (*authority, error) {
	cert, err := readBounded(o.CertFile)
	if err != nil {
		return nil, err
	}
	key, err := private.Read(o.KeyFile, maxKeyFile, private.Mounted)
	return &authority{files: [2][]byte{cert, key}}, err
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxCAFile) {
		return nil, fmt.Errorf("%w: %s is not a file of at most %d bytes", ErrCA, path, maxCAFile)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func (a *authority) parse(o CAOptions) error {
	if err := a.parseCerts(o.CertFile); err != nil {
		return err
	}
	block, rest := pem.Decode(a.files[1])
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return badCA(o.KeyFile, "it is not one private key in PEM")
	}
	var err error
	if a.key, err = parseSigner(block); err != nil {
		return badCA(o.KeyFile, err.Error())
	}
	if public, ok := a.key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(a.cert.PublicKey) {
		return badCA(o.KeyFile, "it is not the key of the certificate in "+o.CertFile)
	}
	return a.check(o)
}

// parseCerts reads the authority's certificate and what leads to the root. A
// root is not sent along: who trusts it has it.
func (a *authority) parseCerts(path string) error {
	for rest := a.files[0]; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return badCA(path, "there is something in it that is not a certificate")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return badCA(path, "a certificate in it cannot be read")
		}
		if a.cert == nil {
			a.cert = cert
		}
		if !bytes.Equal(cert.RawSubject, cert.RawIssuer) {
			a.chain = append(a.chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
		}
	}
	if a.cert == nil {
		return badCA(path, "there is no certificate in PEM in it")
	}
	return nil
}

func (a *authority) check(o CAOptions) error {
	c := a.cert
	switch now := o.Now(); {
	case !c.BasicConstraintsValid || !c.IsCA:
		return badCA(o.CertFile, "the first certificate in it is not an authority's")
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
		return badCA(o.CertFile, "its key usage does not let it sign certificates")
	case !signsClients(c):
		return badCA(o.CertFile, "its extended key usage leaves out client certificates")
	case !now.Before(c.NotAfter):
		return badCA(o.CertFile, "it ended at "+c.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(c.NotBefore):
		return badCA(o.CertFile, "it begins at "+c.NotBefore.UTC().Format(time.RFC3339))
	}
	if err := checkStrength(c.PublicKey); err != nil {
		return badCA(o.CertFile, err.Error())
	}
	return nil
}

func signsClients(c *x509.Certificate) bool {
	for _, usage := range c.ExtKeyUsage {
		if usage == x509.ExtKeyUsageAny || usage == x509.ExtKeyUsageClientAuth {
			return true
		}
	}
	return len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0
}

func badCA(path, reason string) error { return fmt.Errorf("%w: %s: %s", ErrCA, path, reason) }

// NotAfter returns the end of the authority's own certificate, for a metric
// and readiness.
func (ca *CA) NotAfter() time.Time { return ca.loaded.Load().cert.NotAfter }

// Issue returns a certificate for the key in a request (PEM), with the
// authorities below the root after it, its end, and its serial number in
// hexadecimal. It lives for as long as asked, and not beyond the configured
// maximum, the session, and the authority; a lifetime of 0 asks for the
// maximum. Nothing in the request but its key is looked at.
//
// Errors: ErrCSR, *NameError, *TooLargeError, ErrCA.
func (ca *CA) Issue(csr []byte, s Subject, lifetime time.Duration) (chainPEM []byte, notAfter time.Time, serial string, err error) {
	if err := checkNames(s.Name, s.UID, s.Groups, ca.o.AllowSystemNames); err != nil {
		return nil, time.Time{}, "", err
	}
	public, err := parseCSR(csr)
	if err != nil {
		return nil, time.Time{}, "", err
	}
	a := ca.loaded.Load()
	now := ca.o.Now()
	if notAfter, err = a.end(now, s.Until, lifetime, ca.o.MaxLife); err != nil {
		return nil, time.Time{}, "", err
	}
	template, err := a.template(public, s, now, notAfter)
	if err != nil {
		return nil, time.Time{}, "", err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
	if err != nil {
		return nil, time.Time{}, "", fmt.Errorf("%w: %w", ErrCA, err)
	}
	chainPEM = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), a.chain...)
	if len(chainPEM) > MaxCertificate {
		return nil, time.Time{}, "", &TooLargeError{len(chainPEM), MaxCertificate, len(s.Groups)}
	}
	return chainPEM, notAfter, fmt.Sprintf("%032x", template.SerialNumber), nil
}

// end returns the earliest of all ends, to the second.
func (a *authority) end(now, session time.Time, asked, most time.Duration) (time.Time, error) {
	if asked < 0 || asked > 0 && asked < shortest {
		return time.Time{}, badCSR("a life of %s is too short", asked)
	}
	if !now.Before(a.cert.NotAfter) {
		return time.Time{}, fmt.Errorf("%w: it ended at %s", ErrCA, a.cert.NotAfter.UTC().Format(time.RFC3339))
	}
	if asked == 0 || asked > most {
		asked = most
	}
	end := now.Add(asked)
	if a.cert.NotAfter.Before(end) {
		end = a.cert.NotAfter
	}
	if !session.IsZero() && session.Before(end) {
		end = session
	}
	end = end.UTC().Truncate(time.Second)
	if !now.Before(end) {
		return time.Time{}, badCSR("the session has ended")
	}
	return end, nil
}

func (a *authority) template(public crypto.PublicKey, s Subject, now, end time.Time) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	id, err := keyID(public)
	if err != nil {
		return nil, err
	}
	begin := now.Add(-backdate).UTC().Truncate(time.Second)
	if begin.Before(a.cert.NotBefore) {
		begin = a.cert.NotBefore
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			CommonName: s.Name, Organization: s.Groups,
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: uidOID(), Value: s.UID}},
		},
		NotBefore: begin, NotAfter: end,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, // and IsCA is not set
		SubjectKeyId:          id,   // AuthorityKeyId comes from the authority's certificate
	}, nil
}

// newSerial returns 128 random bits; the topmost is set, so that none is 0 or
// shorter than another.
func newSerial() (*big.Int, error) {
	bytes := make([]byte, 16)
	_, err := rand.Read(bytes)
	bytes[0] |= 0x80
	return new(big.Int).SetBytes(bytes), err
}

// keyID is RFC 7093, section 2, method 1: 160 bits of the key's SHA-256.
func keyID(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(info.Key.Bytes)
	return sum[:20], nil
}
