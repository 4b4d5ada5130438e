package main

// What an operator can do about each kind of error.

import (
	"context"
	"errors"
	"io/fs"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/private"
	"github.com/kubecred/kubecred/ldapexchange/directory"
	"github.com/kubecred/kubecred/ldapexchange/issuer"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/control"
	"github.com/kubecred/kubecred/ldapexchange/state"
)

// explain finds the hint and the exit code for err. The first that fits answers.
func explain(err error) *cli.Failure {
	var (
		wrong   *config.Error
		inUse   *state.InUseError
		unsafe  *private.UnsafeError
		account *directory.AccountError
		away    *directory.UnavailableError
	)
	is := func(target error) bool { return errors.Is(err, target) }
	switch {
	case is(context.Canceled):
		return cli.Fail(err, "run the command again", exitInterrupted)
	case errors.As(err, &wrong):
		return cli.Fail(err, "docs/exchange.md describes the configuration; kubecred-exchange schema prints its schema for your editor", exitConfig)
	case errors.As(err, &inUse):
		return cli.Fail(err, "end the other process; commands reach a running one by themselves when --config is the same", exitState)
	case errors.As(err, &unsafe):
		return cli.Fail(err, "give it to the service's user alone (chmod 700 for folders, 600 for files)", exitConfig)
	case is(issuer.ErrReadOnly):
		return cli.Fail(err, "make the new key where the folder is written, and the service will read it", exitConfig)
	case is(control.ErrTarget):
		return cli.Fail(err, "kubecred-exchange sessions lists who is signed in", exitDenied)
	case is(state.ErrUnavailable):
		return cli.Fail(err, "make room on the disk, or see docs/operations.md for restoring a backup", exitState)
	case errors.As(err, &account), is(errUserUnknown), is(directory.ErrGone), is(directory.ErrAmbiguous), is(directory.ErrLimit), is(directory.ErrInput):
		return cli.Fail(err, "look the account up in the directory", exitDenied)
	case is(fs.ErrNotExist), is(fs.ErrPermission) && !is(directory.ErrUnavailable): // a firewall says so as well
		return cli.Fail(err, "check that the file is there and that the service's user may read it", exitConfig)
	case errors.As(err, &away) && away.Refused():
		return cli.Fail(err, "kubecred-exchange check tells which step fails", exitDenied)
	case is(directory.ErrUnavailable), is(context.DeadlineExceeded):
		return cli.Fail(err, "kubecred-exchange check tells which step fails", exitNetwork)
	}
	return cli.Fail(err, "", exitOther)
}
