package e2e

// What kubectl reads in a kubeconfig, kubecred reads: the same files through client-go's clientcmd.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	ours "github.com/kubecred/kubecred/internal/kubeconfig"
)

const kubectlsForm = `
apiVersion: v1
kind: Config
current-context: dev
contexts:
- name: dev
  context: {cluster: dev, user: alice}
clusters:
- name: dev
  cluster:
    server: https://dev.example
    extensions:
    - name: client.authentication.k8s.io/exec
      extension: {audience: dev, scopes: [a, b]}
users:
- name: alice
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: kubecred
      args:
      - get-token
      - --oidc-issuer-url=https://issuer.example
      env:
      - name: A
        value: b
      provideClusterInfo: true
      interactiveMode: IfAvailable
`

func TestKubeconfigsAsKubectlReadsThem(t *testing.T) {
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(kubectlsForm) }
	for name, content := range map[string]string{
		"as kubectl writes it":  kubectlsForm,
		"byte order mark":       "\ufeff" + kubectlsForm,
		"Windows lines":         edit("\n", "\r\n"),
		"second document":       kubectlsForm + "---\nkind: Other\n",
		"document that ends":    kubectlsForm + "...\n",
		"directive":             "%YAML 1.1\n---" + kubectlsForm,
		"quotes":                edit("- get-token", `- "get\u002dtoken"`, "command: kubecred", "command: 'kubecred'"),
		"block texts":           edit("- get-token", "- |-\n        get-token\n      - >-\n        two\n        lines"),
		"comments":              edit("args:\n", "args: # these\n      # and those\n"),
		"key twice":             edit("command: kubecred", "command: other\n      command: kubecred"),
		"block twice":           edit("    exec:\n", "    exec: {command: other, args: [a]}\n    exec:\n"),
		"yes":                   edit("provideClusterInfo: true", "provideClusterInfo: yes"),
		"off":                   edit("provideClusterInfo: true", "provideClusterInfo: off"),
		"null lists":            edit("args:\n      - get-token\n      - --oidc-issuer-url=https://issuer.example\n", "args: null\n", "      env:\n      - name: A\n        value: b\n", "      env:\n"),
		"unknown keys":          edit("command: kubecred", "command: kubecred\n      colour: red", "current-context", "preferences: {}\ncurrent-context"),
		"anchors":               edit("context: {cluster: dev, user: alice}", "context: &c {cluster: &d dev, user: alice}\n- name: twin\n  context: *c", "- name: dev\n  cluster:", "- name: *d\n  cluster:"),
		"merge":                 edit("apiVersion: v1\n", "apiVersion: v1\nx: &x {command: other, env: [{name: C, value: d}]}\n", "      command: kubecred\n", "      <<: *x\n      command: kubecred\n", "      env:\n      - name: A\n        value: b\n", ""),
		"date in the extension": edit("audience: dev", "audience: 2026-01-02, i: 1, f: 1.5, t: true, z: null, l: [], o: {}"),
		"extension of numbers":  edit("{audience: dev, scopes: [a, b]}", "{1: a, true: b}"),
		"words in extension":    edit("scopes: [a, b]", "scopes: [y, 'y', on, \"off\", No, null, ~, '', 010, 0x1f, 1_000, .5, !!str 1]"),
		"twice in extension":    edit("audience: dev", "audience: other, audience: dev"),
		"how to reach it":       edit("server: https://dev.example", "server: https://dev.example\n    certificate-authority-data: |\n      Y2\n      E=\n    certificate-authority: /ca.crt\n    tls-server-name: a\n    proxy-url: socks5://b:1\n    insecure-skip-tls-verify: on"),
		"a lost cluster":        edit("{cluster: dev,", "{cluster: nowhere,"),
		"empty":                 "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theirs, err := clientcmd.Load([]byte(content))
			if err != nil {
				t.Fatalf("client-go refuses it: %v", err)
			}
			path := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			mine, err := ours.Load([]string{path})
			if err != nil {
				t.Fatal(err)
			}
			for context := range theirs.Contexts {
				sameTarget(t, theirs, mine, context)
			}
			if len(mine.Targets()) < len(theirs.Contexts) {
				t.Errorf("%d targets for %d contexts", len(mine.Targets()), len(theirs.Contexts))
			}
		})
	}
}

// sameTarget compares where a context leads, as far as kubecred follows it.
func sameTarget(t *testing.T, theirs *api.Config, mine *ours.Config, context string) {
	t.Helper()
	target, err := mine.Target(context)
	if err != nil {
		t.Fatal(err)
	}
	exec := theirs.AuthInfos[theirs.Contexts[context].AuthInfo].Exec
	want := ours.Exec{
		APIVersion: exec.APIVersion, Command: exec.Command, Args: exec.Args,
		InstallHint: exec.InstallHint, InteractiveMode: string(exec.InteractiveMode), ProvideClusterInfo: exec.ProvideClusterInfo,
	}
	for _, variable := range exec.Env {
		want.Env = append(want.Env, ours.EnvVar{Name: variable.Name, Value: variable.Value})
	}
	if !reflect.DeepEqual(*target.User.Exec, want) {
		t.Errorf("%s: exec = %+v, client-go has %+v", context, *target.User.Exec, want)
	}
	cluster := theirs.Clusters[theirs.Contexts[context].Cluster]
	if cluster == nil {
		cluster = api.NewCluster()
	}
	reached := ours.Cluster{
		Name: theirs.Contexts[context].Cluster, Server: cluster.Server, CAData: cluster.CertificateAuthorityData, CAFile: cluster.CertificateAuthority,
		TLSServerName: cluster.TLSServerName, ProxyURL: cluster.ProxyURL, InsecureSkipTLSVerify: cluster.InsecureSkipTLSVerify,
	}
	if !reflect.DeepEqual(target.Cluster, reached) {
		t.Errorf("%s: cluster = %+v, client-go has %+v", context, target.Cluster, reached)
	}
	var config any
	if target.Config != nil {
		if err := json.Unmarshal(target.Config, &config); err != nil {
			t.Fatal(err)
		}
	}
	if wanted := extensionOf(t, theirs, context, exec); !reflect.DeepEqual(config, wanted) {
		t.Errorf("%s: config = %v, client-go has %v", context, config, wanted)
	}
}

func extensionOf(t *testing.T, config *api.Config, context string, exec *api.ExecConfig) (value any) {
	t.Helper()
	cluster := config.Clusters[config.Contexts[context].Cluster]
	if cluster == nil || !exec.ProvideClusterInfo {
		return nil
	}
	raw, ok := cluster.Extensions["client.authentication.k8s.io/exec"].(*runtime.Unknown)
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw.Raw, &value); err != nil {
		t.Fatal(err)
	}
	return value
}
