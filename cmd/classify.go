package cmd

import "github.com/kubecred/kubecred/internal/signin"

// classified is an error with what it means to signin beside it. Its text and
// all else stay as they are.
type classified struct {
	error
	as error
}

func (e *classified) Unwrap() []error { return []error{e.error, e.as} }

// classify tells signin what became of a refresh or a login: what a person
// would be told of it says that already. otherwise is for what is none of
// those, and may be nil.
func classify(err, otherwise error) error {
	if err == nil {
		return nil
	}
	as := otherwise
	switch explain(err).Code {
	case exitNetwork:
		as = signin.ErrOffline
	case exitTimeout:
		as = signin.ErrUnanswered
	case exitConfig, exitLoginNeeded: // found before anyone was asked for anything
		as = signin.ErrNotBegun
	}
	if as == nil {
		return err
	}
	return &classified{err, as}
}
