// Package ldapexchange is what the two sides of an exchange share: the wire
// types, and the client of the profiles that package login does not speak.
//
// An exchange takes a directory's user name and password and gives a token or
// a certificate that clusters trust. There are three ways to speak with one.
// oauth2 is package login's. basic and native are here:
//
//	basic   GET with HTTP Basic; the answer is a token (kube-ldap and Kubi)
//	native  POST of a certificate signing request, with HTTP Basic or with an
//	        access token; the answer is a certificate
//
// Its rules:
//   - The key of a certificate is made on the workstation and never leaves it:
//     no request holds it, and an answer that holds one is refused.
//   - A request that carries a credential is sent once, and to nobody else
//     than it was addressed to.
//   - Only 401 means that the password is wrong (ErrCredentials). An exchange
//     that is overloaded or whose directory is away is a *NetworkError.
//   - No error holds a password, a token or an exchange's raw answer.
//
// The guarantee ends at tokens: only the API server has the keys to verify
// what the basic profile brings, so it is passed on as it came, with the end
// that it says it has. A certificate's chain is the API server's to verify too;
// that it belongs to our key, lives and is a client's is checked here.
package ldapexchange
