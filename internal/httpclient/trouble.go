package httpclient

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
)

// Trouble is why a request has no answer.
type Trouble uint8

// The troubles. A later try may mend Unreachable, and none of the others.
const (
	Unreachable Trouble = iota
	Elsewhere           // a redirect that was refused: a *RedirectError
	Untrusted           // the server's certificate
	Garbled             // an answer without an end, or one that is no TLS
)

// Diagnose returns the trouble in an error of Client.Do or of reading a body,
// and the error without the url.Error around it, which repeats the address and
// counts as a net.Error whatever is inside.
func Diagnose(err error) (Trouble, error) {
	var wrapper *url.Error
	if errors.As(err, &wrapper) {
		err = wrapper.Err
	}
	var redirect *RedirectError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &redirect):
		return Elsewhere, redirect
	case errors.As(err, &certificate):
		return Untrusted, err
	case errors.Is(err, ErrBodyTooLarge), errors.Is(err, http.ErrSchemeMismatch):
		return Garbled, err
	}
	return Unreachable, err
}

// Overloaded reports whether a status says that a later try may be answered
// otherwise.
func Overloaded(status int) bool {
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}
