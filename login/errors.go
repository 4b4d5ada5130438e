package login

// The errors of this package. Their texts are short, hold no secret, and are
// fit for a terminal: what comes from a provider is cleaned when it is shown.
// What the person can do about them is the command's to say.

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/kubecred/kubecred/internal/term"
	"github.com/kubecred/kubecred/login/loopback"
)

var (
	// ErrSessionEnded is a refresh that was answered with invalid_grant: only
	// a login helps (RFC 6749, section 5.2).
	ErrSessionEnded = errors.New("the session has ended")
	// ErrDenied is a person's or a provider's "no" (access_denied).
	ErrDenied = errors.New("the sign-in was denied")
	// ErrTimeout is a wait for a person that came to its end.
	ErrTimeout = errors.New("nobody signed in in time")
	// ErrNoIDToken is an answer without an ID token where one is needed; the
	// error itself is a *NoIDTokenError.
	ErrNoIDToken = errors.New("the provider's answer holds no ID token")
)

// maxText bounds a provider's text in an error, in runes.
const maxText = 300

// PortsBusyError is a listener that found none of its ports free.
type PortsBusyError = loopback.BusyError

// CertificateError is a certificate for the listener that cannot be used.
type CertificateError = loopback.CertificateError

// NotLoopbackError is a listen address that other machines could reach.
type NotLoopbackError = loopback.NotLoopbackError

// OAuthError is a provider's error answer (RFC 6749, section 5.2). Both texts
// are cleaned and bounded.
type OAuthError struct {
	Endpoint    string // such as "token endpoint"
	Code        string // such as invalid_client
	Description string // may be empty
}

func (e *OAuthError) Error() string {
	text := fmt.Sprintf("the provider's %s answered %s", e.Endpoint, e.Code)
	if e.Description != "" {
		text += ": " + e.Description
	}
	return text
}

// NetworkError is a provider that could not be reached, did not answer, or
// was overloaded (429, 5xx). Trying again later may help.
type NetworkError struct {
	Endpoint string
	Host     string
	Status   int   // of HTTP; 0 when there was no answer
	Err      error // nil when there is a Status
}

func (e *NetworkError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("the provider's %s at %s answered %s", e.Endpoint, e.Host, status(e.Status))
	}
	return fmt.Sprintf("the provider's %s at %s cannot be reached: %s", e.Endpoint, e.Host, term.Clean(e.Err.Error(), maxText))
}

// Unwrap returns the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// ProviderError is a provider that broke the protocol, or a server that is
// none. Trying again does not help.
type ProviderError struct {
	Endpoint string
	Reason   string // a sentence after a colon, without the provider's words
	Err      error  // the cause, where there is one
}

func (e *ProviderError) Error() string {
	text := fmt.Sprintf("the provider's %s cannot be used: %s", e.Endpoint, e.Reason)
	if e.Err != nil {
		text += ": " + term.Clean(e.Err.Error(), maxText)
	}
	return text
}

// Unwrap returns the cause.
func (e *ProviderError) Unwrap() error { return e.Err }

// UnsupportedError is something that the provider does not offer.
type UnsupportedError struct{ What string } // such as "device login"

func (e *UnsupportedError) Error() string { return "the provider does not offer " + e.What }

// IssuerMismatchError is a discovery document of another issuer. The two must
// be equal to the letter, since the API server compares them so too.
type IssuerMismatchError struct {
	Want string // as configured
	Got  string // as the provider calls itself, cleaned
}

func (e *IssuerMismatchError) Error() string {
	text := fmt.Sprintf("the issuer is configured as %s, but the provider calls itself %s", e.Want, e.Got)
	if e.Got+"/" == e.Want || e.Got == e.Want+"/" {
		text += " (they differ in the slash at the end)"
	}
	return text
}

// VerifyError is a token that must not be used.
type VerifyError struct {
	Claim  string // which part of it is wrong: a claim's name, "alg", "signature" or "form"
	Reason string
}

func (e *VerifyError) Error() string {
	return fmt.Sprintf("the provider's token was refused (%s): %s", e.Claim, e.Reason)
}

// WrongAccountError is a token for someone else than was asked for.
type WrongAccountError struct {
	Want string
	Got  string // who signed in, cleaned; empty when the token does not say
}

func (e *WrongAccountError) Error() string {
	if e.Got == "" {
		return fmt.Sprintf("the token does not say that it is for %s", e.Want)
	}
	return fmt.Sprintf("the provider signed in %s, not %s", e.Got, e.Want)
}

// NoIDTokenError is an answer without an ID token. It is ErrNoIDToken.
type NoIDTokenError struct{ Grant string } // the grant_type that was sent

func (e *NoIDTokenError) Error() string {
	switch e.Grant {
	case grantRefresh:
		return ErrNoIDToken.Error() + " on refresh: let the provider issue ID tokens on refresh for this client, or use the access token"
	case grantClientCredentials:
		return ErrNoIDToken.Error() + ", and client credentials seldom bring one: use the access token"
	}
	return ErrNoIDToken.Error() + ": allow this client OpenID Connect (the scope openid) at the provider, or use the access token"
}

// Is makes errors.Is(err, ErrNoIDToken) true.
func (e *NoIDTokenError) Is(target error) bool { return target == ErrNoIDToken }

// ConfigError is a Config or an option that cannot work.
type ConfigError struct{ Setting, Reason string }

func (e *ConfigError) Error() string { return e.Setting + ": " + e.Reason }

// oauthCode returns the code of the *OAuthError in err, or "".
func oauthCode(err error) string {
	var oauth *OAuthError
	if errors.As(err, &oauth) {
		return oauth.Code
	}
	return ""
}

// status is "503 Service Unavailable", in our words and not the server's.
func status(code int) string {
	if text := http.StatusText(code); text != "" {
		return fmt.Sprintf("%d %s", code, text)
	}
	return fmt.Sprint(code)
}
