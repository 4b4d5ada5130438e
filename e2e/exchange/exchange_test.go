// Package exchange runs the whole of it: kubecred-exchange as it is released, two
// real API servers that trust it, and kubectl with kubecred in its exec block.
//
// Cluster "verifies" trusts the exchange by AuthenticationConfiguration and by
// its client authority, cluster "asks" by webhook alone.
package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "k8s.io/api/authentication/v1"

	"github.com/kubecred/kubecred/e2e/internal/cluster"
	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/pki"
	"github.com/kubecred/kubecred/e2e/internal/proc"
	"github.com/kubecred/kubecred/e2e/internal/program"
)

const (
	patience = time.Minute
	caller   = "the-token-of-the-cluster-that-asks"
	password = "alice's password"
	// hash is password's, by bcrypt.
	hash = "$2a$10$KwtlDMoGtVuB9esNFz0kC.jNZmv3wBTyS9Z3Cs3GGPHbFPtRGhjfO"
)

// whole is what the test runs.
type whole struct {
	t                *testing.T
	dir              string
	kubecred         string
	exchange         string // the program
	issuer           string
	authority        *pki.Authority
	clients          *pki.Authority
	service          *proc.Process
	verifies, asking *cluster.Cluster
}

func (w *whole) at(name string) string { return filepath.Join(w.dir, name) }

func (w *whole) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *whole) write(name string, text []byte) {
	w.t.Helper()
	w.must(os.MkdirAll(filepath.Dir(w.at(name)), 0o700))
	w.must(os.WriteFile(w.at(name), text, 0o600))
}

func start(t *testing.T) *whole {
	t.Helper()
	parts.Need(t, parts.Kubernetes)
	dir, err := os.MkdirTemp("", "kubecred-exchange-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &whole{t: t, dir: dir}
	w.kubecred, err = program.Release()
	w.must(err)
	w.exchange, err = program.Exchange()
	w.must(err)
	w.furnish()
	w.serve()
	w.startClusters()
	return w
}

// furnish writes the service's files and alice's profile.
func (w *whole) furnish() {
	var err error
	w.authority, err = pki.NewAuthority("e2e exchange")
	w.must(err)
	w.clients, err = pki.NewAuthority("e2e exchange clients")
	w.must(err)
	key, err := w.clients.KeyPEM()
	w.must(err)
	serving, err := w.authority.Server()
	w.must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	address := l.Addr().String()
	w.must(l.Close())
	w.issuer = "https://" + address
	for name, text := range map[string][]byte{
		"ca.crt": w.authority.PEM, "tls.crt": serving.Cert, "tls.key": serving.Key,
		"clients.crt": w.clients.PEM, "clients.key": key, "caller": []byte(caller), "password": []byte(password),
		"users.yaml":    []byte("users:\n- name: alice\n  groups: [admins, developers]\n  passwordHash: " + hash + "\n"),
		"exchange.yaml": []byte(fmt.Sprintf(configuration, w.issuer, address)),
		"home/config/kubecred/config.yaml": []byte(fmt.Sprintf(`profiles:
  exchange:
    exchange-url: %s
    certificate-authority: %s
    username: alice
    password-file: %s
    token-cache-storage: file
`, w.issuer, w.at("ca.crt"), w.at("password"))),
	} {
		w.write(name, text)
	}
}

const configuration = `issuer: %s
listen: {address: %q, certificateFile: tls.crt, keyFile: tls.key, drain: 1s}
directory: {usersFile: users.yaml}
clients:
- id: kubernetes
  audiences: [verifies, asks]
clusters:
- name: verifies
  audience: verifies
  certificateAuthority: {certificateFile: clients.crt, keyFile: clients.key}
- name: asks
  audience: asks
  callers: {tokenFile: caller}
tokens: {keysFolder: keys}
state: {file: state/state.db}
identity: {prefix: "corp:", groupPrefix: "corp:"}
`

func (w *whole) serve() {
	var err error
	w.service, err = proc.Start(proc.Spec{Path: w.exchange, Args: []string{"serve", "--config=exchange.yaml"}, Dir: w.dir})
	w.must(err)
	w.t.Cleanup(w.service.Stop)
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	w.must(w.service.Ready(ctx, func(context.Context) error {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.issuer, "https://"))
		if err == nil {
			conn.Close()
		}
		return err
	}))
}

