package kubeconfig

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const one = `
apiVersion: v1
kind: Config
current-context: dev
contexts:
- name: dev
  context: {cluster: dev, user: alice}
- name: prod
  context: {cluster: prod, user: bob}
clusters:
- name: dev
  cluster:
    server: https://dev.example
    extensions:
    - name: other
      extension: x
    - name: client.authentication.k8s.io/exec
      extension: {audience: dev, scopes: [a, b]}
- name: prod
  cluster: {server: https://prod.example}
users:
- name: alice
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: kubecred
      args: [get-token, --oidc-issuer-url=https://issuer.example]
      env: [{name: A, value: b}]
      provideClusterInfo: true
      interactiveMode: IfAvailable
- name: bob
  user: {token: canary}
`

const two = `{"current-context": "prod", "contexts": [{"name": "dev", "context": {"cluster": "prod", "user": "bob"}}],
"users": [{"name": "carol", "user": {"exec": {"command": "x"}}}]}`

func write(t *testing.T, content ...string) []string {
	t.Helper()
	var paths []string
	for i, c := range content {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(c), 0o600); err != nil {
			t.Fatal(i, err)
		}
		paths = append(paths, path)
	}
	return paths
}

func load(t *testing.T, content ...string) *Config {
	t.Helper()
	c, err := Load(write(t, content...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTarget(t *testing.T) {
	c := load(t, one)
	got, err := c.Target("")
	if err != nil {
		t.Fatal(err)
	}
	if got.Context != "dev" || got.User.Name != "alice" {
		t.Errorf("got %+v", got)
	}
	if string(got.Config) != `{"audience":"dev","scopes":["a","b"]}` {
		t.Errorf("config = %s", got.Config)
	}
	want := &Exec{
		APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: "IfAvailable", Command: "kubecred",
		Args: []string{"get-token", "--oidc-issuer-url=https://issuer.example"},
		Env:  []EnvVar{{"A", "b"}}, ProvideClusterInfo: true,
	}
	if !reflect.DeepEqual(got.User.Exec, want) {
		t.Errorf("exec = %+v", got.User.Exec)
	}
	if prod, err := c.Target("prod"); err != nil || prod.User.Exec != nil || prod.Config != nil {
		t.Errorf("prod = %+v, %v", prod, err)
	}
}

// The extension reaches a plugin only with provideClusterInfo: true.
func TestExtensionNeedsProvideClusterInfo(t *testing.T) {
	c := load(t, strings.Replace(one, "provideClusterInfo: true", "provideClusterInfo: false", 1))
	if got, err := c.Target("dev"); err != nil || got.Config != nil {
		t.Errorf("config = %s, %v", got.Config, err)
	}
}

func TestNotFound(t *testing.T) {
	c := load(t, one)
	_, noContext := c.Target("nowhere")
	_, noUser := c.User("nobody")
	_, noCurrent := load(t, "").Target("")
	for want, err := range map[string]error{
		`no context named "nowhere"`: noContext,
		`no user named "nobody"`:     noUser,
		`no current context`:         noCurrent,
	} {
		var notFound *NotFoundError
		if !errors.As(err, &notFound) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// As in kubectl, the first file to name a thing wins.
func TestMerge(t *testing.T) {
	c := load(t, one, two)
	if got, _ := c.Target(""); got.Context != "dev" || got.User.Name != "alice" {
		t.Errorf("the first file lost: %+v", got)
	}
	c = load(t, two, one)
	if got, _ := c.Target(""); got.Context != "prod" || got.User.Name != "bob" {
		t.Errorf("the first file lost: %+v", got)
	}
	var names []string
	for _, target := range load(t, one, two).Targets() {
		names = append(names, target.Context+"/"+target.User.Name)
	}
	if want := []string{"dev/alice", "prod/bob", "/carol"}; !reflect.DeepEqual(names, want) {
		t.Errorf("targets %v, want %v", names, want)
	}
}

func TestMissingFilesArePassedOver(t *testing.T) {
	paths := append([]string{filepath.Join(t.TempDir(), "none")}, write(t, one)...)
	c, err := Load(paths)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Target("dev"); err != nil {
		t.Error(err)
	}
}

func TestUnreadableFiles(t *testing.T) {
	for name, content := range map[string]string{
		"not YAML":       "a: [canary",
		"another shape":  "users: {canary: true}",
		"a string":       "canary",
		"larger than it": strings.Repeat("#canary\n", maxFile/8+1),
	} {
		_, err := Load(write(t, content))
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// As kubectl's own error does, it names the line, and repeats nothing of it.
func TestSyntaxErrorNamesTheLine(t *testing.T) {
	_, err := Load(write(t, "users:\n- name: a\n  user:\n\ttoken: canary\n"))
	var broken *FileError
	if !errors.As(err, &broken) || broken.Line != 4 || !strings.Contains(err.Error(), "near line 4") || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
}

func TestPaths(t *testing.T) {
	sep := string(filepath.ListSeparator)
	if got := Paths("a"+sep+sep+"b", "/home"); !reflect.DeepEqual(got, []string{"a", "b"}) {
		t.Errorf("got %v", got)
	}
	if got := Paths("", "/home"); !reflect.DeepEqual(got, []string{filepath.Join("/home", ".kube", "config")}) {
		t.Errorf("got %v", got)
	}
	if got := Paths("", ""); got != nil {
		t.Errorf("got %v", got)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(one)
	f.Add(two)
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, content string) {
		c, err := Load(write(t, content))
		if err != nil {
			return
		}
		for _, target := range c.Targets() {
			if _, err := c.User(target.User.Name); err != nil {
				t.Errorf("%+v: %v", target, err)
			}
		}
	})
}
