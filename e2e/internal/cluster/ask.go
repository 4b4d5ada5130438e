package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	rbacclient "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/rest"
)

// Config is how to reach the cluster, with no credential.
func (c *Cluster) Config() *rest.Config {
	return &rest.Config{
		Host:            c.URL,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.CA},
		Timeout:         10 * time.Second,
		QPS:             -1, // one test asks often and must not be slowed
	}
}

// WhoAmI is the API server's own opinion of whose credential a configuration carries.
func WhoAmI(ctx context.Context, config *rest.Config) (authv1.UserInfo, error) {
	client, err := authclient.NewForConfig(config)
	if err != nil {
		return authv1.UserInfo{}, err
	}
	review, err := client.SelfSubjectReviews().Create(ctx, &authv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return authv1.UserInfo{}, err
	}
	return review.Status.UserInfo, nil
}

// WaitForToken waits until the API server takes a token of the issuer.
// It fetches the issuer's keys only every 10 s, and /readyz does not wait for that.
func (c *Cluster) WaitForToken(ctx context.Context, token string) error {
	config := c.Config()
	config.BearerToken = token
	ctx, cancel := context.WithTimeout(ctx, 45*time.Second)
	defer cancel()
	return c.api.Ready(ctx, func(ctx context.Context) error {
		_, err := WhoAmI(ctx, config)
		return err
	})
}

// LetListPods allows a group of the issuer to list pods everywhere.
func (c *Cluster) LetListPods(ctx context.Context, group string) error {
	config := c.Config()
	config.BearerToken = AdminToken
	client, err := rbacclient.NewForConfig(config)
	if err != nil {
		return err
	}
	// A role of our own: the rules of "view" are put together by a controller, and none runs here.
	meta := metav1.ObjectMeta{Name: "pods-for-" + group}
	role := &rbacv1.ClusterRole{
		ObjectMeta: meta,
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}},
	}
	if _, err := client.ClusterRoles().Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return err
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta,
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: Prefix + group}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
	}
	_, err = client.ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
	return err
}

func (c *Cluster) readyz(ctx context.Context) error {
	transport, err := rest.TransportFor(c.Config())
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(response.Body, 4096))
		return errors.Join(fmt.Errorf("%s: %s", response.Status, text), err)
	}
	return nil
}
