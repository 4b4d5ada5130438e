package doctor

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/kubeconfig"
)

// good is a block with nothing to say about.
func good() kubeconfig.Exec {
	return kubeconfig.Exec{
		APIVersion: "client.authentication.k8s.io/v1", Command: "kubecred", InteractiveMode: "IfAvailable", InstallHint: "see there",
		Args: []string{"get-token", "--oidc-issuer-url=https://issuer.example/realms/x", "--oidc-client-id=kubernetes", "--oidc-extra-scope=email,groups"},
	}
}

// of is a kubeconfig whose context leads to a block.
func of(block kubeconfig.Exec) *Kubeconfig {
	return &Kubeconfig{Ours: true, Target: kubeconfig.Target{Context: "prod", User: kubeconfig.User{Name: "me", Exec: &block}}}
}

func TestExecBlock(t *testing.T) {
	for name, test := range map[string]struct {
		edit  func(*kubeconfig.Exec)
		check string
		mark  Mark
		found string
	}{
		"v1":               {func(*kubeconfig.Exec) {}, "apiVersion", OK, "v1"},
		"v1beta1":          {func(e *kubeconfig.Exec) { e.APIVersion += "beta1" }, "apiVersion", Warning, "v1beta1"},
		"v1alpha1":         {func(e *kubeconfig.Exec) { e.APIVersion += "alpha1" }, "apiVersion", Failed, "refuse since"},
		"no version":       {func(e *kubeconfig.Exec) { e.APIVersion = "" }, "apiVersion", Failed, "none that clients know"},
		"another version":  {func(e *kubeconfig.Exec) { e.APIVersion = "v1" }, "apiVersion", Failed, "none that clients know"},
		"IfAvailable":      {func(*kubeconfig.Exec) {}, "interactiveMode", OK, "IfAvailable"},
		"Never":            {func(e *kubeconfig.Exec) { e.InteractiveMode = "Never" }, "interactiveMode", Note, "cannot ask"},
		"Always":           {func(e *kubeconfig.Exec) { e.InteractiveMode = "Always" }, "interactiveMode", Warning, "without a terminal"},
		"no mode":          {func(e *kubeconfig.Exec) { e.InteractiveMode = "" }, "interactiveMode", Failed, "is missing"},
		"no beta mode":     {func(e *kubeconfig.Exec) { e.InteractiveMode, e.APIVersion = "", e.APIVersion+"beta1" }, "interactiveMode", OK, "IfAvailable"},
		"another mode":     {func(e *kubeconfig.Exec) { e.InteractiveMode = "canary" }, "interactiveMode", Failed, "none of"},
		"a hint":           {func(*kubeconfig.Exec) {}, "installHint", OK, "there"},
		"no hint":          {func(e *kubeconfig.Exec) { e.InstallHint = "" }, "installHint", Note, "missing"},
		"plain arguments":  {func(*kubeconfig.Exec) {}, "arguments", OK, "no blanks"},
		"a blank":          {func(e *kubeconfig.Exec) { e.Args = append(e.Args, "--account=canary x") }, "arguments", Warning, "in --account:"},
		"a dollar":         {func(e *kubeconfig.Exec) { e.Args = append(e.Args, "$canary") }, "arguments", Warning, "in argument 5:"},
		"an odd name":      {func(e *kubeconfig.Exec) { e.Args = append(e.Args, "--can$ary=1") }, "arguments", Warning, "in argument 5:"},
		"an empty one":     {func(e *kubeconfig.Exec) { e.Args = append(e.Args, "") }, "arguments", Warning, "in argument 5:"},
		"no cluster info":  {func(*kubeconfig.Exec) {}, "cluster info", OK, "not asked for"},
		"some of the info": {func(e *kubeconfig.Exec) { e.ProvideClusterInfo = true }, "cluster info", OK, "about 1 KB"},
	} {
		t.Run(name, func(t *testing.T) {
			block := good()
			test.edit(&block)
			f := run(t, of(block).Checks(), test.check)
			f.is(t, test.mark, test.found)
			if strings.Contains(f.Found+f.Do, "canary") {
				t.Errorf("a value is shown: %q", f.Found)
			}
		})
	}
	exposed := of(good())
	exposed.Exposed = []string{"--oidc-client-secret"}
	run(t, exposed.Checks(), "arguments").is(t, Warning, "a secret stands in --oidc-client-secret")
}

// A variable that does not fit keeps the plugin from starting at all.
func TestClusterInfoThatDoesNotFit(t *testing.T) {
	block := good()
	block.ProvideClusterInfo = true
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, make([]byte, 100<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cluster kubeconfig.Cluster
		config  int
		mark    Mark
	}{
		"a large authority":         {kubeconfig.Cluster{CAData: make([]byte, 100<<10)}, 0, Failed},
		"a large file":              {kubeconfig.Cluster{CAFile: file}, 0, Failed},
		"a file and data":           {kubeconfig.Cluster{CAFile: file, CAData: make([]byte, 10)}, 0, OK},
		"a large extension":         {kubeconfig.Cluster{}, 200 << 10, Failed},
		"nearly too much of it all": {kubeconfig.Cluster{CAData: make([]byte, 75<<10)}, 100, Warning},
		"a file that is not there":  {kubeconfig.Cluster{CAFile: file + ".no"}, 0, OK},
	} {
		t.Run(name, func(t *testing.T) {
			k := of(block)
			k.limit, k.Target.Cluster, k.Target.Config = 128<<10, test.cluster, json.RawMessage(strings.Repeat(" ", test.config))
			run(t, k.Checks(), "cluster info").is(t, test.mark, "")
		})
	}
}

