package signin

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What an Authenticator's error wraps where it is one of these. Any other is
// a failure that trying again at once does not mend.
var (
	// ErrSessionEnded: the provider said that nothing but a login helps
	// (invalid_grant, RFC 6749, section 5.2).
	ErrSessionEnded = errors.New("the session has ended")
	// ErrOffline: the provider was not reached, or was overloaded. Trying
	// again a little later may help, and a login does not.
	ErrOffline = errors.New("the provider was not reached")
	// ErrNotBegun: the login ended before a person was asked for anything or
	// a secret was sent, so that trying again costs nobody anything.
	ErrNotBegun = errors.New("the login did not begin")
	// ErrUnanswered: a person was asked, and did not answer in time.
	ErrUnanswered = errors.New("nobody answered")
)

// ErrNotKept is a login whose result would be kept nowhere (Deliberate).
var ErrNotKept = errors.New("nothing is kept with this storage, so signing in ahead of time is for nothing")

// PausedError is what was not tried, since it has just failed.
type PausedError struct {
	// Kind is ErrOffline, ErrUnanswered, or nil for any other failed login.
	Kind error
	// Ago is how long ago it failed, and Text why, without a secret.
	Ago  time.Duration
	Text string
	// Left is how long it is not tried again. Zero with ErrUnanswered is until
	// a person signs in by name.
	Left time.Duration
	// Attended: it is a person's, who may try again by another command.
	Attended bool
}

// Error implements error.
func (e *PausedError) Error() string {
	when := "just now"
	switch {
	case e.Ago >= time.Minute:
		when = strings.TrimSuffix(e.Ago.Truncate(time.Minute).String(), "0s") + " ago"
	case e.Ago >= time.Second:
		when = e.Ago.Truncate(time.Second).String() + " ago"
	}
	if e.Kind == ErrOffline {
		return fmt.Sprintf("%s (%s)", e.Text, when)
	}
	return fmt.Sprintf("signing in failed %s: %s", when, e.Text)
}

// Unwrap returns Kind.
func (e *PausedError) Unwrap() error { return e.Kind }
