package e2e

// The servers that the tests share, each started by the first test that needs it
// and ended once when all are through.

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/chrome"
	"github.com/kubecred/kubecred/e2e/internal/cluster"
	"github.com/kubecred/kubecred/e2e/internal/exchange"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/program"
	"github.com/kubecred/kubecred/e2e/internal/provider"
)

// The provider's clients. The API server takes tokens made for any of them.
const (
	publicClient  = "kubecred"       // signs people in; no secret
	secretClient  = "kubecred-basic" // the same, with a secret that must be form-encoded first
	shortClient   = "kubecred-short" // its tokens live for shortLife
	machineClient = "machine"        // client_credentials
	shortMachine  = "machine-short"  // the same, with tokens that live for shortLife
	audience      = "kubernetes"     // of access tokens

	deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

	clientSecret = "s:e+c r%et/"
	shortLife    = 12 * time.Second
)

// patience is the longest that one command or one page may take on a busy machine.
const patience = 40 * time.Second

// osLoginKind is the variable that makes this binary a login to the machine. It names its kinds, with commas.
const osLoginKind = "KUBECRED_E2E_LOGIN"

// running is what has been started; the tests of this package share it.
var running world

func TestMain(m *testing.M) {
	if file := os.Getenv(pluginFile); file != "" {
		os.Exit(plugin(file, os.Stdout))
	}
	if kinds := os.Getenv(osLoginKind); kinds != "" {
		os.Exit(osLogin(kinds))
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		running.stop() // it leaves 100 MB behind otherwise
		os.Exit(1)
	}()
	code := m.Run()
	running.stop()
	os.Exit(code)
}

type world struct {
	provider shared[*provider.Provider]
	exchange shared[*exchange.Exchange]
	door     shared[*exchange.Door]
	cluster  shared[*cluster.Cluster]
	browser  shared[*chrome.Browser]
	release  shared[string]
	race     shared[string]
	service  shared[string]
}

func (w *world) stop() {
	if w.browser.value != nil {
		w.browser.value.Stop()
	}
	if w.cluster.value != nil {
		w.cluster.value.Stop()
	}
	if w.door.value != nil {
		w.door.value.Close()
	}
	if w.exchange.value != nil {
		w.exchange.value.Stop()
	}
	if w.provider.value != nil {
		w.provider.value.Stop()
	}
}

// shared is started once; its failure is every caller's.
type shared[T any] struct {
	once  sync.Once
	value T
	err   error
}

func (s *shared[T]) get(t *testing.T, start func() (T, error)) T {
	t.Helper()
	s.once.Do(func() { s.value, s.err = start() })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.value
}

func theProvider(t *testing.T) *provider.Provider {
	t.Helper()
	parts.Need(t, parts.Provider)
	return running.provider.get(t, func() (*provider.Provider, error) {
		return provider.Start(context.Background(), provider.Options{
			Clients:   clients(),
			Lifetimes: map[string]int{shortClient: int(shortLife.Seconds()), shortMachine: int(shortLife.Seconds())},
		})
	})
}

func clients() []provider.Client {
	person := provider.Client{
		ID: publicClient, Type: "native", AuthMethod: "none",
		RedirectURIs: []string{"http://localhost:8000"}, ResponseTypes: []string{"code"},
		GrantTypes: []string{
			"authorization_code", "refresh_token", "password", deviceGrant,
		},
	}
	short, confidential := person, person
	short.ID = shortClient
	confidential.ID, confidential.Secret, confidential.AuthMethod = secretClient, clientSecret, "client_secret_basic"
	machine := provider.Client{
		ID: machineClient, Secret: clientSecret, AuthMethod: "client_secret_basic",
		RedirectURIs: []string{}, ResponseTypes: []string{}, GrantTypes: []string{"client_credentials"},
	}
	hasty := machine
	hasty.ID = shortMachine
	return []provider.Client{person, short, confidential, machine, hasty}
}

// theExchange has a file of users.
func theExchange(t *testing.T) *exchange.Exchange {
	t.Helper()
	path := exchangeProgram(t)
	return running.exchange.get(t, func() (*exchange.Exchange, error) {
		return exchange.Start(context.Background(), exchange.Options{Program: path})
	})
}

// theDoor is where the API server asks the exchange.
func theDoor(t *testing.T) *exchange.Door {
	t.Helper()
	x := theExchange(t)
	return running.door.get(t, x.OpenDoor)
}

// theCluster believes the provider and the exchange, and lets developers look at what is in it.
func theCluster(t *testing.T) *cluster.Cluster {
	t.Helper()
	parts.Need(t, parts.Kubernetes)
	p, x, door := theProvider(t), theExchange(t), theDoor(t)
	return running.cluster.get(t, func() (*cluster.Cluster, error) {
		ctx := context.Background()
		c, err := cluster.Start(ctx, believing(p, x, door.URL))
		if err != nil {
			return nil, err
		}
		return c, errors.Join(settle(ctx, c, p), settleExchange(ctx, c, x), c.LetListPods(ctx, "developers"))
	})
}

// believing is a cluster that believes a provider, and an exchange that it asks at review.
func believing(p *provider.Provider, x *exchange.Exchange, review string) cluster.Options {
	return cluster.Options{
		Issuer: p.Issuer, IssuerCA: p.CA,
		Audiences: []string{publicClient, secretClient, shortClient, audience},
		Exchange: &cluster.Exchange{
			Issuer: x.Issuer, CA: x.CA, Audiences: []string{exchange.Verify},
			Review: review + "/v1/clusters/" + exchange.Here + "/tokenreview", ReviewCA: x.CA, Caller: exchange.Caller(exchange.Here),
			Clients: x.CAs[exchange.Here].PEM,
		},
	}
}

// settle waits until the API server has the provider's keys, which no readiness check tells.
func settle(ctx context.Context, c *cluster.Cluster, p *provider.Provider) error {
	tokens, err := p.Token(ctx, url.Values{
		"grant_type": {"password"}, "client_id": {publicClient}, "scope": {"openid groups"},
		"username": {"settler@corp.example"}, "password": {provider.Password},
	})
	if err != nil {
		return err
	}
	token, ok := tokens["id_token"].(string)
	if !ok {
		return fmt.Errorf("no id_token among %d values", len(tokens))
	}
	return c.WaitForToken(ctx, token)
}

// settleExchange does so for the exchange.
func settleExchange(ctx context.Context, c *cluster.Cluster, x *exchange.Exchange) error {
	tokens, err := x.SignIn(ctx, exchange.Settler, exchange.Verify)
	if err != nil {
		return err
	}
	return c.WaitForToken(ctx, tokens.ID)
}

func theBrowser(t *testing.T) *chrome.Browser {
	t.Helper()
	parts.Need(t, parts.Chromium)
	p := theProvider(t)
	return running.browser.get(t, func() (*chrome.Browser, error) {
		return chrome.Start(context.Background(), p.SPKI)
	})
}

// kubecred is the program as it is released.
func kubecred(t *testing.T) string {
	t.Helper()
	return running.release.get(t, program.Release)
}

// kubecredRace is the program with the race detector in it.
func kubecredRace(t *testing.T) string {
	t.Helper()
	parts.Need(t, parts.Race)
	return running.race.get(t, program.Race)
}

// exchangeProgram is kubecred-exchange as it is released.
func exchangeProgram(t *testing.T) string {
	t.Helper()
	return running.service.get(t, program.Exchange)
}
