// Package cluster runs a real Kubernetes API server with etcd behind it, on loopback,
// which takes tokens from one OpenID Provider and certificates from one authority,
// and both from a directory's exchange where there is one.
//
// There are no nodes and no controllers: it says who somebody is and what they may do,
// which is all that a credential plugin can be asked about.
package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/pki"
	"github.com/kubecred/kubecred/e2e/internal/proc"
)

// Prefix stands before the names and groups that the API server takes from a token.
const Prefix = "oidc:"

// AdminToken opens everything; the cluster is on loopback and lives for one test run.
const AdminToken = "the-admin-of-the-tests"

// Options say whom the API server believes.
type Options struct {
	Issuer    string   // the OpenID Provider; it must be listening already
	IssuerCA  []byte   // PEM
	Audiences []string // any of these is accepted
	Exchange  *Exchange

	// Authentication is the AuthenticationConfiguration itself, instead of what the fields above make.
	Authentication []byte
	// OIDC are the API server's --oidc-* flags, which take no such file beside them.
	OIDC []string
}

// Exchange is a directory's exchange, trusted in each way that there is.
type Exchange struct {
	Issuer    string
	CA        []byte   // PEM
	Audiences []string // of the tokens that the API server verifies itself

	Review   string // the URL where it asks about all others
	ReviewCA []byte // PEM
	Caller   string // the bearer token that it shows there

	Clients []byte // PEM, the authority of the exchange's certificates
}

// Cluster is a running API server.
type Cluster struct {
	URL     string
	CA      []byte         // PEM, what signed its serving certificate
	Clients *pki.Authority // what it takes client certificates from

	dir       string
	etcd, api *proc.Process
}

// Start runs etcd and the API server and waits until both answer.
// Tokens of the issuer may be refused for some seconds more: see WaitForToken.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	dir, err := os.MkdirTemp("", "kubecred-cluster-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir}
	if err := c.start(ctx, o); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// Stop ends both servers, the API server first, and removes their data.
func (c *Cluster) Stop() {
	c.api.Stop()
	c.etcd.Stop()
	os.RemoveAll(c.dir)
}

func (c *Cluster) start(ctx context.Context, o Options) error {
	ports, err := proc.FreePorts(3)
	if err != nil {
		return err
	}
	etcdURL := "http://127.0.0.1:" + ports[0]
	if err := c.startEtcd(etcdURL, "http://127.0.0.1:"+ports[1]); err != nil {
		return err
	}
	if err := c.writeFiles(o); err != nil {
		return err
	}
	c.URL = "https://127.0.0.1:" + ports[2]
	return c.startAPI(ctx, o, etcdURL, ports[2])
}

func (c *Cluster) startEtcd(client, peer string) error {
	path, err := parts.Command("etcd")
	if err != nil {
		return err
	}
	c.etcd, err = proc.Start(proc.Spec{Path: path, Dir: c.dir, Args: []string{
		"--name=e2e", "--data-dir=" + filepath.Join(c.dir, "etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=e2e=" + peer,
	}})
	return err
}

func (c *Cluster) startAPI(ctx context.Context, o Options, etcdURL, port string) error {
	path, err := parts.Command("kube-apiserver")
	if err != nil {
		return err
	}
	file := func(name string) string { return filepath.Join(c.dir, name) }
	args := []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1", "--secure-port=" + port, "--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24",
		"--tls-cert-file=" + file("server.crt"), "--tls-private-key-file=" + file("server.key"),
		"--client-ca-file=" + file("clients.crt"), "--cert-dir=" + file("certs"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + file("service-accounts.key"),
		"--service-account-key-file=" + file("service-accounts.key"),
		"--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount",
		"--token-auth-file=" + file("tokens.csv"), "--enable-bootstrap-token-auth",
	}
	if args = append(args, o.OIDC...); len(o.OIDC) == 0 {
		args = append(args, "--authentication-config="+file("authentication.yaml"))
	}
	if o.Exchange != nil {
		// An answer of the webhook is not kept, so that a test sees each one.
		args = append(args, "--authentication-token-webhook-config-file="+file("webhook.yaml"),
			"--authentication-token-webhook-version=v1", "--authentication-token-webhook-cache-ttl=0s")
	}
	c.api, err = proc.Start(proc.Spec{Path: path, Dir: c.dir, Args: args})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return c.api.Ready(ctx, c.readyz)
}

// writeFiles makes the keys and files that the API server starts from.
func (c *Cluster) writeFiles(o Options) error {
	authority, err := pki.NewAuthority("e2e cluster")
	if err != nil {
		return err
	}
	if c.Clients, err = pki.NewAuthority("e2e clients"); err != nil {
		return err
	}
	c.CA = authority.PEM
	serving, err := authority.Server()
	if err != nil {
		return err
	}
	accounts, err := signingKey()
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"server.crt":           serving.Cert,
		"server.key":           serving.Key,
		"clients.crt":          c.Clients.PEM,
		"service-accounts.key": accounts,
		"tokens.csv":           []byte(AdminToken + `,admin,admin,"system:masters"` + "\n"),
		"authentication.yaml":  authentication(o),
	}
	if x := o.Exchange; x != nil {
		files["webhook.yaml"] = webhook(x)
		files["clients.crt"] = slices.Concat(c.Clients.PEM, x.Clients)
	}
	return writeAll(c.dir, files)
}

func writeAll(dir string, files map[string][]byte) error {
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func signingKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}
