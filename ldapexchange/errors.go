package ldapexchange

// The errors of this package, as package login's are: short, without a secret,
// and fit for a terminal. What a person can do about them is the command's to
// say.

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/kubecred/kubecred/internal/term"
)

// ErrCredentials is an exchange that does not know the user name or does not
// take the password (401). Sending both again is never right: directories lock
// accounts.
var ErrCredentials = errors.New("the exchange did not accept the user name or the password")

// maxText bounds an exchange's words in an error, in runes.
const maxText = 300

// InputError is a user name or a password that cannot be sent.
type InputError struct{ Reason string }

func (e *InputError) Error() string { return e.Reason }

// NetworkError is an exchange that could not be reached, did not answer, or
// could not answer now (408, 429, 5xx). Trying again later may help.
type NetworkError struct {
	Host   string
	Status int   // of HTTP; 0 when there was no answer
	Err    error // nil when there is a Status
}

func (e *NetworkError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("the exchange at %s answered %s", e.Host, status(e.Status))
	}
	return fmt.Sprintf("the exchange at %s cannot be reached: %s", e.Host, term.Clean(e.Err.Error(), maxText))
}

// Unwrap returns the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// RefusedError is an exchange's "no" for another reason than the password: an
// account that is locked, a cluster that it does not know, an access token that
// it does not take.
type RefusedError struct {
	Status int
	Text   string // the exchange's own words, cleaned; may be empty
}

func (e *RefusedError) Error() string {
	text := "the exchange refused with " + status(e.Status)
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// AnswerError is a server that does not answer as an exchange does, or whose
// answer must not be used. Trying again does not help.
type AnswerError struct {
	Reason string // a sentence, without the server's words
	Err    error  // the cause, where there is one
}

func (e *AnswerError) Error() string {
	text := "the exchange's answer cannot be used: " + e.Reason
	if e.Err != nil {
		text += ": " + term.Clean(e.Err.Error(), maxText)
	}
	return text
}

// Unwrap returns the cause.
func (e *AnswerError) Unwrap() error { return e.Err }

// status is "403 Forbidden", in our words and not the server's.
func status(code int) string {
	if text := http.StatusText(code); text != "" {
		return fmt.Sprintf("%d %s", code, text)
	}
	return fmt.Sprint(code)
}
