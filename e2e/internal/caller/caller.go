// Package caller stands for a client of Kubernetes that runs get-token: a folder in the place of a
// HOME, nothing inherited, a provider in this process that answers at once, and a browser that
// signs in by itself. No desk with a person at it is needed to measure or count.
package caller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/measure"
	"github.com/kubecred/kubecred/internal/oidctest"
)

// Caller runs one kubecred against one provider.
type Caller struct {
	Root     string // of all that is written; Close removes it
	Provider *oidctest.Provider

	program, browser string
	caches           []*Cache
	runs             atomic.Int64
}

// execInfo is what client-go v0.37 gives a plugin that has no terminal, with one more field: each kubectl
// is a process of its own, and a client that asked twice for the same would have been refused with it.
func (c *Caller) execInfo() string {
	return fmt.Sprintf(`KUBERNETES_EXEC_INFO={"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",`+
		`"spec":{"interactive":false},"run":%d}`, c.runs.Add(1))
}

// Life is how long a token lives: nothing here expires unless it is made to.
const Life = 12 * time.Hour

// The machine's client at the provider.
const machine, machineSecret = "machine", "the machine's secret"

// New starts the provider. The browser is built from internal/oidctest/cmd/fakebrowser.
func New(program, browser string) (*Caller, error) {
	root, err := os.MkdirTemp("", "kubecred-caller-")
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{"home", "config", "run", "tmp"} {
		err = errors.Join(err, os.Mkdir(filepath.Join(root, folder), 0o700))
	}
	provider, started := oidctest.New(oidctest.TokenLifetime(Life),
		oidctest.WithUser(everyone()), oidctest.WithUser(typical()),
		oidctest.WithClient(oidctest.Client{ID: machine, Secret: machineSecret, Auth: oidctest.AuthBasic}))
	if err = errors.Join(err, started); err != nil {
		return nil, errors.Join(err, os.RemoveAll(root))
	}
	return &Caller{Root: root, Provider: provider, program: program, browser: browser}, nil
}

// Close stops the provider, and removes the folder and what the kernel holds of its keys.
func (c *Caller) Close() error {
	var errs []error
	for _, cache := range c.caches {
		errs = append(errs, cache.dropCopies())
	}
	return errors.Join(append(errs, c.Provider.Close(), os.RemoveAll(c.Root))...)
}

// typical is in twenty groups of a length that directories have: their token has 1.5 KB.
func typical() oidctest.User {
	return oidctest.User{Sub: "user-typical", Email: "jane.doe@corp.example", Name: "Jane Doe", Groups: groups(20)}
}

// inEveryGroup is the account that has a token of 64 KB.
const inEveryGroup = "user-everyone"

func everyone() oidctest.User {
	return oidctest.User{Sub: inEveryGroup, Email: "root@corp.example", Name: "Everyone", Groups: groups(1250)}
}

func groups(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("platform-team-europe-%04d-developers", i)
	}
	return names
}

// GetToken is the command of a call that a person signs in for, where somebody has to.
func (c *Caller) GetToken(in *Cache) measure.Command {
	return c.getToken(in, c.env(), "--oidc-client-id="+oidctest.ClientID,
		"--oidc-extra-scope=profile,email,groups,offline_access",
		"--grant-type=authcode", "--listen-address=127.0.0.1:0", "--browser-command="+c.browser)
}

// MachineToken is the command of a call that signs in by itself, as a machine's account.
func (c *Caller) MachineToken(in *Cache) measure.Command {
	env := append(c.env(), "KUBECRED_OIDC_CLIENT_SECRET="+c.Provider.Issuer+" "+machineSecret)
	return c.getToken(in, env, "--oidc-client-id="+machine, "--grant-type=client-credentials", "--oidc-use-access-token")
}

func (c *Caller) getToken(in *Cache, env []string, flags ...string) measure.Command {
	return measure.Command{
		Path: c.program, Dir: c.Root, Env: append(env, in.bus...), Each: c.execInfo,
		Args: slices.Concat([]string{"get-token", "--oidc-issuer-url=" + c.Provider.Issuer}, flags, in.flags()),
	}
}

// Other is a program that is compared with get-token, in the same surroundings.
func (c *Caller) Other(path string, args ...string) measure.Command {
	return measure.Command{Path: path, Args: args, Dir: c.Root, Env: c.env()}
}

// Fill signs in, or is served what was signed in to before, and returns the token's size in bytes.
func (c *Caller) Fill(ctx context.Context, in *Cache) (int, error) {
	_, out, err := c.GetToken(in).Run(ctx)
	if err = errors.Join(err, c.Settle(ctx)); err != nil {
		return 0, err
	}
	var credential struct{ Status struct{ Token string } }
	err = json.Unmarshal(out, &credential)
	return len(credential.Status.Token), err
}

// FillBig is Fill for an account in so many groups that its token has 64 KB.
func (c *Caller) FillBig(ctx context.Context, in *Cache) (int, error) {
	c.Provider.Apply(oidctest.SignInAs(inEveryGroup))
	defer c.Provider.Apply(oidctest.SignInAs(""))
	return c.Fill(ctx, in)
}

// Settle waits until every browser that was opened has come to its end: they outlive who opened them.
func (c *Caller) Settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	visits, err := oidctest.AwaitVisits(ctx, c.visits(), c.Provider.Count(oidctest.Authorize))
	for _, v := range visits {
		if v.Err != "" {
			err = errors.Join(err, errors.New(v.Err))
		}
	}
	return err
}

func (c *Caller) visits() string { return filepath.Join(c.Root, "visits") }

func (c *Caller) env() []string {
	at := func(name string) string { return filepath.Join(c.Root, name) }
	return append(oidctest.BrowserProgram{Log: c.visits()}.Env(),
		"PATH="+os.Getenv("PATH"), "LANG=C.UTF-8",
		"HOME="+at("home"), "XDG_CONFIG_HOME="+at("config"), "XDG_RUNTIME_DIR="+at("run"), "TMPDIR="+at("tmp"),
	)
}
