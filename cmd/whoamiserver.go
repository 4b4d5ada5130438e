package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/owner"
	"github.com/kubecred/kubecred/internal/selfreview"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/signin"
)

// serverReport is what a cluster made of the credential.
type serverReport struct {
	Cluster     string              `json:"cluster,omitempty"`
	Server      string              `json:"server"`
	Unchecked   bool                `json:"insecureSkipTLSVerify,omitempty"`
	Status      int                 `json:"status,omitempty"` // with which it refused
	Username    string              `json:"username,omitempty"`
	UID         string              `json:"uid,omitempty"`
	Groups      []string            `json:"groups,omitempty"`
	GroupCount  int                 `json:"groupCount"`
	Extra       map[string][]string `json:"extra,omitempty"`
	Differences []string            `json:"differences,omitempty"` // why, in sentences
	Suspects    []string            `json:"suspects,omitempty"`    // of a refusal, in sentences

	beside owner.Comparison
}

const serverHint = "name a context with --context; its cluster is asked, with the credential that kubectl would send there"

const clusterHint = "mend the cluster's entry in the kubeconfig (server, certificate-authority, proxy-url)"

// leadsToCluster holds that the entry is the one that kubectl would use at the
// context's cluster: another's credential is not the cluster's to see.
func (a *app) leadsToCluster(f found) error {
	if f.at.Context == "" {
		return cli.Mistake(serverHint, "--server needs a context of the kubeconfig that leads to the entry")
	}
	plain, err := a.follow(settings.Input{Variable: a.getenv, Agreed: a.agreed, Files: a.files}, f.at)
	if err != nil {
		return err
	}
	if plain.id != f.id {
		return cli.Mistake("leave --server out, or the flags that name another entry", "kubectl would not send this entry's credential to the cluster of the context %q", cli.OneLine(f.at.Context))
	}
	return nil
}

// reviewed is a kubeconfig's cluster as selfreview asks it.
func (a *app) reviewed(c kubeconfig.Cluster) (selfreview.Cluster, error) {
	authority, err := c.Authority()
	if err != nil {
		return selfreview.Cluster{}, cli.Fail(fmt.Errorf("the cluster's certificate authority cannot be read: %w", err), clusterHint, exitConfig)
	}
	return selfreview.Cluster{
		Server: c.Server, CAPEM: authority, TLSServerName: c.TLSServerName, ProxyURL: c.ProxyURL, InsecureSkipTLSVerify: c.InsecureSkipTLSVerify,
		UserAgent: "kubecred/" + a.build.Complete().Version, Log: a.log,
	}, nil
}

// askServer shows the credential to the context's cluster. It fills in the report
// where the server has a word to say, be it a refusal.
func (a *app) askServer(ctx context.Context, f found, c signin.Credential, r *whoamiReport) error {
	cluster, err := a.reviewed(f.at.Cluster)
	if err != nil {
		return err
	}
	user, err := selfreview.Ask(ctx, cluster, selfreview.Credential{Token: c.Token, ClientCertificate: c.ClientCertificate, ClientKey: c.ClientKey})
	if interrupted(ctx) {
		return context.Cause(ctx)
	}
	s := &serverReport{Cluster: cli.OneLine(f.at.Cluster.Name), Server: cli.OneLine(cluster.Server), Unchecked: cluster.InsecureSkipTLSVerify && len(cluster.CAPEM) == 0}
	var refused *selfreview.RefusedError
	switch {
	case errors.As(err, &refused):
		s.Status = refused.Status
		if refused.Status == http.StatusUnauthorized {
			s.Suspects = clean(a.suspects(r))
		}
		r.Server = s
		return err
	case err != nil:
		return err
	}
	s.Username, s.UID, s.Groups, s.GroupCount = cli.OneLine(user.Name), cli.OneLine(user.UID), clean(user.Groups), len(user.Groups)
	if len(user.Extra) > 0 {
		s.Extra = cleanAll(user.Extra)
	}
	s.beside = owner.Compare(r.said, user)
	s.Differences = clean(s.beside.Why)
	if r.Token != nil && r.Token.Overage {
		s.Differences = append(s.Differences, "The provider left groups out, for their number (_claim_names).")
	}
	r.Server = s
	return nil
}

// suspects are what a server may have refused the credential for.
func (a *app) suspects(r *whoamiReport) []string {
	var all []string
	if r.Certificate != nil {
		all = r.Certificate.read.Suspects(a.now())
	}
	switch {
	case r.Token == nil:
		return all
	case r.Token.Opaque:
		return append(all, owner.SuspectsOfOpaque()...)
	}
	return append(all, r.Token.claims.Suspects(a.now())...)
}

// ofServer is what to do about an API server's answer, or the lack of one.
func ofServer(err error) (string, int) {
	var (
		cluster *selfreview.ClusterError
		network *selfreview.NetworkError
		server  *selfreview.ServerError
		refused *selfreview.RefusedError
	)
	switch {
	case errors.Is(err, selfreview.ErrNotSent):
		return "something in front of the API server ends TLS, and certificates do not get through: name the API server itself in the kubeconfig, or sign in with tokens there", exitDenied
	case errors.Is(err, selfreview.ErrNoCredential):
		return "kubecred login gets a new one", exitDenied
	case errors.As(err, &cluster):
		return clusterHint, exitConfig
	case errors.As(err, &network):
		return "check the connection, the proxy (proxy-url in the kubeconfig, HTTPS_PROXY, NO_PROXY) and the server's name, then try again; this says nothing about the credential", exitNetwork
	case errors.As(err, &server) && server.Untrusted:
		return "nothing was sent; check the cluster's certificate-authority and tls-server-name in the kubeconfig, and whether a proxy stands in between", exitDenied
	case errors.As(err, &server):
		return "check the cluster's server in the kubeconfig, and whether a proxy or a gateway with a sign-in page stands in front of it", exitDenied
	case errors.As(err, &refused):
		return refusedHint(refused), exitDenied
	}
	return "", 0
}

func refusedHint(e *selfreview.RefusedError) string {
	switch e.Status {
	case http.StatusUnauthorized:
		return "compare the claims with the cluster's AuthenticationConfiguration; the API server's log says why"
	case http.StatusForbidden:
		if strings.Contains(e.Text, owner.Anonymous) {
			return "the server counts the request as anonymous: the credential was lost on the way, or the server looks at none of its kind"
		}
		return "the server takes the credential and names its owner; let them ask with the ClusterRole system:basic-user"
	case http.StatusNotFound:
		return "the server is older than Kubernetes 1.28, or no API server; check the cluster's server in the kubeconfig"
	case http.StatusBadRequest, http.StatusRequestHeaderFieldsTooLarge:
		return "the token may be too large for the server or what stands in front of it: ask for fewer groups or scopes"
	}
	return "check the cluster's server in the kubeconfig, and what stands in front of it"
}
