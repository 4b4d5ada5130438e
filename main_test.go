package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubecred/kubecred/internal/exchangetest"
	"github.com/kubecred/kubecred/internal/oidctest"
)

// The program as a program: each script in testdata/script runs the real
// binary's main against a provider of its own, in a home of its own. What the
// scripts can say beyond testscript's own commands is in script_*_test.go.

func TestMain(m *testing.M) {
	// Scripts wait more than they compute; -parallel on the command line wins.
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){
		"kubecred": main,
		"browser":  func() { os.Exit(oidctest.BrowserMain(os.Args[1:])) },
		"terminal": func() { os.Exit(terminalMain(os.Args[1:])) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		Setup:               setup,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"provider": control,
			"requests": requests,
			"sent":     sent,
			"exchange": exchange,
			"cluster":  cluster,
			"visits":   visits,
			"proxy":    useProxy,
			"fill":     fill,
			"keypair":  keypair,
			"free":     free,
			"hold":     hold,
			"fails":    fails,
			"within":   within,
			"hinted":   hinted,
			"secrets":  secrets,
			"age":      age,
			"seal":     seal,
			"asblock":  asBlock,
		},
	})
}

// condition adds [seal] to testscript's own: "seal" can take the right to
// write away.
func condition(name string) (bool, error) {
	if name != "seal" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return canSeal(), nil
}

// world is what a script has to itself.
type world struct {
	provider *oidctest.Provider
	proxy    *proxy                 // nil before "proxy"
	exchange *exchangetest.Exchange // nil before "exchange"
	cluster  *apiServer             // nil before "cluster"
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// setup gives a script a provider and a home of its own. Nothing of the
// person's who runs the tests is in its environment: no display, no browser,
// no keyring.
func setup(env *testscript.Env) error {
	p, err := oidctest.New(oidctest.AlwaysRefresh())
	if err != nil {
		return err
	}
	w := &world{provider: p}
	env.Values[worldKey{}] = w
	env.Defer(func() { w.provider.Close() })
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
		"GORACE=atexit_sleep_ms=10", // a second, else, for every process
		"CACHE="+filepath.Join(home, ".cache", "kubecred"),
		"CLIENT="+oidctest.ClientID,
		"ASK="+execInfo("v1", true),
		"ALONE="+execInfo("v1", false),
		"ASK_BETA="+execInfo("v1beta1", true),
	)
	env.Vars = append(env.Vars, addresses(p)...)
	env.Vars = append(env.Vars, oidctest.BrowserProgram{Log: filepath.Join(env.WorkDir, "visits")}.Env()...)
	return nil
}

// addresses are the variables by which scripts name their provider.
// PASSWORD is alice's, bound to the provider, for KUBECRED_PASSWORD: the
// quickest way to sign in where a script is about something else.
func addresses(p *oidctest.Provider) []string {
	return []string{
		"ISSUER=" + p.Issuer,
		"FLAGS=--oidc-issuer-url=" + p.Issuer,
		"PASSWORD=" + p.Issuer + " alice's password",
	}
}

// execInfo is what client-go puts into KUBERNETES_EXEC_INFO.
func execInfo(version string, interactive bool) string {
	text := `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/` + version + `","spec":{"interactive":false}}`
	if interactive {
		text = text[:len(text)-len("false}}")] + "true}}"
	}
	return text + "\n"
}
