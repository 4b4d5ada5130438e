package keyring

import (
	"context"
	"fmt"
	"time"
)

// wait says how long a call may take, and when and how a person hears of it.
type wait struct {
	limit       time.Duration
	noticeAfter time.Duration
	notice      func(string) // nil: nobody hears
}

// bounded runs call in a goroutine of its own and leaves it there when the
// limit passes or ctx ends: go-keyring takes no context, and a bus that says
// nothing holds a read for ever. A panic in it (go-keyring trusts the types
// of a bus's answers) becomes an error.
func bounded[T any](ctx context.Context, w wait, call func(context.Context) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	limited, cancel := context.WithTimeout(ctx, w.limit)
	defer cancel()
	done := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			if r := recover(); r != nil {
				a.err = fail(ErrFailed, fmt.Sprint(r))
			}
			done <- a
		}()
		a.value, a.err = call(limited)
	}()
	var speak <-chan time.Time
	if w.notice != nil {
		timer := time.NewTimer(w.noticeAfter)
		defer timer.Stop()
		speak = timer.C
	}
	for {
		select {
		case a := <-done:
			if a.err != nil && limited.Err() != nil {
				return a.value, overdue(ctx, w.limit)
			}
			return a.value, a.err
		case <-speak:
			w.notice(notice)
		case <-limited.Done():
			var none T
			return none, overdue(ctx, w.limit)
		}
	}
}

// overdue tells a caller who gave up from a keyring that did not answer.
func overdue(ctx context.Context, limit time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return fail(ErrTimeout, fmt.Sprintf("nothing within %v", limit))
}
