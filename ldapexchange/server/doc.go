// Package server answers HTTP for kubecred-exchange: the OAuth 2 token endpoint
// with its discovery, keys and revocation, certificates at /v1/credentials,
// TokenReview for each cluster, health and metrics.
//
// Its rules:
//   - A password, a refresh token and a bearer token are secret.Text from the
//     moment they are read. Nothing that is told (an answer's error, the log,
//     the audit, a metric) holds one.
//   - What decides is told once, as one line of audit with the request's ID.
//   - A refusal says the least: who has no account and who mistyped a password
//     get the same body in about the same time.
//   - What cannot be decided is refused in a way that says "later" (503), never
//     "no": a client that hears "no" throws its session away.
//   - A review never contacts the directory.
//
// It knows neither LDAP nor a database nor a key: rooms.go names what it needs
// of them. The guarantee ends there. That a refresh token is spent once is the
// Sessions' to hold, that revocations outlive a restart is the Revocations',
// and that a signature is right is the Signer's. Tokens that a cluster verifies
// by the published keys, without a review, stay good until they expire.
package server
