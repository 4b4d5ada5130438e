// Package selfreview asks a Kubernetes API server whom it takes a credential
// for: one SelfSubjectReview (authentication.k8s.io/v1, since Kubernetes 1.28)
// over plain HTTP, as `kubectl auth whoami` does with client-go.
//
// Its rules:
//   - One request, which always carries the credential. A server that asks for
//     no certificate is not sent a request that would count as anonymous, and
//     neither is one that is reached without TLS.
//   - Nobody is asked, nothing is renewed, no redirect is followed.
//   - What the server answers is bounded and read by exact names. Its texts are
//     its own: errors hold them cleaned, a User as they came.
package selfreview

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/secret"
)

const (
	// Timeout bounds a review, where the context does not end it sooner.
	Timeout = 15 * time.Second

	path    = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
	request = `{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}`
)

// Cluster is where to ask, as a kubeconfig's cluster entry says.
type Cluster struct {
	Server        string // its address; https where it names no scheme
	CAPEM         []byte // trusted instead of the system's roots when not empty
	TLSServerName string
	ProxyURL      string // "" is the environment's
	UserAgent     string
	Log           *slog.Logger // nil is nowhere

	// InsecureSkipTLSVerify turns the check of the server's certificate off,
	// which a CAPEM turns on again: kubectl refuses the two together.
	InsecureSkipTLSVerify bool
}

// Credential is what to show: a token, or a certificate (PEM, leaf first) and
// its key, or both.
type Credential struct {
	Token             secret.Text
	ClientCertificate string
	ClientKey         secret.Text
}

// User is whom the server takes the credential for (authentication.k8s.io/v1,
// UserInfo). Its texts MUST be cleaned before they are shown.
type User struct {
	Name   string
	UID    string
	Groups []string
	Extra  map[string][]string
}

// Ask sends one SelfSubjectReview. Errors: ErrNoCredential, ErrNotSent,
// *ClusterError, *NetworkError, *ServerError, *RefusedError, and the context's
// own when it was cancelled.
func Ask(ctx context.Context, c Cluster, by Credential) (User, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	shown := &shown{}
	if err := shown.take(by); err != nil {
		return User{}, err
	}
	address, err := c.address()
	if err != nil {
		return User{}, err
	}
	client, err := c.client(shown)
	if err != nil {
		return User{}, err
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(shown.guard(ctx), http.MethodPost, address.JoinPath(path).String(), strings.NewReader(request))
	if err != nil {
		return User{}, &ClusterError{"its address cannot be used"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if !by.Token.Empty() {
		req.Header.Set("Authorization", "Bearer "+by.Token.Reveal())
	}
	return c.send(client, req, shown)
}

func (c Cluster) send(client *http.Client, req *http.Request, shown *shown) (User, error) {
	resp, err := client.Do(req)
	if err != nil {
		return User{}, c.trouble(req, err, shown)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return User{}, c.trouble(req, err, shown)
	}
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusOK {
		return User{}, refusal(req.URL.Host, resp.StatusCode, body)
	}
	user, err := parse(body)
	if err != nil {
		return User{}, &ServerError{Host: req.URL.Host, Reason: "it does not answer as an API server does: " + err.Error()}
	}
	return user, nil
}

// address is where the server is. kubectl too takes one without a scheme.
func (c Cluster) address() (*url.URL, error) {
	server := c.Server
	if server == "" {
		return nil, &ClusterError{"it has no server"}
	}
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	address, err := httpclient.ParseURL(server)
	var wrong *httpclient.URLError
	if errors.As(err, &wrong) {
		return nil, &ClusterError{"its server's URL " + wrong.Reason}
	}
	return address, err
}

func (c Cluster) client(shown *shown) (*http.Client, error) {
	client, err := httpclient.New(httpclient.Options{
		CAPEM: c.CAPEM, InsecureSkipTLSVerify: c.InsecureSkipTLSVerify && len(c.CAPEM) == 0,
		ServerName: c.TLSServerName, Proxy: c.ProxyURL, UserAgent: c.UserAgent, Log: c.Log,
		Certificate: shown.answer(),
	})
	if err != nil {
		return nil, &ClusterError{err.Error()}
	}
	return client, nil
}

// shown is the credential on its way. A token is in the request itself; whether
// a certificate is shown, the server decides.
type shown struct {
	token       bool
	certificate *tls.Certificate // nil without one
	asked       bool             // the server asked for the certificate
	held        bool             // the request was held back
}

func (s *shown) take(by Credential) error {
	s.token = !by.Token.Empty()
	if s.token && strings.ContainsFunc(by.Token.Reveal(), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return ErrNoCredential
	}
	if by.ClientCertificate != "" {
		pair, err := tls.X509KeyPair([]byte(by.ClientCertificate), []byte(by.ClientKey.Reveal()))
		if err != nil {
			return ErrNoCredential // the cause could repeat the key
		}
		s.certificate = &pair
	}
	if !s.token && s.certificate == nil {
		return ErrNoCredential
	}
	return nil
}

// answer gives the certificate whichever authorities the server names, as
// client-go does: Go's own choice would answer with none.
func (s *shown) answer() func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if s.certificate == nil {
		return nil
	}
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		s.asked = true
		return s.certificate, nil
	}
}

// guard closes a connection on which nothing would say who asks, before the
// request is written to it: net/http calls GotConn between the two.
func (s *shown) guard(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		if !s.token && !s.asked {
			s.held = true
			got.Conn.Close()
		}
	}})
}
