package kubeconfig

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestKubercPath(t *testing.T) {
	for variable, want := range map[string]string{"": filepath.Join("home", ".kube", "kuberc"), "off": "", "/x/rc": "/x/rc"} {
		if path, named := KubercPath(variable, "home"); path != want || named != (variable == "/x/rc") {
			t.Errorf("%q: %q, %v", variable, path, named)
		}
	}
}

func TestLoadKuberc(t *testing.T) {
	const head = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n"
	for text, want := range map[string]Kuberc{
		"":                 {},
		"# nothing\n---\n": {},
		head:               {},
		"kind: Other\n---\n" + head + "credentialPluginPolicy: DenyAll\n":                                      {Policy: "DenyAll"},
		head + "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: a}, {name: b}, {}]\n": {"Allowlist", []string{"a", "b", ""}},
	} {
		path := filepath.Join(t.TempDir(), "kuberc")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := LoadKuberc(path); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"kind: Other\n", "- a\n", "a: [", head + "credentialPluginAllowlist: x\n"} {
		path := filepath.Join(t.TempDir(), "kuberc")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var broken *FileError
		if got, err := LoadKuberc(path); !errors.As(err, &broken) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestKubercAllows(t *testing.T) {
	lookPath := func(name string) (string, error) {
		switch name {
		case "kubecred", "/bin/kubecred":
			return "/bin/kubecred", nil
		}
		return "", errors.New("not there")
	}
	for name, c := range map[string]struct {
		rc      Kuberc
		command string
		want    bool
		bad     bool
	}{
		"nothing said":         {Kuberc{}, "kubecred", true, false},
		"all":                  {Kuberc{Policy: "AllowAll"}, "kubecred", true, false},
		"none":                 {Kuberc{Policy: "DenyAll"}, "kubecred", false, false},
		"by name":              {Kuberc{"Allowlist", []string{"other", "kubecred"}}, "kubecred", true, false},
		"by path":              {Kuberc{"Allowlist", []string{"/bin/kubecred"}}, "kubecred", true, false},
		"a path by its name":   {Kuberc{"Allowlist", []string{"kubecred"}}, "/bin/kubecred", true, false},
		"an unclean path":      {Kuberc{"Allowlist", []string{"/bin/kubecred"}}, "/bin/../bin/kubecred", true, false},
		"another":              {Kuberc{"Allowlist", []string{"kubelogin"}}, "kubecred", false, false},
		"not to be found":      {Kuberc{"Allowlist", []string{"kubecred"}}, "/opt/kubecred", false, false},
		"a list without a use": {Kuberc{"AllowAll", []string{"kubecred"}}, "kubecred", false, true},
		"a use without a list": {Kuberc{Policy: "Allowlist"}, "kubecred", false, true},
		"an empty entry":       {Kuberc{"Allowlist", []string{"kubecred", ""}}, "kubecred", false, true},
		"another policy":       {Kuberc{Policy: "allowlist"}, "kubecred", false, true},
	} {
		if got, err := c.rc.Allows(c.command, lookPath); got != c.want || (err != nil) != c.bad {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
