package kubeconfig

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

const reached = `
current-context: dev
contexts:
- name: dev
  context: {cluster: dev, user: alice}
- name: lost
  context: {cluster: nowhere, user: alice}
clusters:
- name: dev
  cluster:
    server: https://dev.example
    certificate-authority: pki/ca.crt
    certificate-authority-data: Y2E=
    tls-server-name: inner.example
    proxy-url: socks5://localhost:1080
    insecure-skip-tls-verify: true
users:
- name: alice
`

// A path is meant from the file's folder, wherever the program runs.
func TestCluster(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	if err := os.MkdirAll(filepath.Join(folder, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("sub", "config")
	if err := os.WriteFile(path, []byte(reached), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	want := Cluster{
		Name: "dev", Server: "https://dev.example", CAData: []byte("ca"), CAFile: filepath.Join(here, "sub", "pki", "ca.crt"),
		TLSServerName: "inner.example", ProxyURL: "socks5://localhost:1080", InsecureSkipTLSVerify: true,
	}
	if got, err := c.Target(""); err != nil || !reflect.DeepEqual(got.Cluster, want) {
		t.Errorf("got %+v, %v", got.Cluster, err)
	}
	if got, err := c.Target("lost"); err != nil || !reflect.DeepEqual(got.Cluster, Cluster{Name: "nowhere"}) {
		t.Errorf("got %+v, %v", got.Cluster, err)
	}
}
