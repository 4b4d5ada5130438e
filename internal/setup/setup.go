// Package setup says what the two sides of a sign-in have to agree on: what the
// API server must know of the provider, and whom it will see.
//
// Its rules:
//   - Nothing here asks, sends or writes. It makes texts, which an administrator
//     puts into files of theirs, so every value in them is quoted where it needs
//     to be and none can add a line.
//   - Who somebody is, is read as the API server reads it (k8s.io/apiserver,
//     plugin/pkg/authenticator/token/oidc), and what it would refuse is said.
//
// The guarantee ends at the API server: one that is managed by a vendor may have
// other rules, and a webhook or a proxy before it may call people otherwise.
package setup

import "time"

// MaxLife is how long a token may live for the API server to take it by the
// rules of the AuthenticationConfiguration: nothing revokes a token at a cluster.
const MaxLife = 24 * time.Hour

// reserved begins the names that Kubernetes keeps for itself.
const reserved = "system:"

// Server is the API server's side.
type Server struct {
	Issuer   string // as the provider calls itself
	Audience string // which the tokens must be for
	CAPEM    []byte // certificates; nil trusts the API server's system
	Username Mapping
	Groups   Mapping // of no claim: nobody has groups
	// Algorithm signs the tokens, as far as it is known; "" is RS256.
	Algorithm string
}

// Mapping makes names of a claim.
type Mapping struct {
	Claim  string
	Prefix string // may be empty
}