func TestContext(t *testing.T) {
	run(t, of(good()).Checks(), "context").is(t, OK, `"prod" leads to the user "me"`)
	kubelogin := good()
	kubelogin.Command = "kubectl"
	run(t, of(kubelogin).Checks(), "context").is(t, Warning, "still runs kubectl")
	plain := Kubeconfig{Target: kubeconfig.Target{User: kubeconfig.User{Name: "old"}}}
	run(t, plain.Checks(), "context").is(t, Note, `"old" does not sign in with kubecred`)
	nowhere := Kubeconfig{Err: &kubeconfig.NotFoundError{Kind: "context"}, Hint: "name another"}
	run(t, nowhere.Checks(), "context").is(t, Failed, "no current context")
	nowhere.Beside = true
	run(t, nowhere.Checks(), "context").is(t, Skipped, "no current context")
	for _, check := range []string{"apiVersion", "interactiveMode", "installHint", "arguments", "cluster info", "kuberc"} {
		run(t, plain.Checks(), check).is(t, Skipped, "no exec block")
	}
}

func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPlainText(t *testing.T) {
	for name, test := range map[string]struct {
		user string
		mark Mark
	}{
		"a token":            {`{token: canary}`, Warning},
		"a password":         {`{username: a, password: canary}`, Warning},
		"a key":              {`{client-key-data: Y2FuYXJ5}`, Warning},
		"a legacy provider":  {`{auth-provider: {name: oidc, config: {refresh-token: canary}}}`, Warning},
		"an argument":        {`{exec: {command: kubecred, args: [get-token, --oidc-client-secret, canary]}}`, Warning},
		"a password's":       {`{exec: {command: kubecred, args: [get-token, --password=canary]}}`, Warning},
		"a variable":         {`{exec: {command: kubecred, env: [{name: KUBECRED_PASSWORD, value: canary}]}}`, Warning},
		"files":              {`{tokenFile: t, client-certificate: c, client-key: k}`, OK},
		"a file of password": {`{exec: {command: kubecred, args: [get-token, --password-file=x]}}`, OK},
		"a legacy one, bare": {`{auth-provider: {name: gcp, config: {cmd-path: x}}}`, OK},
	} {
		t.Run(name, func(t *testing.T) {
			f := run(t, (&Kubeconfig{Paths: []string{written(t, "users: [{name: them, user: "+test.user+"}]"), "/no/such"}}).Checks(), "plain text")
			f.is(t, test.mark, "")
			if strings.Contains(f.Found+f.Do, "canary") {
				t.Errorf("%q", f.Found)
			}
		})
	}
	many := "users:\n"
	for _, name := range strings.Split("a b c d e f g", " ") {
		many += "- {name: " + name + ", user: {token: x}}\n"
	}
	run(t, (&Kubeconfig{Paths: []string{written(t, many)}}).Checks(), "plain text").is(t, Warning, `"e" and 2 more`)
	broken := &Kubeconfig{Paths: []string{written(t, "users: [canary")}}
	run(t, broken.Checks(), "plain text").is(t, Failed, "is not a kubeconfig")
	broken.Err, broken.Hint = &kubeconfig.FileError{Path: "p", Reason: "is not a kubeconfig"}, "mend it"
	run(t, broken.Checks(), "plain text").is(t, Skipped, "cannot be read") // the context's line says it
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are Unix's")
	}
	path := written(t, "")
	for mode, want := range map[os.FileMode]Mark{0o600: OK, 0o400: OK, 0o640: Warning, 0o604: Warning, 0o620: Failed, 0o666: Failed} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		run(t, (&Kubeconfig{Paths: []string{"/no/such", path}}).Checks(), "file modes").is(t, want, "")
	}
	run(t, (&Kubeconfig{Paths: []string{"/no/such"}}).Checks(), "file modes").is(t, Skipped, "no file")
	spaced := filepath.Join(t.TempDir(), "my config")
	if err := os.WriteFile(spaced, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := run(t, (&Kubeconfig{Paths: []string{spaced}}).Checks(), "file modes"); !strings.HasSuffix(got.Do, "'"+spaced+"'") {
		t.Errorf("do %q", got.Do)
	}
}

func TestKuberc(t *testing.T) {
	const head = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n"
	for name, test := range map[string]struct {
		text  string // "-" is no file
		named bool
		mark  Mark
		found string
	}{
		"none":           {"-", false, OK, "there is none"},
		"a missing one":  {"-", true, Failed, "KUBERC names"},
		"nothing said":   {head, false, OK, "every plugin"},
		"all":            {head + "credentialPluginPolicy: AllowAll\n", false, OK, "every plugin"},
		"listed":         {head + "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: kubecred}]\n", false, OK, "lists the command"},
		"not listed":     {head + "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: other}]\n", false, Failed, "does not let kubectl run kubecred"},
		"nobody":         {head + "credentialPluginPolicy: DenyAll\n", false, Failed, "lets kubectl run no plugin"},
		"misconfigured":  {head + "credentialPluginPolicy: Allowlist\n", false, Failed, "refuses every plugin"},
		"broken":         {"a: [", false, Warning, "goes on without it"},
		"broken by name": {"a: [", true, Failed, "is not a kuberc"},
	} {
		t.Run(name, func(t *testing.T) {
			k := of(good())
			k.Kuberc, k.KubercNamed = "/no/such", test.named
			if test.text != "-" {
				k.Kuberc = written(t, test.text)
			}
			run(t, k.Checks(), "kuberc").is(t, test.mark, test.found)
		})
	}
	off := of(good())
	run(t, off.Checks(), "kuberc").is(t, OK, "turned off")
}