func (w *whole) startClusters() {
	webhook := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"x",
"clusters":[{"name":"x","cluster":{"server":"%s/v1/clusters/asks/tokenreview","certificate-authority":%q}}],
"users":[{"name":"x","user":{"token":%q}}],"contexts":[{"name":"x","context":{"cluster":"x","user":"x"}}]}`,
		w.issuer, w.at("ca.crt"), caller)
	for to, o := range map[**cluster.Cluster]cluster.Options{
		&w.verifies: {Issuer: w.issuer, IssuerCA: w.authority.PEM, Audiences: []string{"verifies"}, Plain: true, ClientCA: w.clients.PEM},
		&w.asking:   {Webhook: []byte(webhook)},
	} {
		c, err := cluster.Start(w.t.Context(), o)
		w.must(err)
		w.t.Cleanup(c.Stop)
		*to = c
	}
	w.must(w.verifies.WaitForToken(w.t.Context(), w.token("verifies")))
}

// run runs one of the programs as alice on her machine.
func (w *whole) run(program string, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, program, args...)
	c.Dir, c.Env = w.dir, w.env()
	var out, errs strings.Builder
	c.Stdout, c.Stderr = &out, &errs
	err = c.Run()
	return out.String(), errs.String(), err
}

func (w *whole) env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.at("home"), "XDG_CONFIG_HOME=" + w.at("home/config"), "XDG_CACHE_HOME=" + w.at("home/cache"),
	}
}

// token is a token for an audience.
func (w *whole) token(audience string, more ...string) string {
	w.t.Helper()
	stdout, stderr, err := w.run(w.kubecred, append([]string{"get-token", "--profile=exchange", "--audience=" + audience}, more...)...)
	var got struct{ Status struct{ Token string } }
	if err == nil {
		err = json.Unmarshal([]byte(stdout), &got)
	}
	if err != nil {
		w.t.Fatalf("kubecred: %v\n%s%s", err, stderr, w.service.Tail())
	}
	return got.Status.Token
}

// whoAmI is kubectl's auth whoami with kubecred's flags in the exec block.
func (w *whole) whoAmI(c *cluster.Cluster, args ...string) (authv1.UserInfo, error) {
	w.t.Helper()
	kubectl, err := parts.Command("kubectl")
	w.must(err)
	file := w.at("kubeconfig")
	w.must(kubeconfig.Write(file, c.URL, c.CA, kubeconfig.Exec{Command: w.kubecred, Args: append([]string{"get-token", "--profile=exchange"}, args...)}))
	stdout, stderr, err := w.run(kubectl, "--kubeconfig="+file, "auth", "whoami", "-o", "json")
	if err != nil {
		return authv1.UserInfo{}, fmt.Errorf("%w: %s", err, stderr)
	}
	var review authv1.SelfSubjectReview
	w.must(json.Unmarshal([]byte(stdout), &review))
	return review.Status.UserInfo, nil
}

// accepts asks an API server whether it takes a token.
func (w *whole) accepts(c *cluster.Cluster, token string) bool {
	config := c.Config()
	config.BearerToken = token
	_, err := cluster.WhoAmI(w.t.Context(), config)
	return err == nil
}

func TestAClusterTrustsTheExchangeEachWay(t *testing.T) {
	w := start(t)
	for name, way := range map[string]struct {
		cluster *cluster.Cluster
		flags   []string
	}{
		"verified":    {w.verifies, []string{"--audience=verifies"}},
		"asked for":   {w.asking, []string{"--audience=asks"}},
		"certificate": {w.verifies, []string{"--credential=certificate", "--exchange-cluster=verifies"}},
	} {
		t.Run(name, func(t *testing.T) {
			who, err := w.whoAmI(way.cluster, way.flags...)
			if err != nil {
				t.Fatalf("%v\n%s", err, w.service.Tail())
			}
			want := []string{"corp:admins", "corp:developers", "system:authenticated"}
			slices.Sort(who.Groups)
			if who.Username != "corp:alice" || who.UID != "alice" || !slices.Equal(who.Groups, want) {
				t.Errorf("the API server says %+v", who)
			}
		})
	}
	t.Run("nothing crosses", w.nothingCrosses)
	t.Run("revoked", w.revoked)
	t.Run("manifests", w.manifests)
}

// The manifests are what an API server takes, with the restrictions of Pod
// Security that they ask for themselves.
func (w *whole) manifests(t *testing.T) {
	kubectl, err := parts.Command("kubectl")
	w.must(err)
	w.write("cluster.crt", w.verifies.CA)
	admin := []string{"--server=" + w.verifies.URL, "--certificate-authority=" + w.at("cluster.crt"), "--token=" + cluster.AdminToken}
	from := filepath.Join(parts.Root(), "deploy", "kustomize")
	for _, args := range [][]string{
		{"apply", "-f", filepath.Join(from, "namespace.yaml")},
		{"apply", "--dry-run=server", "--validate=strict", "-k", from},
	} {
		stdout, stderr, err := w.run(kubectl, append(admin, args...)...)
		if err != nil || strings.Contains(stderr, "Warning") {
			t.Errorf("%v: %v\n%s%s", args, err, stdout, stderr)
		}
		t.Log(stdout)
	}
}

// What one cluster received is no use at another, nor for a certificate.
func (w *whole) nothingCrosses(t *testing.T) {
	verifies, asks := w.token("verifies"), w.token("asks")
	if w.accepts(w.asking, verifies) || w.accepts(w.verifies, asks) {
		t.Error("a cluster's token is good at another")
	}
	if !w.accepts(w.verifies, verifies) || !w.accepts(w.asking, asks) {
		t.Error("a token is good nowhere")
	}
	if _, err := w.whoAmI(w.asking, "--credential=certificate", "--exchange-cluster=verifies"); err == nil {
		t.Error("a cluster's certificate is good at another")
	}
	if _, err := w.whoAmI(w.asking, "--credential=certificate", "--exchange-cluster=asks"); err == nil {
		t.Error("there is a certificate without an authority")
	}
}

// Whoever is revoked is out at once where the cluster asks, and a restart brings
// nothing back. The token is one that the API server has not seen: what it has,
// it believes for 10 s, whatever its flags say.
func (w *whole) revoked(t *testing.T) {
	asks := w.token("asks", "--force-refresh")
	if stdout, stderr, err := w.run(w.exchange, "revoke", "user", "corp:alice", "--config=exchange.yaml"); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	if w.accepts(w.asking, asks) {
		t.Error("a revoked token is good")
	}
	w.service.Stop()
	w.serve()
	if w.accepts(w.asking, asks) {
		t.Error("a restart brings it back")
	}
	awaitNextSecond(t) // what was issued in the second of the revocation is revoked
	if again := w.token("asks", "--force-refresh"); !w.accepts(w.asking, again) {
		t.Error("a new sign-in is refused")
	}
}

func awaitNextSecond(t *testing.T) {
	t.Helper()
	timer := time.NewTimer(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	defer timer.Stop()
	<-timer.C
}
