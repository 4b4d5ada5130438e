// Package owner reads from a credential whom it is for, without asking
// anyone, and compares that with whom an API server takes it for.
//
// Nothing is verified here: a token's signature is between its issuer and the
// server. Texts are as they came and MUST be cleaned before they are shown.
package owner

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	maxToken = 256 << 10 // bytes
	maxLists = 20        // claims that are lists of texts
)

var (
	// ErrOpaque is a token of which only its issuer knows what it says.
	ErrOpaque = errors.New("the token is no JWT: only its issuer can read it")
	// ErrCertificate is a certificate that cannot be read.
	ErrCertificate = errors.New("the certificate cannot be read")
)

// Said is what a credential says that a server may make a user of. The usual
// source of each stands first.
type Said struct {
	Names  []Claim  // texts that may become the user name or the UID
	Groups []Claims // lists that may become the groups
	Issuer string   // of a token
	ID     string   // as the server's extra credential-id has it; "" without one
}

// Claim is a text and where it stands.
type Claim struct{ Name, Value string }

// Claims is a list of texts and where it stands.
type Claims struct {
	Name   string
	Values []string
}

// Token is a JWT's payload (RFC 7519), its claims by exact name.
type Token map[string]any

// ReadToken reads the claims of a JWT. Its error is ErrOpaque.
func ReadToken(text string) (Token, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || len(text) > maxToken {
		return nil, ErrOpaque
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, ErrOpaque
	}
	var claims Token
	if json.Unmarshal(payload, &claims) != nil || claims == nil {
		return nil, ErrOpaque
	}
	delete(claims, "_claim_sources") // it can hold access tokens (OpenID Connect Core 1.0, section 5.6.2)
	return claims, nil
}

// Text is a claim that is a text; "" where it is none.
func (t Token) Text(name string) string {
	text, _ := t[name].(string)
	return text
}

// List is a claim that is a list of texts, or one text (aud is either).
func (t Token) List(name string) []string {
	switch value := t[name].(type) {
	case string:
		return []string{value}
	case []any:
		var list []string
		for _, element := range value {
			if text, ok := element.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}

// Time is a NumericDate; zero where there is none, or one that RFC 3339 could
// not write.
func (t Token) Time(name string) time.Time {
	n, ok := t[name].(float64)
	if !ok || math.Abs(n) > 1<<37 {
		return time.Time{}
	}
	return time.Unix(int64(n), 0)
}

// Said is what a server may make a user of.
func (t Token) Said() Said {
	said := Said{Names: t.Names(), Issuer: t.Text("iss")}
	if id := t.Text("jti"); id != "" {
		said.ID = "JTI=" + id
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(t)), func(name string) bool {
		_, list := t[name].([]any)
		return name == "groups" || name == "aud" || name == "amr" || !list
	})
	if _, ok := t["groups"]; ok {
		names = slices.Insert(names, 0, "groups")
	}
	for _, name := range names[:min(len(names), maxLists)] {
		said.Groups = append(said.Groups, Claims{name, t.List(name)})
	}
	return said
}

// Names are the claims that are texts and may name a person, in the order in
// which a cluster is likely to use them.
func (t Token) Names() []Claim {
	var all []Claim
	for _, name := range []string{"sub", "email", "preferred_username", "upn", "unique_name", "name", "oid", "nickname"} {
		if value := t.Text(name); value != "" {
			all = append(all, Claim{name, value})
		}
	}
	return all
}

// Overage reports whether the provider left groups out because there were too
// many of them (Entra ID).
func (t Token) Overage() bool {
	names, _ := t["_claim_names"].(map[string]any)
	_, left := names["groups"]
	return left || t["hasgroups"] == true || t["hasgroups"] == "true"
}

// Certificate is a client certificate as an API server reads it.
type Certificate struct {
	CommonName    string   // the user name
	Organizations []string // the groups
	UID           string
	Issuer        string // its distinguished name (RFC 2253)
	Serial        string // hexadecimal
	Digest        string // SHA-256 of the certificate, hexadecimal
	NotBefore     time.Time
	NotAfter      time.Time
	ForClients    bool // its extended key usage lets it be one
}

// uidType is the attribute that Kubernetes takes a UID from
// (k8s.io/apiserver, authentication/request/x509).
func uidType() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57683, 2} }

// ReadCertificate reads the first certificate of a PEM chain. Its error is
// ErrCertificate.
func ReadCertificate(chain string) (Certificate, error) {
	block, _ := pem.Decode([]byte(chain))
	if block == nil {
		return Certificate{}, ErrCertificate
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return Certificate{}, ErrCertificate
	}
	digest := sha256.Sum256(leaf.Raw)
	c := Certificate{
		CommonName: leaf.Subject.CommonName, Organizations: leaf.Subject.Organization,
		Issuer: leaf.Issuer.String(), Serial: leaf.SerialNumber.Text(16), Digest: hex.EncodeToString(digest[:]),
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
	}
	for _, attribute := range leaf.Subject.Names {
		if attribute.Type.Equal(uidType()) {
			c.UID, _ = attribute.Value.(string)
		}
	}
	c.ForClients = slices.ContainsFunc(leaf.ExtKeyUsage, func(usage x509.ExtKeyUsage) bool {
		return usage == x509.ExtKeyUsageClientAuth || usage == x509.ExtKeyUsageAny
	})
	return c, nil
}

// Said is what a server may make a user of.
func (c Certificate) Said() Said {
	said := Said{ID: "X509SHA256=" + c.Digest, Names: []Claim{{"CN", c.CommonName}}, Groups: []Claims{{"O", c.Organizations}}}
	if c.UID != "" {
		said.Names = append(said.Names, Claim{"UID", c.UID})
	}
	return said
}
