package settings

// An entry's identity: everything that changes the credential, and nothing
// else. It is stored on people's machines as a hash, so it never changes
// silently: a field that is added is written only where it is set, and anything
// more needs a new version.

import (
	"maps"
	"slices"
	"strconv"
)

// identityVersion begins every identity.
const identityVersion = "kubecred identity 1\n"

// identity is what tells one cache entry from another. Contexts and users of a
// kubeconfig, the grant, listen addresses and the client's secret are not in
// it. The client_credentials grant is, as a principal: its credential is the
// client's own and no person's.
type identity struct {
	issuer, client string
	scopes         []string
	params         map[string]string // the audience is among them
	credential     string            // "access-token", "certificate"; "" is an ID token
	account        string
	username       string
	itself         bool     // the client itself, by client_credentials
	authorities    []string // hashes, a sorted set
	systemRoots    bool
	insecure       bool
	headers        map[string]string
	exchange       string // its profile; "" is an OpenID Provider
	cluster        string // that a certificate is for
	imported       string // an ID, with which nothing else counts
}

// Identity returns the canonical encoding of what the entry is. It may hold
// secrets (a header, a parameter) and is only to be hashed. It is nil where
// there is no issuer or no client, and no imported credential.
func (s *Settings) Identity() []byte {
	if s.Imported == "" && (s.identity.issuer == "" || s.identity.client == "") {
		return nil
	}
	return s.identity.encode()
}

// ClientIdentity returns the canonical encoding of what a client's secret may be
// sent to: the issuer, the client, and who is trusted to speak for the issuer.
// Like Identity it is only to be hashed.
func (s *Settings) ClientIdentity() []byte {
	id := &s.identity
	client := identity{
		issuer: id.issuer, client: id.client, exchange: id.exchange,
		authorities: id.authorities, systemRoots: id.systemRoots, insecure: id.insecure, headers: id.headers,
	}
	return client.encode()
}

// encode writes each field that is set as its name and its values, everything
// with its length in front, so that no two identities encode alike.
func (id *identity) encode() []byte {
	b := []byte(identityVersion)
	b = appendField(b, "issuer", id.issuer)
	b = appendField(b, "client", id.client)
	b = appendField(b, "scopes", sortedSet(id.scopes)...)
	b = appendField(b, "params", sortedPairs(id.params)...)
	b = appendField(b, "credential", id.credential)
	b = appendField(b, "account", id.account)
	b = appendField(b, "username", id.username)
	b = appendField(b, "principal", when(id.itself, "client"))
	b = appendField(b, "authorities", id.authorities...)
	b = appendField(b, "system-roots", when(id.systemRoots, "added"))
	b = appendField(b, "tls", when(id.insecure, "insecure"))
	b = appendField(b, "headers", sortedPairs(id.headers)...)
	b = appendField(b, "exchange", id.exchange)
	b = appendField(b, "cluster", id.cluster)
	return appendField(b, "imported", id.imported)
}

func appendField(b []byte, name string, values ...string) []byte {
	if len(values) == 0 || (len(values) == 1 && values[0] == "") {
		return b
	}
	b = appendText(b, name)
	b = strconv.AppendInt(b, int64(len(values)), 10)
	b = append(b, '\n')
	for _, v := range values {
		b = appendText(b, v)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, ':')
	b = append(b, s...)
	return append(b, '\n')
}

func sortedSet(words []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(words)))
}

// sortedPairs returns name, value, name, value… by name.
func sortedPairs(m map[string]string) []string {
	flat := make([]string, 0, 2*len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		flat = append(flat, name, m[name])
	}
	return flat
}

func when(on bool, word string) string {
	if on {
		return word
	}
	return ""
}

// principal is who the credential is for, as far as the settings say.
func (id *identity) principal() string {
	switch {
	case id.account != "":
		return id.account
	case id.itself:
		return "the client itself"
	}
	return id.username
}
