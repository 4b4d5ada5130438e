package exchange

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func client(roots *x509.CertPool) *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

// do sends one request; a body has a type, and authorization may be "".
func (x *Exchange) do(ctx context.Context, method, path, authorization, kind, body string) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, x.Issuer+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := x.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, answer, err
}

// Tokens are an answer of the token endpoint, or its error.
type Tokens struct {
	ID      string `json:"id_token"`
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`
	Text    string `json:"error_description"`
}

// Token asks the token endpoint, as kubecred's client.
func (x *Exchange) Token(ctx context.Context, form url.Values) (t Tokens, err error) {
	form.Set("client_id", Client)
	_, body, err := x.do(ctx, http.MethodPost, "/token", "", "application/x-www-form-urlencoded", form.Encode())
	if err == nil {
		err = json.Unmarshal(body, &t)
	}
	return t, err
}

// SignIn gets a user's tokens for an audience.
func (x *Exchange) SignIn(ctx context.Context, name, audience string) (Tokens, error) {
	t, err := x.Token(ctx, url.Values{
		"grant_type": {"password"}, "username": {name}, "password": {Password}, "scope": {"openid"}, "audience": {audience},
	})
	if err == nil && t.Error != "" {
		err = fmt.Errorf("%s: %s", t.Error, t.Text)
	}
	return t, err
}

// Review is what a cluster's API server is told about a token.
func (x *Exchange) Review(ctx context.Context, cluster, token string) (authv1.TokenReviewStatus, error) {
	asked, err := json.Marshal(authv1.TokenReview{
		TypeMeta: metav1.TypeMeta{APIVersion: authv1.SchemeGroupVersion.String(), Kind: "TokenReview"},
		Spec:     authv1.TokenReviewSpec{Token: token},
	})
	if err != nil {
		return authv1.TokenReviewStatus{}, err
	}
	status, body, err := x.do(ctx, http.MethodPost, "/v1/clusters/"+cluster+"/tokenreview", "Bearer "+Caller(cluster), "application/json", string(asked))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%d: %s", status, body)
	}
	var review authv1.TokenReview
	if err == nil {
		err = json.Unmarshal(body, &review)
	}
	return review.Status, err
}

// Credentials asks for a certificate with a bearer token, and returns the status.
func (x *Exchange) Credentials(ctx context.Context, token, cluster, csr string) (int, error) {
	asked, err := json.Marshal(map[string]any{
		"apiVersion": "exchange.kubecred.dev/v1", "kind": "CredentialRequest",
		"spec": map[string]any{"certificateSigningRequest": csr, "cluster": cluster},
	})
	if err != nil {
		return 0, err
	}
	status, _, err := x.do(ctx, http.MethodPost, "/v1/credentials", "Bearer "+token, "application/json", string(asked))
	return status, err
}

// Decision is one line of the audit.
type Decision struct {
	Event    string `json:"msg"`
	Decision string `json:"decision"`
	Reason   string `json:"reason"`
	Digest   string `json:"name_digest"` // of the name as typed
	User     string `json:"user"`        // as clusters know it
	Subject  string `json:"subject"`
	Cluster  string `json:"cluster"`
	Session  string `json:"session"`
	JTI      string `json:"jti"`
}

// Decisions are those about one user so far, in their order. Failed sign-ins are
// known by the digest of the name, once the user has signed in.
func (x *Exchange) Decisions(name string) ([]Decision, error) {
	all, err := x.decisions()
	digests := map[string]bool{}
	named := func(d Decision) bool { return d.User == Prefix+name || d.Subject == name }
	for _, d := range all {
		if named(d) && d.Digest != "" {
			digests[d.Digest] = true
		}
	}
	return slices.DeleteFunc(all, func(d Decision) bool { return !named(d) && !digests[d.Digest] }), err
}

func (x *Exchange) decisions() (all []Decision, err error) {
	f, err := os.Open(x.path("audit.log"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var d Decision
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return nil, fmt.Errorf("the audit has the line %q", lines.Text())
		}
		all = append(all, d)
	}
	return all, lines.Err()
}
