package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// The program as a program: each script in testdata/script runs the real
// binary's main against a provider of its own.

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"kubecred": main,
		"browser":  func() { os.Exit(oidctest.BrowserMain(os.Args[1:])) },
	})
}

type providerKey struct{}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		Setup:               setup,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"provider": control,
			"requests": requests,
			"within":   within,
			"secrets":  secrets,
		},
	})
}

// setup gives a script a provider and a home of its own. Nothing of the
// person's who runs the tests is in its environment.
func setup(env *testscript.Env) error {
	p, err := oidctest.New(oidctest.AlwaysRefresh())
	if err != nil {
		return err
	}
	env.Defer(func() { p.Close() })
	env.Values[providerKey{}] = p
	home := filepath.Join(env.WorkDir, "home")
	for _, dir := range []string{home, filepath.Join(env.WorkDir, "run")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	env.Vars = append(env.Vars,
		"HOME="+home,
		"USERPROFILE="+home,
		"AppData="+filepath.Join(home, "AppData"),
		"LocalAppData="+filepath.Join(home, "LocalAppData"),
		"XDG_CACHE_HOME="+filepath.Join(home, ".cache"),
		"XDG_CONFIG_HOME="+filepath.Join(home, ".config"),
		"XDG_RUNTIME_DIR="+filepath.Join(env.WorkDir, "run"),
		"KUBECRED_TOKEN_CACHE_STORAGE=file",
		"ISSUER="+p.Issuer,
		"CLIENT="+oidctest.ClientID,
		"FLAGS=--oidc-issuer-url="+p.Issuer,
	)
	env.Vars = append(env.Vars, oidctest.BrowserProgram{Log: filepath.Join(env.WorkDir, "visits")}.Env()...)
	return nil
}

func provider(ts *testscript.TestScript) *oidctest.Provider {
	return ts.Value(providerKey{}).(*oidctest.Provider)
}

// control changes the provider: "provider deny", "provider 503 token".
func control(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: provider CHANGE [ENDPOINT]")
	}
	endpoint := func() oidctest.Endpoint { return oidctest.Endpoint(args[1]) }
	changes := map[string]func() oidctest.Option{
		"deny":        oidctest.Deny,
		"short-lived": func() oidctest.Option { return oidctest.TokenLifetime(3 * time.Second) },
		"lives":       func() oidctest.Option { return oidctest.TokenLifetime(must(time.ParseDuration(args[1]))) },
		"503": func() oidctest.Option {
			return oidctest.Break(endpoint(), oidctest.Status(http.StatusServiceUnavailable, 0))
		},
		"endless":  func() oidctest.Option { return oidctest.Break(endpoint(), oidctest.Endless()) },
		"not-json": func() oidctest.Option { return oidctest.Break(endpoint(), oidctest.NotJSON()) },
		"redirect": func() oidctest.Option {
			return oidctest.Break(endpoint(), oidctest.RedirectTo("http://issuer.example/"))
		},
		"refuse": func() oidctest.Option {
			return oidctest.Break(endpoint(), oidctest.Refuse(400, args[2], oidctest.ControlText, nil))
		},
		"mend":             func() oidctest.Option { return oidctest.Mend(endpoint()) },
		"set":              func() oidctest.Option { return oidctest.Set(endpoint(), args[2], args[3]) },
		"echo-secrets":     oidctest.EchoSecrets,
		"no-id-token":      oidctest.NoIDToken,
		"no-refresh-id":    oidctest.NoIDTokenOnRefresh,
		"no-refresh-token": oidctest.NoRefreshToken,
		"no-revocation":    oidctest.NoRevocation,
		"no-device":        oidctest.NoDeviceEndpoint,
		"slashed":          oidctest.SlashedIssuer,
		"sign-in-as":       func() oidctest.Option { return oidctest.SignInAs(args[1]) },
		"confidential":     func() oidctest.Option { return oidctest.Confidential(args[1], args[2]) },
		"service":          func() oidctest.Option { return func(c *oidctest.Config) { c.ServiceIDToken = true } },
		"approve-device":   func() oidctest.Option { return oidctest.DeviceApprovedAfter(1) },
		"interval":         func() oidctest.Option { return oidctest.Set(oidctest.Device, "interval", 1) },
		"wrong":            func() oidctest.Option { return oidctest.WrongTokens()[args[1]] },
	}
	change, known := changes[args[0]]
	if !known {
		ts.Fatalf("unknown change %q", args[0])
	}
	provider(ts).Apply(change())
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// requests holds how many requests arrived: "requests authorize 1", or of the
// token endpoint by grant, "requests refresh_token 2".
func requests(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: requests ENDPOINT|GRANT N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	got := provider(ts).Count(oidctest.Endpoint(args[0]))
	if strings.Contains(args[0], "_") || args[0] == "password" {
		got = provider(ts).CountGrant(args[0])
	}
	if got != want {
		ts.Fatalf("%d requests of %s, want %d", got, args[0], want)
	}
}

// within runs a command and holds that it ends in time: "within 1s ! kubecred …".
func within(ts *testscript.TestScript, neg bool, args []string) {
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	began := time.Now()
	err = ts.Exec(args[1], args[2:]...)
	if took := time.Since(began); took > limit {
		ts.Fatalf("took %v, more than %v", took, limit)
	}
	if neg == (err == nil) {
		ts.Fatalf("%s: %v", args[1], err)
	}
}

// secrets holds that none of the files named holds a secret: neither a token
// that the provider issued or received nor a canary.
func secrets(ts *testscript.TestScript, neg bool, args []string) {
	if !neg {
		ts.Fatalf("usage: ! secrets FILE…")
	}
	for _, name := range args {
		text := ts.ReadFile(name)
		for _, mark := range append(sent(provider(ts)), "canary", "eyJ") {
			if strings.Contains(text, mark) {
				ts.Fatalf("%s holds a secret, %.12s…:\n%s", name, mark, text)
			}
		}
	}
}

// sent are the secrets that arrived at the provider.
func sent(p *oidctest.Provider) []string {
	var all []string
	for _, r := range p.All() {
		for _, field := range []string{"code", "code_verifier", "refresh_token", "password", "client_secret", "device_code", "token", "client_assertion"} {
			if value := r.Form.Get(field); len(value) > 3 {
				all = append(all, value)
			}
		}
	}
	return all
}
