package server

// Who somebody is, by name and password.

import (
	"context"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/kubecred/kubecred/internal/secret"
)

// Bounds on what is typed, in bytes. No directory has a name or a password of
// such a length; hashing one is work.
const (
	maxName     = 256
	maxPassword = 1024
)

// signIn checks a password within the limits. The time of a refusal is rounded
// up, after others of the user may go on.
func (c *call) signIn(name string, password secret.Text) (Identity, *refusal) {
	begin := time.Now()
	c.sayTyped(name)
	who, r := c.checkPassword(name, password)
	c.sayKnown(name, who, r)
	if r != nil && r.code == "invalid_grant" {
		step := c.s.o.RefusalStep
		c.s.o.sleep(c.r.Context(), step-time.Since(begin)%step)
	}
	return who, r
}

func (c *call) checkPassword(name string, password secret.Text) (Identity, *refusal) {
	attempt, err := c.begin(name, password)
	var limited *LimitedError
	switch {
	case errors.As(err, &limited):
		return Identity{}, tooMany(limited.After)
	case errors.Is(err, ErrCredentials):
		return Identity{}, noEntry(err)
	case errors.Is(err, ErrBusy):
		return Identity{}, busy()
	case err != nil:
		return Identity{}, unavailable("state", err)
	}
	defer attempt.Done()
	// A client that hangs up does not take its failure with it.
	ctx := context.WithoutCancel(c.r.Context())
	who, err := c.authenticate(name, password)
	if err == nil {
		if err := attempt.Passed(ctx); err != nil {
			return Identity{}, unavailable("state", err)
		}
		return who, nil
	}
	r := noEntry(err)
	if err := count(ctx, attempt, r); err != nil {
		return Identity{}, unavailable("state", err)
	}
	return Identity{}, r
}

// maxWait bounds the wait for others of the same name. With all that the
// directory may take it stays below writeTimeout.
const maxWait = 10 * time.Second

// begin waits for no longer than one sign-in may take: by then those who were
// first have had their answer, and others have taken their place.
func (c *call) begin(name string, password secret.Text) (Attempt, error) {
	ctx, cancel := context.WithTimeout(c.r.Context(), min(maxWait, c.s.o.DirectoryTimeout))
	defer cancel()
	return c.s.o.Limits.Begin(ctx, name, c.address, password)
}

// count counts a "no" of the directory. One that is the account's says nothing
// of the password, which is good again when the account is.
func count(ctx context.Context, attempt Attempt, r *refusal) error {
	switch {
	case r.status >= 500:
		return nil
	case r.reason == "credentials":
		return attempt.Refused(ctx)
	}
	return attempt.Barred(ctx)
}

// authenticate asks the directory, unless no directory could say yes: an empty
// password is an anonymous bind there (CVE-2017-14623).
func (c *call) authenticate(name string, password secret.Text) (Identity, error) {
	if !typed(name, maxName) || !typed(password.Reveal(), maxPassword) {
		return Identity{}, ErrCredentials
	}
	return c.ask("authenticate", func(ctx context.Context) (Identity, error) {
		return c.s.o.Directory.Authenticate(ctx, name, password)
	})
}

// typed reports whether text is something that a person may have typed.
func typed(text string, limit int) bool {
	if text == "" || len(text) > limit || !utf8.ValidString(text) {
		return false
	}
	for i := range len(text) {
		if text[i] == 0 {
			return false
		}
	}
	return true
}

// ask gives the directory its deadline. A client that hangs up does not end
// it: a bind that is under way has been counted by the directory, and must be
// counted here.
func (c *call) ask(operation string, do func(context.Context) (Identity, error)) (Identity, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), c.s.o.DirectoryTimeout)
	defer cancel()
	began := time.Now()
	who, err := do(ctx)
	c.s.metrics.directory.WithLabelValues(operation, result(err)).Observe(time.Since(began).Seconds())
	if err == nil && (who.ID == "" || who.Name == "") {
		return Identity{}, errors.New("the directory answered without an ID or a name")
	}
	return who, err
}

func result(err error) string {
	var account *AccountError
	switch {
	case err == nil:
		return "found"
	case errors.Is(err, ErrCredentials), errors.Is(err, ErrGone), errors.As(err, &account):
		return "refused"
	}
	return "failed"
}

// noEntry is the answer to a directory's "no" or silence.
func noEntry(err error) *refusal {
	var account *AccountError
	switch {
	case errors.Is(err, ErrCredentials):
		return denied("credentials", "the user name or the password is wrong")
	case errors.Is(err, ErrGone):
		return denied("gone", "the session has ended: sign in again")
	case errors.As(err, &account):
		return noAccount(account.Reason)
	}
	return unavailable("directory", err)
}

// noAccount says what the person can do about it.
func noAccount(reason AccountReason) *refusal {
	switch reason {
	case AccountLocked:
		return denied("account locked", "the account is locked: wait, or ask your administrator")
	case AccountExpired:
		return denied("account expired", "the account has expired: ask your administrator")
	case AccountPasswordExpired:
		return denied("password expired", "the password has expired: change it in the directory and sign in again")
	case AccountMustChange:
		return denied("password must change", "the password must be changed in the directory before you can sign in")
	case AccountRestricted:
		return denied("account restricted", "the account may not sign in, or not from here or at this hour: ask your administrator")
	}
	return denied("account disabled", "the account is disabled: ask your administrator")
}

// denied is a final "no" to a password or a session.
func denied(reason, description string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "invalid_grant", description: description, reason: reason}
}

func tooMany(wait time.Duration) *refusal {
	return &refusal{status: http.StatusTooManyRequests, code: "temporarily_unavailable", reason: "limit", retry: wait,
		description: "too many failed sign-ins: wait before you try again"}
}

// busy is "later", and no limit: nobody need have failed.
func busy() *refusal {
	return &refusal{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", reason: "busy", retry: time.Second,
		description: "too many sign-ins with this name are under way: try again later"}
}
