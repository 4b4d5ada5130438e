package e2e

// The exchange is away, its key is replaced, or a password is wrong: kubectl ends soon, and nobody's
// account is locked.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kubecred/kubecred/e2e/internal/cluster"
	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/exchange"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// An API server that cannot ask the exchange refuses soon, and does not ask again and again.
func TestReviewsThatAreAway(t *testing.T) {
	parts.Need(t, parts.Kubernetes, parts.Provider) // not in parallel: the door is everybody's
	s, door := newStaff(t, theExchange(t)), theDoor(t)
	flags := s.kept("--audience=" + exchange.Here)
	s.writeExec(kubeconfig.V1, flags...)
	t.Cleanup(func() { door.Set(exchange.Open) })
	for name, c := range map[string]struct {
		state exchange.State
		asked int
	}{"503": {exchange.Unavailable, 1}, "no answer": {exchange.Dead, 1}} {
		token := credentialOf(s.person, s.getToken(desk.Null, append(flags, "--force-refresh")...)).Token
		door.Set(c.state)
		failed := s.finish(s.whoAmI(desk.Null))
		s.refused(failed)
		if asked := door.Reviews(token); failed.Took > 5*time.Second || asked != c.asked {
			t.Errorf("%s: kubectl took %s and the API server asked %d times", name, failed.Took, asked)
		}
		door.Set(exchange.Open)
		s.sees(s.finish(s.whoAmI(desk.Null)))
	}
}

// A password file that is out of date costs one failed attempt, however often kubectl runs the plugin and
// however often kubectl is run. A new password is tried.
func TestStalePasswordFileIsTriedOnce(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	s := newStaff(t, theExchange(t))
	s.writeExec(kubeconfig.V1, s.kept("--audience="+exchange.Here)...)
	s.keep("an old one")
	first := s.run(desk.Null, kubectl(t), "get", "pods")
	if runs := strings.Count(first.Stderr, "error: "); first.Code == 0 || runs < 5 {
		t.Errorf("kubectl exited with %d after %d failures of the plugin:\n%s", first.Code, runs, first.Stderr)
	}
	s.refused(s.run(desk.Null, kubectl(t), "get", "pods"))
	s.keep(exchange.Password)
	if out := s.run(desk.Null, s.program, append([]string{"login"}, s.kept("--audience="+exchange.Here)...)...); out.Code != 0 {
		t.Errorf("login exited with %d: %s", out.Code, out.Stderr)
	}
	s.decided("password", "refused", "credentials", 1)
	if all := s.issued(); all != 2 {
		t.Errorf("the exchange was asked %d times, and once of it for the new password", all)
	}
	s.sees(s.finish(s.whoAmI(desk.Null)))
}

// A client that goes on for long notices nothing of a rotation. A key that is replaced in an emergency costs
// it the requests that the API server refuses until the plugin is asked again, and nobody's password.
func TestExchangeChangesItsKey(t *testing.T) {
	parts.Need(t, parts.Kubernetes, parts.Provider) // not in parallel: the keys are everybody's
	x, c := theExchange(t), theCluster(t)
	s := newStaff(t, x)
	clients := map[string]*rest.Config{}
	for _, audience := range []string{exchange.Here, exchange.Verify} {
		e := s.exec(kubeconfig.V1, s.kept("--audience="+audience)...)
		e.Command, e.Env = s.program, s.Env
		clients[audience] = c.Config()
		clients[audience].ExecProvider = e.Config()
	}
	each := func(do func(*rest.Config) error) {
		t.Helper()
		for audience, client := range clients {
			if err := do(client); err != nil {
				t.Fatalf("a client with a token for %q: %v", audience, err)
			}
		}
	}
	seen := func(client *rest.Config) error {
		who, err := cluster.WhoAmI(t.Context(), client)
		if err == nil && who.UID != s.account {
			err = fmt.Errorf("the API server sees %q", who.Username)
		}
		return err
	}
	each(seen)
	_, err := x.Operate(t.Context(), "rotate")
	s.must(err)
	each(seen)
	_, err = x.Operate(t.Context(), "rotate", "--replace")
	s.must(err)
	s.must(settleExchange(t.Context(), c, x)) // the API server meets a token of the new key, and fetches the keys
	each(func(client *rest.Config) error { return untilRefused(t.Context(), client) })
	each(seen)
	s.decided("password", "granted", "", len(clients))
	s.decided("refresh", "granted", "", len(clients))
}

// Nobody answers where the exchange was: kubectl says so soon, though it runs the plugin several times.
func TestSignInThatIsAway(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Kubernetes, parts.Provider)
	s := newStaff(t, ownExchange(t))
	s.writeExec(kubeconfig.V1, s.kept("--audience="+exchange.Here)...)
	s.x.Halt()
	failed := s.run(desk.Null, kubectl(t), "get", "pods")
	s.refused(failed)
	if runs := strings.Count(failed.Stderr, "error: "); runs < 5 || failed.Took > 10*time.Second ||
		!strings.Contains(failed.Stderr, "cannot be reached") || !strings.Contains(failed.Stderr, "hint: ") {
		t.Errorf("after %s kubectl said:\n%s", failed.Took, failed.Stderr)
	}
	s.must(s.x.Resume(t.Context()))
	if out := s.run(desk.Null, s.program, append([]string{"login"}, s.kept("--audience="+exchange.Here)...)...); out.Code != 0 {
		t.Errorf("login exited with %d: %s", out.Code, out.Stderr)
	}
	s.decided("password", "granted", "", 1)
}
