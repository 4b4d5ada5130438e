package cluster

import (
	"context"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
)

func (c *Cluster) core() (*coreclient.CoreV1Client, error) {
	config := c.Config()
	config.BearerToken = AdminToken
	return coreclient.NewForConfig(config)
}

// BootstrapToken makes a bootstrap token and waits until the API server takes it, which it learns of by a watch.
func (c *Cluster) BootstrapToken(ctx context.Context, id, secret string) (string, error) {
	client, err := c.core()
	if err != nil {
		return "", err
	}
	held := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "bootstrap-token-" + id},
		Type:       corev1.SecretTypeBootstrapToken,
		StringData: map[string]string{"token-id": id, "token-secret": secret, "usage-bootstrap-authentication": "true"},
	}
	if _, err := client.Secrets("kube-system").Create(ctx, held, metav1.CreateOptions{}); err != nil {
		return "", err
	}
	token := id + "." + secret
	return token, c.WaitForToken(ctx, token)
}

// ServiceAccountToken makes a service account in the namespace default, and a token of it by TokenRequest.
func (c *Cluster) ServiceAccountToken(ctx context.Context, name string, life time.Duration) (string, error) {
	client, err := c.core()
	if err != nil {
		return "", err
	}
	accounts := client.ServiceAccounts(metav1.NamespaceDefault)
	if _, err := accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		return "", err
	}
	seconds := int64(life.Seconds())
	request := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	made, err := accounts.CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return made.Status.Token, nil
}
