package directory

// The errors of this package. Their texts are fit to be shown to whoever tries
// to sign in, but for an UnavailableError, which is for the log.

import (
	"errors"
	"fmt"

	"github.com/kubecred/kubecred/internal/term"
)

var (
	// ErrCredentials is an unknown user or a wrong password; nobody can tell which.
	ErrCredentials = errors.New("the user name or the password is wrong")
	// ErrGone is a user whom the directory had once and has no longer.
	ErrGone = errors.New("the directory no longer has this user")
	// ErrUnavailable is a directory that could not be reached or asked. Trying
	// again later may help; the error itself is an *UnavailableError.
	ErrUnavailable = errors.New("the directory cannot be asked")
	// ErrAmbiguous is a name that stands for more than one entry, or an entry
	// that has more than one name.
	ErrAmbiguous = errors.New("the directory has more than one answer for this user")
	// ErrLimit is an answer with more groups than are allowed. They are not cut
	// off: nobody could tell why a permission is missing.
	ErrLimit = errors.New("the user is in more groups than are allowed")
	// ErrInput is a name or password that cannot be right; the error itself is
	// an *InputError.
	ErrInput = errors.New("the user name or the password cannot be right")
)

// Reason says why an account may not in. The texts are fit to be shown.
type Reason string

// The reasons that directories know.
const (
	Disabled        Reason = "the account is disabled"
	Locked          Reason = "the account is locked"
	Expired         Reason = "the account has expired"
	PasswordExpired Reason = "the password has expired"
	MustChange      Reason = "the password must be changed first"
	Restricted      Reason = "the account may not sign in here and now"
)

// AccountError is an account that may not in. It is told only where the
// password was right, or where the directory says so by a code of its own.
type AccountError struct{ Reason Reason }

func (e *AccountError) Error() string { return string(e.Reason) }

// InputError is a name or a password that was refused unsent. It is ErrInput.
type InputError struct {
	What    string // "the user name" or "the password"
	Problem string // a verb first
}

func (e *InputError) Error() string { return e.What + " " + e.Problem }

// Is makes errors.Is(err, ErrInput) true.
func (e *InputError) Is(target error) bool { return target == ErrInput }

// UnavailableError is a directory that could not be asked. It is ErrUnavailable.
type UnavailableError struct {
	Host string // host:port, or empty
	Step string // such as "dial", "TLS", "bind", "search"
	Err  error
}

// maxText bounds a cause in an error, in runes.
const maxText = 300

func (e *UnavailableError) Error() string {
	text := ErrUnavailable.Error()
	if e.Host != "" {
		text += " at " + e.Host
	}
	return fmt.Sprintf("%s: %s: %s", text, e.Step, term.Clean(e.Err.Error(), maxText))
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Refused reports whether a server answered and said no, to the service's
// account or to what was asked: trying again later will not help.
func (e *UnavailableError) Refused() bool {
	var refused *resultError
	return errors.Is(e.Err, errRefused) || errors.As(e.Err, &refused) && !failed(e.Err)
}

// Is makes errors.Is(err, ErrUnavailable) true.
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }

// ConfigError is an option or a file of users that cannot work. Its text holds
// no value of a file.
type ConfigError struct{ Setting, Reason string }

func (e *ConfigError) Error() string { return e.Setting + ": " + e.Reason }
