package e2e

// A token that the API server no longer believes, and clients that only seem to have been refused.

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/kubecred/kubecred/e2e/internal/cluster"
	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// The issuer's key is replaced, so that the API server refuses a token which has an hour to live. The
// request that meets this fails, as client-go has it; the next one of the same process succeeds, and
// no person was asked.
func TestReplacedKeyCostsOneRequest(t *testing.T) {
	parts.Need(t, parts.Kubernetes, parts.Provider, parts.Terminal) // not in parallel: the keys are everybody's
	p := newPerson(t, kubecredRace(t))
	flags := signedInByDevice(p)
	c := theCluster(t)
	e := p.exec(kubeconfig.V1, flags...)
	e.Command, e.Env = p.program, p.Env
	config := c.Config()
	config.ExecProvider = e.Config()
	seesPerson := func() {
		t.Helper()
		who, err := cluster.WhoAmI(t.Context(), config)
		if err != nil || who.Username != cluster.Prefix+p.account {
			t.Fatalf("the API server sees %q, error %v", who.Username, err)
		}
	}
	seesPerson()
	p.must(theProvider(t).ReplaceKeys(t.Context()))
	p.must(settle(t.Context(), c, theProvider(t))) // it meets a token of the new key, and fetches the keys
	p.must(untilRefused(t.Context(), config))
	seesPerson()
	seesPerson()
	p.asked("refresh_token", 1)
	p.asked(deviceGrant, 1)
}

// untilRefused asks until the API server refuses: for ten seconds it remembers the tokens that it has
// seen (the success TTL of its token cache), and nothing tells when that is over.
func untilRefused(ctx context.Context, config *rest.Config) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := cluster.WhoAmI(ctx, config)
		if apierrors.IsUnauthorized(err) {
			return nil
		}
		if err != nil {
			return err
		}
		<-tick.C
	}
}

// signedInByDevice signs the person in and returns the flags that find the session.
func signedInByDevice(p *person) []string {
	p.t.Helper()
	flags := deviceFlags(p)
	r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, flags...)...)
	approveDevice(p, r)
	credentialOf(p, p.finish(r))
	return flags
}

// One process with twenty contexts runs the program twenty times with the same words, and has been
// refused with nothing: that costs one refresh at most.
func TestTwentyContextsCostOneRefresh(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecredRace(t))
	flags := signedInByDevice(p)
	s := newServer(t)
	var all sync.WaitGroup
	for i := range 20 {
		e := p.exec(kubeconfig.V1, flags...)
		e.Command, e.Env = p.program, append([]string{"KUBECRED_E2E_CONTEXT=" + strconv.Itoa(i)}, p.Env...)
		client := s.client(t, e)
		all.Go(func() {
			if status, err := s.get(client); err != nil || status != http.StatusOK {
				t.Errorf("context %d: status %d, error %v", i, status, err)
			}
		})
	}
	all.Wait()
	if n := len(p.requests("refresh_token")); n > 1 {
		t.Errorf("%d refreshes", n)
	}
	p.asked(deviceGrant, 1)
}

// A script that asks again and again says nothing of itself, and costs nothing.
func TestAskingOftenCostsNothing(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecred(t))
	flags := signedInByDevice(p)
	first := credentialOf(p, p.getToken(desk.Null, flags...)).Token
	for range 20 {
		if credentialOf(p, p.getToken(desk.Null, flags...)).Token != first {
			t.Fatal("another token was handed out")
		}
	}
	p.asked("refresh_token", 0)
}
