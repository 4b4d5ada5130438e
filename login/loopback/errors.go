package loopback

// What can go wrong, as types. No text repeats what came from outside unless it
// was cleaned and is needed to understand the error.

import (
	"fmt"
	"strings"
)

// BusyError means that none of the addresses could be listened on.
type BusyError struct {
	Addresses []string // as they were given
	Err       error    // the reasons, joined
}

func (e *BusyError) Error() string {
	return "cannot listen on " + strings.Join(e.Addresses, " or ")
}

// Unwrap returns the system's errors.
func (e *BusyError) Unwrap() error { return e.Err }

// NotLoopbackError is a listen address that other machines could reach.
type NotLoopbackError struct{ Address string }

func (e *NotLoopbackError) Error() string {
	return fmt.Sprintf("the listen address %q is not on loopback", e.Address)
}

// AddressError is a listen address that cannot be read.
type AddressError struct{ Address, Reason string }

func (e *AddressError) Error() string {
	return fmt.Sprintf("the listen address %q is not usable: %s", e.Address, e.Reason)
}

// CertificateError is a certificate or a key for the listener that cannot be
// used.
type CertificateError struct{ Err error }

func (e *CertificateError) Error() string {
	return "cannot load the local server's certificate: " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *CertificateError) Unwrap() error { return e.Err }

// StrayError is an answer that does not belong to this login. Its Reason
// repeats nothing of the answer.
type StrayError struct{ Reason string }

func (e *StrayError) Error() string { return e.Reason }

// DeniedError is the provider's error response (RFC 6749, section 4.1.2.1). Both texts
// are cleaned and bounded, and may be shown.
type DeniedError struct {
	Code        string // such as access_denied
	Description string // may be empty
}

func (e *DeniedError) Error() string {
	if e.Description == "" {
		return "the provider answered " + e.Code
	}
	return fmt.Sprintf("the provider answered %s: %s", e.Code, e.Description)
}

// IssuerError is an answer with this login's state that names another issuer,
// or none where the provider promised one (RFC 9207).
type IssuerError struct {
	Want string
	Got  string // cleaned; empty when the answer named none
}

func (e *IssuerError) Error() string {
	if e.Got == "" {
		return fmt.Sprintf("the answer does not name its issuer, which must be %s", e.Want)
	}
	return fmt.Sprintf("the answer comes from issuer %s, not %s", e.Got, e.Want)
}

// PasteError is pasted text that is neither a code nor an address. Its Reason
// repeats nothing of the text.
type PasteError struct{ Reason string }

func (e *PasteError) Error() string { return e.Reason }
