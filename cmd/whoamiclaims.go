package cmd

import (
	"slices"
	"time"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/owner"
)

// What a credential says, cleaned and bounded.

// maxListed bounds a list of a report. How long it is stands beside it.
const maxListed = 1000

// tokenReport is a token's claims, as far as a cluster looks at them.
type tokenReport struct {
	Opaque     bool        `json:"opaque,omitempty"` // only its issuer can read it
	Issuer     string      `json:"issuer,omitempty"`
	Names      []nameClaim `json:"names,omitempty"` // those that may become the user name
	Groups     []string    `json:"groups,omitempty"`
	GroupCount int         `json:"groupCount"`
	Overage    bool        `json:"overage,omitempty"` // the provider left groups out, for their number
	Audience   []string    `json:"audience,omitempty"`
	ID         string      `json:"id,omitempty"`
	Issued     *time.Time  `json:"issued,omitempty"`
	NotBefore  *time.Time  `json:"notBefore,omitempty"`
	Expires    *time.Time  `json:"expires,omitempty"`

	claims owner.Token
}

type nameClaim struct {
	Claim string `json:"claim"`
	Value string `json:"value"`
}

type certificateReport struct {
	CommonName    string    `json:"commonName"`
	Organizations []string  `json:"organizations,omitempty"`
	GroupCount    int       `json:"groupCount"`
	UID           string    `json:"uid,omitempty"`
	Issuer        string    `json:"issuer"`
	Serial        string    `json:"serial"`
	Digest        string    `json:"sha256"`
	NotBefore     time.Time `json:"notBefore"`
	NotAfter      time.Time `json:"notAfter"`

	read owner.Certificate
}

// actsAsReport is whom the kubeconfig's user acts as.
type actsAsReport struct {
	User   string              `json:"user,omitempty"`
	UID    string              `json:"uid,omitempty"`
	Groups []string            `json:"groups,omitempty"`
	Extra  map[string][]string `json:"extra,omitempty"`

	of string // the kubeconfig's user
}

func readToken(text string) (*tokenReport, owner.Said) {
	claims, err := owner.ReadToken(text)
	if err != nil {
		return &tokenReport{Opaque: true}, owner.Said{}
	}
	r := &tokenReport{
		Issuer: cli.OneLine(claims.Text("iss")), Groups: clean(claims.List("groups")), GroupCount: len(claims.List("groups")),
		Overage: claims.Overage(), Audience: clean(claims.List("aud")), ID: cli.OneLine(claims.Text("jti")),
		Issued: moment(claims.Time("iat")), NotBefore: moment(claims.Time("nbf")), Expires: moment(claims.Time("exp")), claims: claims,
	}
	for _, name := range claims.Names() {
		r.Names = append(r.Names, nameClaim{name.Name, cli.OneLine(name.Value)})
	}
	return r, claims.Said()
}

func readCertificate(chain string) (*certificateReport, owner.Said) {
	c, err := owner.ReadCertificate(chain)
	if err != nil {
		return nil, owner.Said{}
	}
	return &certificateReport{
		CommonName: cli.OneLine(c.CommonName), Organizations: clean(c.Organizations), GroupCount: len(c.Organizations), UID: cli.OneLine(c.UID),
		Issuer: cli.OneLine(c.Issuer), Serial: c.Serial, Digest: c.Digest, NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), read: c,
	}, c.Said()
}

func actsAs(user kubeconfig.User) *actsAsReport {
	if !user.As.Any() {
		return nil
	}
	return &actsAsReport{
		User: cli.OneLine(user.As.User), UID: cli.OneLine(user.As.UID), Groups: clean(user.As.Groups), Extra: cleanAll(user.As.Extra), of: cli.OneLine(user.Name),
	}
}

// clean makes texts fit to be shown, maxListed of them at most.
func clean(texts []string) []string {
	texts = slices.Clone(texts[:min(len(texts), maxListed)])
	for i := range texts {
		texts[i] = cli.OneLine(texts[i])
	}
	return texts
}

func cleanAll(lists map[string][]string) map[string][]string {
	all := map[string][]string{}
	for key, list := range lists {
		all[cli.OneLine(key)] = clean(list)
	}
	return all
}

// moment is a time for JSON; nil where there is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
