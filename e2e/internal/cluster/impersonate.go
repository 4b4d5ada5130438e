package cluster

import (
	"context"
	"fmt"
	"time"

	authzv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authzclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	rbacclient "k8s.io/client-go/kubernetes/typed/rbac/v1"
)

// Acting is whom somebody may act as.
type Acting struct{ User, Group, UID string }

// LetImpersonate allows a user to act as somebody, and waits until the API server knows.
func (c *Cluster) LetImpersonate(ctx context.Context, user string, as Acting) error {
	config := c.Config()
	config.BearerToken = AdminToken
	client, err := rbacclient.NewForConfig(config)
	if err != nil {
		return err
	}
	rule := func(group, resource, name string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: []string{name}, Verbs: []string{"impersonate"}}
	}
	meta := metav1.ObjectMeta{Name: "act-as-" + as.User}
	role := &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		rule("", "users", as.User), rule("", "groups", as.Group), rule("authentication.k8s.io", "uids", as.UID),
	}}
	if _, err := client.ClusterRoles().Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return err
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta,
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
	}
	if _, err := client.ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return err
	}
	return c.waitForImpersonation(ctx, user, as.User)
}

// waitForImpersonation asks the authorizer, which hears of a new rule a moment later.
func (c *Cluster) waitForImpersonation(ctx context.Context, user, as string) error {
	config := c.Config()
	config.BearerToken = AdminToken
	client, err := authzclient.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	review := &authzv1.SubjectAccessReview{Spec: authzv1.SubjectAccessReviewSpec{
		User: user, ResourceAttributes: &authzv1.ResourceAttributes{Verb: "impersonate", Resource: "users", Name: as},
	}}
	return c.api.Ready(ctx, func(ctx context.Context) error {
		answer, err := client.SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err == nil && !answer.Status.Allowed {
			err = fmt.Errorf("%s may not act as %s yet", user, as)
		}
		return err
	})
}
