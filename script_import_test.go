package main

import (
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubecred/kubecred/internal/kubeconfig"
)

// asBlock runs what the exec block of a user of $KUBECONFIG says, as a client
// does: "asblock USER".
func asBlock(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: asblock USER")
	}
	d, err := kubeconfig.Open(ts.Getenv("KUBECONFIG"))
	ts.Check(err)
	user, err := d.User(args[0])
	ts.Check(err)
	if user.Exec == nil || !user.Token.Empty() {
		ts.Fatalf("the user %s has more or less than an exec block", args[0])
	}
	ts.Check(ts.Exec(user.Exec.Command, user.Exec.Args...))
}
