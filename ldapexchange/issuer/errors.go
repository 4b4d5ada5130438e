package issuer

import (
	"errors"
	"fmt"
)

// ErrCSR: the certificate request is no good. The text of an error that is one
// is safe to show to whoever sent it.
var ErrCSR = errors.New("the certificate request cannot be used")

// ErrCA: the certificate authority cannot be used; the client is not at fault.
var ErrCA = errors.New("the certificate authority cannot be used")

// ErrReadOnly: the folder of keys is mounted, and others make the keys.
var ErrReadOnly = errors.New("the keys are read from a folder that others write")

// Reason says in a word why a token is refused, for the audit.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	Malformed  Reason = "malformed" // too large, or not a JWT of ours in form
	UnknownKey Reason = "key"       // its header is not one that we write
	Signature  Reason = "signature"
	Foreign    Reason = "issuer"
	Expired    Reason = "expired"
	Early      Reason = "early" // issued, or good, in the future only
)

// TokenError: a token is not ours to believe. It holds nothing of the token.
type TokenError struct{ Reason Reason }

// Error implements error.
func (e *TokenError) Error() string { return "the token is refused: " + string(e.Reason) }

// TooLargeError: a credential would not fit where it is sent.
type TooLargeError struct {
	Size, Limit int // bytes
	Groups      int // how many groups it names
}

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the credential would have %d bytes of at most %d, with %d groups; let a filter choose the groups that matter", e.Size, e.Limit, e.Groups)
}

// NameError: a user or group that no credential is made for.
type NameError struct {
	Name   string // fit to be shown
	Reason string
}

// Error implements error.
func (e *NameError) Error() string { return fmt.Sprintf("the name %q %s", e.Name, e.Reason) }
